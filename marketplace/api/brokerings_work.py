"""What follows an award: the contract, and the implementation without subsidy, begun, finished and confirmed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from marketplace.actions import brokering_awards as awards
from marketplace.actions import implementations
from marketplace.actions.implementations import ConfirmDraft, FinishDraft
from marketplace.api.attached import FILE, form_of, stored_file
from marketplace.api.brokerings_steps import acted, step_of
from marketplace.api.introductions_steps import acted_introduction
from marketplace.api.operation import Done, Model, operation, refuse_faults, refuse_field
from marketplace.domain.brokerings import ContractDraft, check_contract
from marketplace.domain.lifecycle import _
from marketplace.domain.money import fen_from_wan
from marketplace.guard import permission
from marketplace.site import current_site

_DAY: JsonDict = {"format": "date"}
_MOST = Decimal(100_000_000)


class ContractForm(Model):
    """The fields of the multipart form; days as 2026-11-20."""

    amount_wan: str = Field(max_length=20)
    signed: str = Field(max_length=10, json_schema_extra=_DAY)
    starts: str = Field(max_length=10, json_schema_extra=_DAY)
    ends: str = Field(max_length=10, json_schema_extra=_DAY)
    scan: bytes = FILE
    """A PDF or a picture; what is not the amount may be covered."""


class BegunIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"started": "2026-11-20"}]})
    started: date


class FinishIn(Model):
    """What was done, with what effect. With an indicator all three of its figures are wanted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "finished": "2026-11-20", "effect": "停机减少", "indicator": "月停机", "unit": "小时", "baseline": 40.0, "target": 10.0,
                    "measured": 8.0,
                }
            ]
        }
    )  # fmt: skip
    finished: date
    effect: str = Field(max_length=5_000)
    indicator: str = Field("", max_length=100)
    unit: str = Field("", max_length=32)
    baseline: float | None = Field(None, allow_inf_nan=False)
    target: float | None = Field(None, allow_inf_nan=False)
    measured: float | None = Field(None, allow_inf_nan=False)


class ConfirmIn(Model):
    """How the enterprise found it. What the centre writes down for it needs a proof, and is done on the page."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"result": "passed", "rating": 5, "remark": "按期"}]})
    result: Literal["passed", "rectified", "failed"]
    rating: int = Field(ge=1, le=5)
    remark: str = Field("", max_length=2_000)


@permission("choose", "brokering", scope="write")
@operation(
    "/brokerings/<id>/contract",
    method="POST",
    summary="Record the contract with the chosen provider",
    tag="brokerings",
    upload=ContractForm,
    answer=Done,
    writes=True,
    match="may",
)
def record_contract(id: str) -> Done:
    form = form_of(ContractForm, "scan")
    draft = ContractDraft(_fen(form), *(_day(form, name) for name in ("signed", "starts", "ends")))

    def act(number: int) -> object:
        step = step_of()
        refuse_faults(check_contract(draft, step.today, has_scan=True))
        return awards.record_contract(current_site().database, number, draft, step, scan=stored_file("scan"))

    return acted(id, act)


def _fen(form: dict[str, str]) -> int:
    try:
        wan = Decimal(form["amount_wan"])
    except InvalidOperation:
        wan = Decimal("NaN")
    if not wan.is_finite() or abs(wan) > _MOST:
        refuse_field("body.amount_wan", "float_parsing", _("应为数字。"))
    return fen_from_wan(wan)


def _day(form: dict[str, str], field: str) -> date:
    try:
        return date.fromisoformat(form[field])
    except ValueError:
        refuse_field(f"body.{field}", "date_parsing", _("日期应写成 2026-11-20。"))


@permission("choose", "brokering", scope="write")
@operation(
    "/brokerings/<id>/start",
    method="POST",
    summary="Record that work began, without subsidy",
    tag="brokerings",
    body=BegunIn,
    answer=Done,
    writes=True,
    match="may",
)
def start_implementation(id: str, body: BegunIn) -> Done:
    return acted(id, lambda number: implementations.start(current_site().database, number, body.started, step_of()))


def _finished(number: int, body: FinishIn) -> object:
    draft = FinishDraft(**{name: getattr(body, name) for name in FinishIn.model_fields})
    return implementations.report_finish(current_site().database, number, draft, step_of())


@permission("run", "brokering", scope="write")
@operation(
    "/brokerings/<id>/finish",
    method="POST",
    summary="Write down that the work is done, as its provider reported",
    tag="brokerings",
    body=FinishIn,
    answer=Done,
    writes=True,
    match="may",
)
def write_finish_down(id: str, body: FinishIn) -> Done:
    return acted(id, lambda number: _finished(number, body))


@permission("answer", "brokering", scope="write")
@operation(
    "/introductions/<id>/finish",
    method="POST",
    summary="The chosen provider reports that the work is done; the enterprise confirms",
    tag="brokerings",
    body=FinishIn,
    answer=Done,
    writes=True,
)
def report_finish(id: str, body: FinishIn) -> Done:
    """Answers with the introduction's own state, which stays as it is."""
    return acted_introduction(id, lambda _number, brokering: _finished(brokering, body))


@permission("choose", "brokering", scope="write")
@operation(
    "/brokerings/<id>/confirm",
    method="POST",
    summary="The enterprise confirms that the work is done, and rates it",
    tag="brokerings",
    body=ConfirmIn,
    answer=Done,
    writes=True,
    match="may",
)
def confirm_implementation(id: str, body: ConfirmIn) -> Done:
    draft = ConfirmDraft(body.result, body.rating, body.remark)
    return acted(id, lambda number: implementations.confirm(current_site().database, number, draft, step_of()))
