"""Errors as pages: where, what is wrong and how to go on, in one sentence, with a number for asking."""

from __future__ import annotations

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.faults import Fault
from marketplace.guard import request_id


def page_of(fault: Fault) -> AnyResponse:
    """The page of a fault. Whoever has not logged in is led to the log-in and back."""
    if fault.status == 401:
        here = request.full_path.rstrip("?") if request.method == "GET" else ""
        return redirect(url_for("accounts.log_in_form", next=here or None), 303)
    answer: Response = make_response(render_template("errors/fault.html", fault=fault, number=request_id()), fault.status)
    answer.headers.update(fault.headers)
    return answer


def last_resort(fault: Fault) -> AnyResponse:
    """When even the error page cannot be made: plain words, no template, no database."""
    return Response(f"{fault.title}\n{fault.message}\n{request_id()}\n", fault.status, mimetype="text/plain")
