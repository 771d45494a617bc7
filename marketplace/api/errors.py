"""Faults as application/problem+json (RFC 9457), with the sentences that pages show and a stable code for programs."""

from __future__ import annotations

import json

from flask import Response

from marketplace.faults import Fault, said
from marketplace.guard import request_id

MIMETYPE = "application/problem+json"


def answer_of(fault: Fault) -> Response:
    """The JSON answer of a fault."""
    body = {
        "type": "about:blank",
        "status": fault.status,
        "code": fault.code,
        "title": said(fault.title, {}),
        "detail": fault.detail,
        "errors": [{"field": row.field, "code": row.code, "message": said(row.message, row.values)} for row in fault.errors],
        "request_id": request_id(),
    }
    answer = Response(json.dumps(body, ensure_ascii=False), fault.status, mimetype=MIMETYPE)
    answer.headers.update(fault.headers)
    if fault.status == 401:
        answer.headers.setdefault("WWW-Authenticate", 'Bearer realm="jigai"')
    return answer
