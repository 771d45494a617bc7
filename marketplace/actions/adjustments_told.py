"""Who is told what of a case, and who is next: tasks, notices and letters, written with the step that they follow from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.jobs import enqueue_job
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.adjustments import FLAGS, AdjustmentKind
from marketplace.domain.lifecycle import _
from marketplace.records.adjustments import Adjustment, Appeal, find_clients
from marketplace.records.providers import Provider

ADJUSTMENT, APPEAL = "adjustment", "appeal"
BUREAU = (Role.BUREAU,)
_K = AdjustmentKind

TO_DECIDE: Mapping[AdjustmentKind, str] = {
    _K.CLEAR: _("决定是否解除{provider}的警示（{number}）"),
    _K.REINSTATE: _("决定是否恢复{provider}（{number}）"),
    _K.WARN: _("决定是否警示{provider}（{number}）"),
    _K.RECTIFY: _("决定是否责令{provider}限期整改（{number}）"),
    _K.SUSPEND: _("决定是否暂停{provider}（{number}）"),
    _K.RETIRE: _("决定是否淘汰{provider}（{number}）"),
}
TO_CONFIRM: Mapping[AdjustmentKind, str] = {
    _K.SUSPEND: _("复核：暂停{provider}（{number}）"),
    _K.RETIRE: _("复核：淘汰{provider}（{number}）"),
}
# What the provider itself is told.
_TO_PROVIDER: Mapping[AdjustmentKind, str] = {
    _K.CLEAR: _("贵单位的警示已解除（{number}）。"),
    _K.REINSTATE: _("贵单位已恢复，方案重新可以查到，可以接新单（{number}）。"),
    _K.WARN: _("贵单位被警示（{number}）：仍可查到、可接新单，推荐时排后。如有异议，请在 {appeal_until} 24:00 前申诉。"),
    _K.RECTIFY: _("贵单位被责令限期整改（{number}），请在 {due} 24:00 前整改并提交材料，其间不接新单。可在 {appeal_until} 24:00 前申诉。"),
    _K.SUSPEND: _("贵单位被暂停（{number}）：方案不再显示，在施项目照常进行。如有异议，请在 {appeal_until} 24:00 前申诉。"),
    _K.RETIRE: _("贵单位被淘汰出资源池（{number}），{reapply_from} 起可以再次申报。如有异议，请在 {appeal_until} 24:00 前申诉。"),
}
# What brokers are told, and enterprises with running work; a warning is not for the latter.
_TO_BROKERS: Mapping[AdjustmentKind, str] = {
    _K.CLEAR: _("{provider}的警示已解除（{number}）。"),
    _K.REINSTATE: _("{provider}已恢复，可以接新单（{number}）。"),
    _K.WARN: _("{provider}被警示，选用前请先核实（{number}）。"),
    _K.RECTIFY: _("{provider}限期整改至 {due}，其间不接新单（{number}）。"),
    _K.SUSPEND: _("{provider}被暂停，在施项目照常进行（{number}）。"),
    _K.RETIRE: _("{provider}被淘汰出资源池，{running} 个在施项目已标记（{number}）。"),
}
_TO_CLIENTS: Mapping[AdjustmentKind, str] = {
    _K.REINSTATE: _("{provider}已恢复，可以照常合作。"),
    _K.RECTIFY: _("{provider}正在限期整改（至 {due}），其间不接新单。您的在施项目照常进行，有问题请联系能力中心。"),
    _K.SUSPEND: _("{provider}已暂停，不接新单。您的在施项目照常进行，有问题请联系能力中心。"),
    _K.RETIRE: _("{provider}已退出资源池。您的在施项目按合同继续，能力中心会与您联系。"),
}


# The form of the letter that tells the provider.
LETTERS: Mapping[AdjustmentKind, str] = {
    _K.CLEAR: "warning_lifted",
    _K.REINSTATE: "reinstatement",
    _K.WARN: "warning",
    _K.RECTIFY: "rectification",
    _K.SUSPEND: "suspension",
    _K.RETIRE: "retirement",
}


def _values(case: Adjustment) -> dict[str, object]:
    days = {"due": case.due, "appeal_until": case.appeal_until, "reapply_from": case.reapply_from}
    said = {name: day.isoformat() if day else "" for name, day in days.items()}
    return {"provider": case.provider.name, "number": case.number, "running": len(case.effects.get("running", ())), **said}


def ask(session: Session, case: Adjustment, kind: str, message: str, *, at: datetime, due: date | None, bureau: bool = True) -> None:
    """The one thing that this case waits for now; what it waited for before is done."""
    close_tasks(session, ADJUSTMENT, case.id, at=at)
    common: dict[str, Any] = {"noun": ADJUSTMENT, "noun_id": case.id, "public_ref": case.public_id, "at": at, "due": due}
    if bureau:
        open_task(session, kind, message, **common, values=_values(case), roles=BUREAU)
    else:
        open_task(session, kind, message, **common, values=_values(case), organisation_id=case.provider.organisation_id)


def ask_for_decision(session: Session, case: Adjustment, at: datetime) -> None:
    """It waits for the bureau, which also gets a notice."""
    message = TO_DECIDE[case.kind]
    ask(session, case, "decide_adjustment", message, at=at, due=case.step_by)
    tell_staff(session, case, message, at)


def tell_staff(session: Session, case: Adjustment, message: str, at: datetime, roles: tuple[Role, ...] = BUREAU) -> None:
    accounts = accounts_of_roles(session, roles)
    notify(session, accounts, ADJUSTMENT, message, at=at, values=_values(case), noun=ADJUSTMENT, public_ref=case.public_id)


def tell_provider(session: Session, case: Adjustment, message: str, at: datetime, **more: object) -> None:
    accounts = accounts_of_organisation(session, case.provider.organisation_id)
    values = {**_values(case), **more}
    notify(session, accounts, ADJUSTMENT, message, at=at, values=values, noun=ADJUSTMENT, public_ref=case.public_id)


def tell_clients(session: Session, case: Adjustment, at: datetime) -> None:
    """Enterprises with running work hear of a decision that is not the pool's own business."""
    if case.kind in _TO_CLIENTS:
        tell_enterprises(session, case.provider, _TO_CLIENTS[case.kind], at, _values(case))


