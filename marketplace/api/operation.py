"""One decorator per operation of the API: what it takes, what it answers, and which faults it may answer with.

The same declaration checks the request, writes the answer and generates the OpenAPI document, so that they cannot differ.
APIFlask and its kin read pydantic models as well, but name nested models anew for every parent and leave bodies optional.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, NoReturn

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, RootModel, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from marketplace.api.writing import KEY, MATCH, done_once, fault_of_step, must_name_version
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.faults import FaultError, Problem, fault_of_problems

api = Blueprint("api", __name__, url_prefix="/api/v1")


class Model(BaseModel):
    """Base of everything that the API takes or answers: no unknown field, no quiet conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Versioned(Model):
    """Base of answers about what several people write: the version is the ETag, too, and comes back as If-Match."""

    version: str


class Done(Versioned):
    """What became of a thing that was written: its id, its state now, and the version on which the next step rests."""

    id: str
    state: str


@dataclass(frozen=True)
class Header:
    """A header of the request."""

    name: str
    text: str
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """What is said of one operation in the OpenAPI document. `answer` None: a file. `writes`: done once for each Idempotency-Key."""

    summary: str
    tag: str
    query: type[Model] | None
    body: type[BaseModel] | None
    answer: type[Model] | None
    status: int
    statuses: tuple[int, ...]
    etag: bool
    upload: type[Model] | None
    headers: tuple[Header, ...]
    writes: bool


_KEY_HEADER = Header(KEY, "Sent again with the same key, the request is done once and answered as before.")
_MATCH_TEXT = "The `version` that was read. If somebody has written since, nothing happens and the answer is 412."


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
    answer: type[Model] | None,
    method: str = "GET",
    query: type[Model] | None = None,
    body: type[BaseModel] | None = None,
    upload: type[Model] | None = None,
    status: int = 200,
    faults: tuple[int, ...] = (),
    etag: bool = False,
    writes: bool = False,
    match: Literal["", "may", "must"] = "",
) -> Callable[[Callable[..., Model | Response]], Callable[..., Response]]:
    """Register a view of the API. It gets `query` and `body` as checked models and answers with one.

    `match`: whether the request may, or must, name the version on which it rests (If-Match).
    """
    statuses = {400, 401, 422, 500, 503, *faults} if query or body or upload else {401, 500, 503, *faults}
    statuses |= {413, 415} if body or upload else set()
    statuses |= {400, 409, 422} if writes else set()
    statuses |= {412} if match else set()
    headers = [Header(MATCH, _MATCH_TEXT, match == "must")] if match else []
    headers += [_KEY_HEADER] if writes else []
    about = Operation(summary, tag, query, body, answer, status, tuple(sorted(statuses)), etag, upload, tuple(headers), writes)

    def decorate(view: Callable[..., Model | Response]) -> Callable[..., Response]:
        @wraps(view)
        def called(**path_values: Any) -> Response:
            taken: dict[str, Any] = {"query": _query(query)} if query else ({} if upload else _no_query())
            if body:
                taken["body"] = _body(body)
            if body and writes:
                _refuse_nul(taken["body"])
            if match == "must":
                must_name_version()

            def work() -> Response:
                try:
                    found = view(**path_values, **taken)
                except RefusedError as error:
                    raise fault_of_step(error.refused) from error
                return found if isinstance(found, Response) else written(found, status, etag=etag)

            return done_once(work) if writes else work()

        called.operation = about  # type: ignore[attr-defined]
        api.add_url_rule(path, endpoint=view.__name__, view_func=called, methods=[method])
        return called

    return decorate


def written(answer: Model, status: int = 200, *, etag: bool = False) -> Response:
    """A model as JSON; with an ETag, a client that has it already gets 304 and no body."""
    body = answer.model_dump_json()
    response = Response(body, status, mimetype="application/json")
    if isinstance(answer, Versioned):
        response.set_etag(answer.version)
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


def refuse_faults(faults: Iterable[tuple[str, Refused]]) -> None:
    """Answer 422 with everything that the check of a draft found, field by field; nothing happens where it found nothing."""
    if found := [Problem(f"body.{field}".rstrip("."), refused.code, refused.message, refused.values) for field, refused in faults]:
        refuse(found)


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
        found = model.model_validate_json(request.get_data(), strict=True)
    except ValidationError as error:
        if any(row["type"] == "json_invalid" for row in error.errors(include_url=False)):
            raise BadRequest() from error
        refuse(_problems(error, "body", choice=issubclass(model, RootModel)))
    return found


def _refuse_nul(body: BaseModel) -> None:
    """Nobody types a NUL, and PostgreSQL holds none."""
    if b"\\u0000" in request.get_data() and (places := list(_nul(body.model_dump(), "body"))):
        refuse(Problem(place, "string_pattern_mismatch", SENTENCES["string_pattern_mismatch"]) for place in places)


def _nul(value: Any, place: str) -> Iterator[str]:
    """Where a NUL stands."""
    if isinstance(value, str) and "\0" in value:
        yield place
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _nul(name, place)
            yield from _nul(one, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _nul(one, f"{place}.{number}")


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
