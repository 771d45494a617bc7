"""The API documentation, browsable without any network: Swagger UI from its own package."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, send_from_directory

from marketplace.api.openapi import document
from marketplace.guard import not_found, open_to_all

pages = Blueprint("api_docs", __name__, url_prefix="/api")
ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")


@cache
def _folder() -> Path:
    spec = find_spec("swagger_ui_bundle")
    assert spec is not None
    assert spec.origin is not None
    return next((Path(spec.origin).parent / "vendor").glob("swagger-ui-*"))


@pages.get("/v1/openapi.json")
@open_to_all
def spec() -> Response:
    """The document itself."""
    return _json(document(current_app))


@pages.get("/docs/openapi.json")
@open_to_all
def spec_for_page() -> Response:
    """The document as the bundled Swagger UI can show it: that version knows 3.0 only and leaves a page empty at 3.1."""
    return _json(_lowered({**document(current_app), "openapi": "3.0.3"}))


@pages.get("/docs")
@open_to_all
def page() -> Response:
    """The page."""
    answer = make_response(render_template("api/docs.html"))
    # Swagger UI draws its icons as data: images; on this page, which shows nothing of the site's, it may.
    policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    answer.headers["Content-Security-Policy"] = policy + "base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors 'none'"
    return answer


@pages.get("/docs/assets/<name>")
@open_to_all
def asset(name: str) -> Response:
    """Swagger UI's own files, and no other of its package."""
    return send_from_directory(_folder(), name, max_age=7 * 24 * 3600) if name in ASSETS else not_found()


def _json(value: dict[str, Any]) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), mimetype="application/json")


def _lowered(value: Any) -> Any:
    """OpenAPI 3.1 → what 3.0 can say of the same: `anyOf [X, null]` becomes X that may be null, `const` an enum of one."""
    if isinstance(value, list):
        return [_lowered(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _lowered(item) for key, item in value.items()}
    choices = found.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del found["anyOf"]
        found |= {
            "nullable": True,
            **({"allOf": rest} if len(rest) == 1 and "$ref" in rest[0] else rest[0] if len(rest) == 1 else {"anyOf": rest}),
        }
    if "const" in found:
        found["enum"] = [found.pop("const")]
    return found
