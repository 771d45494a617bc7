"""Every operation of the API, registered. An import is what puts an operation on the blueprint."""

from __future__ import annotations

from flask import Flask

from marketplace.api import (
    adjustments,
    adjustments_steps,
    application_files,
    application_sections,
    applications,
    attached,
    calls,
    catalogue,
    catalogue_review,
    catalogue_writing,
    certificates,
    docs,
    enterprises,
    history,
    imports,
    index,
    library,
    listings,
    notices,
    problems,
    publicity,
    ratings,
    recommendations,
    reviews,
    reviews_expert,
    reviews_steps,
    search,
    tasks,
    windows,
)
from marketplace.api.operation import api

OPERATIONS = (
    *(search, recommendations, library, listings, enterprises, problems, imports, index),
    *(windows, publicity, applications, application_sections, application_files, attached),
    *(reviews, reviews_steps, reviews_expert, catalogue, catalogue_writing, catalogue_review, calls),
    *(ratings, certificates, adjustments, adjustments_steps, tasks, notices, history),
)


def register(app: Flask) -> None:
    app.register_blueprint(api)
    app.register_blueprint(docs.pages)
