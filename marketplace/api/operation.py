"""One decorator per operation of the API: what it takes, what it answers, and which faults it may answer with.

The same declaration checks the request, writes the answer and generates the OpenAPI document, so that they cannot differ.
APIFlask and its kin read pydantic models as well, but name nested models anew for every parent and leave bodies optional.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, NoReturn

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, RootModel, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from marketplace.domain.lifecycle import _
from marketplace.faults import FaultError, Problem, fault_of_problems

api = Blueprint("api", __name__, url_prefix="/api/v1")


class Model(BaseModel):
    """Base of everything that the API takes or answers: no unknown field, no quiet conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


@dataclass(frozen=True)
class Operation:
    """What is said of one operation in the OpenAPI document. `form`: names and descriptions of a multipart form's fields."""

    summary: str
    tag: str
    query: type[Model] | None
    body: type[BaseModel] | None
    answer: type[Model]
    status: int
    statuses: tuple[int, ...]
    etag: bool
    upload: type[Model] | None
    headers: tuple[tuple[str, str], ...]


# pydantic's kinds of error → our sentence; the rest is told in its own words.
SENTENCES: dict[str, str] = {
    "missing": _("没有填。"),
    "extra_forbidden": _("这里没有这一项。"),
    "repeated": _("写了不止一次，只能写一次。"),
    "int_parsing": _("应为整数。"),
    "int_type": _("应为整数。"),
    "int_from_float": _("应为整数。"),
    "float_parsing": _("应为数字。"),
    "float_type": _("应为数字。"),
    "finite_number": _("应为有限的数字。"),
    "bool_parsing": _("应为 true 或 false。"),
    "bool_type": _("应为 true 或 false。"),
    "string_type": _("应为文字。"),
    "list_type": _("应为列表。"),
    "model_type": _("应为一个对象。"),
    "enum": _("只能是：{expected}。"),
    "literal_error": _("只能是：{expected}。"),
    "greater_than_equal": _("不能小于 {ge}。"),
    "greater_than": _("应大于 {gt}。"),
    "less_than_equal": _("不能大于 {le}。"),
    "less_than": _("应小于 {lt}。"),
    "string_too_short": _("至少 {min_length} 个字。"),
    "string_too_long": _("最多 {max_length} 个字。"),
    "string_pattern_mismatch": _("写法不对。"),
    "too_long": _("最多 {max_length} 项。"),
    "too_short": _("至少 {min_length} 项。"),
    "json_invalid": _("不是有效的 JSON。"),
}


def operation(
    path: str,
    *,
    summary: str,
    tag: str,
    answer: type[Model],
    method: str = "GET",
    query: type[Model] | None = None,
    body: type[BaseModel] | None = None,
    upload: type[Model] | None = None,
    status: int = 200,
    faults: tuple[int, ...] = (),
    etag: bool = False,
    headers: tuple[tuple[str, str], ...] = (),
) -> Callable[[Callable[..., Model | Response]], Callable[..., Response]]:
    """Register a view of the API. It gets `query` and `body` as checked models and answers with one."""
    statuses = {400, 401, 422, 500, 503, *faults} if query or body or upload else {401, 500, 503, *faults}
    statuses |= {413, 415} if body or upload else set()
    about = Operation(summary, tag, query, body, answer, status, tuple(sorted(statuses)), etag, upload, headers)

    def decorate(view: Callable[..., Model | Response]) -> Callable[..., Response]:
        @wraps(view)
        def called(**path_values: Any) -> Response:
            taken: dict[str, Any] = {"query": _query(query)} if query else ({} if upload else _no_query())
            if body:
                taken["body"] = _body(body)
            found = view(**path_values, **taken)
            return found if isinstance(found, Response) else written(found, status, etag=etag)

        called.operation = about  # type: ignore[attr-defined]
        api.add_url_rule(path, endpoint=view.__name__, view_func=called, methods=[method])
        return called

    return decorate


def written(answer: Model, status: int = 200, *, etag: bool = False) -> Response:
    """A model as JSON; with an ETag, a client that has it already gets 304 and no body."""
    body = answer.model_dump_json()
    response = Response(body, status, mimetype="application/json")
    if etag:
        response.set_etag(hashlib.sha256(body.encode()).hexdigest()[:32])
        response.make_conditional(request)
    return response


def refuse(problems: Iterable[Problem]) -> NoReturn:
    """Answer 422 with what is wrong, field by field."""
    raise FaultError(fault_of_problems(tuple(problems)))


def refuse_field(field: str, code: str, message: str, **values: Any) -> NoReturn:
    """Answer 422 for one field."""
    refuse([Problem(field, code, message, values)])


def _no_query() -> dict[str, Any]:
    if request.args:
        refuse(Problem(f"query.{name}", "extra_forbidden", SENTENCES["extra_forbidden"]) for name in request.args)
    return {}


def _query(model: type[Model]) -> Model:
    """The query string as a checked model. Every parameter stands at most once."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        refuse(Problem(f"query.{name}", "repeated", SENTENCES["repeated"]) for name in repeated)
    try:
        return model.model_validate_strings(request.args.to_dict())
    except ValidationError as error:
        refuse(_problems(error, "query"))


def _body(model: type[BaseModel]) -> BaseModel:
    """The JSON body as a checked model; false is not 0 and "3" is not 3."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType()
    try:
        return model.model_validate_json(request.get_data(), strict=True)
    except ValidationError as error:
        if any(row["type"] == "json_invalid" for row in error.errors(include_url=False)):
            raise BadRequest() from error
        refuse(_problems(error, "body", choice=issubclass(model, RootModel)))


def _problems(error: ValidationError, place: str, *, choice: bool = False) -> list[Problem]:
    found = []
    for row in error.errors(include_url=False):
        # The first step into a choice of models names the choice, not a field.
        steps = row["loc"][1:] if choice else row["loc"]
        path = ".".join([place, *(str(step) for step in steps)])
        message = SENTENCES.get(row["type"])
        values = row.get("ctx", {}) if message else {}
        found.append(Problem(path, row["type"], message or row["msg"], values))
    return found
