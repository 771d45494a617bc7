"""The OpenAPI 3.1 document, generated from the operations themselves; docs/openapi.json is its committed copy."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from marketplace.api.errors import MIMETYPE
from marketplace.api.operation import Operation, Versioned
from marketplace.faults import KNOWN
from marketplace.guard import policy_of

_REF = "#/components/schemas/{model}"
_FAULT = {
    "type": "object",
    "title": "Fault",
    "description": "What went wrong (RFC 9457). `code` is stable; `title` and `detail` are sentences for people.",
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"}},
                "required": ["field", "code", "message"],
            },
        },
        "request_id": {"type": "string"},
    },
    "required": ["type", "status", "code", "title", "detail", "errors", "request_id"],
}


def document(app: Flask) -> dict[str, Any]:
    """The whole document."""
    found = [
        (rule, view.operation)
        for rule in app.url_map.iter_rules()
        if (view := app.view_functions[rule.endpoint]) and hasattr(view, "operation")
    ]
    found.sort(key=lambda pair: (pair[0].rule, sorted(pair[0].methods or ())))
    models: set[type[BaseModel]] = set()
    for _rule, about in found:
        models |= {model for model in (about.body, about.upload) if model}
    _unused, taken = models_json_schema([(m, "validation") for m in _sorted(models)], ref_template=_REF)
    answers = {about.answer for _rule, about in found if about.answer}
    _unused, given = models_json_schema([(m, "serialization") for m in _sorted(answers)], ref_template=_REF)
    schemas: dict[str, Any] = {**taken.get("$defs", {}), **given.get("$defs", {}), "Fault": _FAULT}
    paths: dict[str, dict[str, Any]] = {}
    for rule, about in found:
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(app, rule, about)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "技改供需对接平台 API",
            "version": "1",
            "description": (
                "与网页相同的内容，供程序使用。金额单位为万元，工期单位为周，行业、环节等用试点配置的键。\n\n"
                "登录：个人令牌（`Authorization: Bearer jg_…`，在“我的账号”里新建），或浏览器会话加 `X-CSRFToken`。\n\n"
                "对接：企业和能力中心读 /brokerings，服务商读 /introductions；代录要附的凭据和一次性链接在网页上办理。\n\n"
                "The same as the pages, for programs. Money in 万元 (10,000 yuan), durations in weeks, keys of the pilot file."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Personal token jg_…"},
                "session": {"type": "apiKey", "in": "cookie", "name": "jigai", "description": "The browser's session"},
            },
        },
    }


def _sorted(models: set[type[BaseModel]]) -> list[type[BaseModel]]:
    return sorted(models, key=lambda model: model.__name__)


def _operation(app: Flask, rule: Rule, about: Operation) -> dict[str, Any]:
    policy = policy_of(app, rule.endpoint)
    assert policy is not None
    anybody = policy.permits_anyone()
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer" if f"<int:{name}>" in rule.rule else "string"}}
        for name in sorted(rule.arguments)
    ]
    parameters += _query_parameters(about.query) if about.query else []
    parameters += [
        {"name": one.name, "in": "header", "required": one.required, "description": one.text, "schema": {"type": "string"}}
        for one in about.headers
    ]
    if about.etag:
        text = "The ETag of an answer that the client has; unchanged, it is not sent again."
        parameters.append({"name": "If-None-Match", "in": "header", "required": False, "description": text, "schema": {"type": "string"}})
    found: dict[str, Any] = {
        "operationId": rule.endpoint.rpartition(".")[2],
        "summary": about.summary,
        "tags": [about.tag],
        "parameters": parameters,
        # What is not for everybody may be refused, and what has an address may not be there.
        "responses": _responses(about, {*about.statuses, *(() if anybody else (403,)), *((404,) if rule.arguments else ())}),
        "security": [*([{}] if anybody else []), {"token": []}, {"session": []}],
    }
    kind = "application/json" if about.body else "multipart/form-data"
    body = about.body or about.upload
    if body:
        found["requestBody"] = {"required": True, "content": {kind: {"schema": {"$ref": _REF.format(model=body.__name__)}}}}
    return found


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema(ref_template=_REF)
    definitions = schema.get("$defs", {})
    parameters = []
    for name, shape in schema["properties"].items():
        reference = shape.pop("$ref", None)
        if reference:
            shape = {**definitions[reference.rpartition("/")[2]], **shape}
        # A parameter that may be left out is left out; the word "null" is not a figure.
        kinds = [kind for kind in shape.pop("anyOf", []) if kind.get("type") != "null"]
        shape = {**shape, **(kinds[0] if kinds else {})}
        shape.pop("title", None)
        if shape.get("default") is None:
            shape.pop("default", None)
        text = shape.pop("description", "")
        parameters.append(
            {"name": name, "in": "query", "required": name in schema.get("required", []), "description": text, "schema": shape}
        )
    return parameters


def _responses(about: Operation, statuses: set[int]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "OK", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
    if about.answer is not None:
        answer["content"] = {"application/json": {"schema": {"$ref": _REF.format(model=about.answer.__name__)}}}
    responses: dict[str, Any] = {str(about.status): answer}
    if about.etag or (about.answer is not None and issubclass(about.answer, Versioned)):
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    if about.etag:
        responses["304"] = {"description": "Unchanged"}
    for status in sorted(statuses):
        responses[str(status)] = {
            "description": KNOWN[status][1],
            "content": {MIMETYPE: {"schema": {"$ref": _REF.format(model="Fault")}}},
        }
    return responses