def tell_enterprises(session: Session, provider: Provider, message: str, at: datetime, values: Mapping[str, object]) -> None:
    """Everybody of the enterprises with running work of this provider; the notice leads to the provider."""
    for enterprise in find_clients(session, provider.id):
        accounts = accounts_of_organisation(session, enterprise.organisation_id)
        notify(session, accounts, ADJUSTMENT, message, at=at, values=dict(values), noun="provider", public_ref=provider.public_id)


def tell_decision(session: Session, case: Adjustment, at: datetime) -> None:
    """A decision took effect: the provider, the brokers, and the enterprises concerned hear of it; its letter is written."""
    tell_provider(session, case, _TO_PROVIDER[case.kind], at)
    tell_staff(session, case, _TO_BROKERS[case.kind], at, (Role.CENTRE, Role.MANAGER))
    tell_clients(session, case, at)
    send_letter(session, LETTERS[case.kind], ADJUSTMENT, case.id, at)


def ask_to_rectify(session: Session, case: Adjustment, at: datetime) -> None:
    """The provider has the ball until the term is over."""
    ask(session, case, "rectify", _("整改并提交材料（{number}）"), at=at, due=case.due, bureau=False)


def ask_about_appeal(session: Session, appeal: Appeal, at: datetime) -> None:
    case = appeal.adjustment
    message, values = _("{provider}对 {number} 提出申诉：请决定"), _values(case)
    common: dict[str, Any] = {"noun": APPEAL, "noun_id": appeal.id, "public_ref": case.public_id}
    open_task(session, "decide_appeal", message, **common, at=at, values=values, roles=BUREAU, due=appeal.decide_by)
    tell_staff(session, case, message, at, (Role.BUREAU, Role.MANAGER))


def tell_unflagged(session: Session, case: Adjustment, at: datetime) -> None:
    """The provider is back: whoever was told of the decision is told of its end."""
    if case.kind in FLAGS:
        tell_enterprises(session, case.provider, _TO_CLIENTS[_K.REINSTATE], at, _values(case))


def send_letter(session: Session, letter: str, noun: str, number: int, at: datetime) -> None:
    """Have a letter written once this is committed; it is attached to its case."""
    enqueue_job(session, "letter", {"letter": letter, "noun": noun, "id": number}, at=at)
