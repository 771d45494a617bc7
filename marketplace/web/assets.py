"""Bootstrap's stylesheet from its own package: one file, no script, no content network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from marketplace.guard import open_to_all

pages = Blueprint("assets", __name__)


def _folder() -> Path:
    spec = find_spec("flask_bootstrap")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "static" / "bootstrap5" / "css"


FOLDER = _folder()


@pages.get("/bootstrap/bootstrap.min.css")
@open_to_all
def bootstrap() -> Response:
    return send_from_directory(FOLDER, "bootstrap.min.css", max_age=7 * 24 * 3600)
