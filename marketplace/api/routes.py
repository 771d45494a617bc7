"""Every operation of the API, registered. An import is what puts an operation on the blueprint."""

from __future__ import annotations

from flask import Flask

from marketplace.api import docs, enterprises, imports, index, library, problems, recommendations, search
from marketplace.api.operation import api

OPERATIONS = (search, recommendations, library, enterprises, problems, imports, index)


def register(app: Flask) -> None:
    app.register_blueprint(api)
    app.register_blueprint(docs.pages)
