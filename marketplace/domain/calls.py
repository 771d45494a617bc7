"""A call for solutions (征集): a scenario for which staff ask providers to name what they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.providers import TAKES_NEW, ProviderState
from marketplace.domain.solutions import SolutionState
from marketplace.domain.texts import check_text


class CallState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    CLOSED = "closed"


_STAFF = (Role.MANAGER, Role.CENTRE, Role.ADMIN)

TABLE: Table = (
    Transition((CallState.DRAFT,), "publish", CallState.PUBLISHED, _STAFF, "发布征集"),
    Transition((CallState.PUBLISHED,), "close", CallState.CLOSED, _STAFF, "结束征集"),
)

# A solution that may answer: shown already, or on its way there.
ANSWERABLE = frozenset({SolutionState.PUBLISHED, SolutionState.DRAFT})


@dataclass
class CallDraft:
    """A call as it is typed. Both days belong to it: it ends on `closes` at 24:00."""

    scenario_code: str = ""
    title: str = ""
    text: str = ""
    opens: date | None = None
    closes: date | None = None


def check(draft: CallDraft, *, days_least: int) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be kept."""
    if not draft.scenario_code:
        yield "scenario_code", Refused("required", _("场景没有选。"))
    yield from check_text("title", _("标题"), draft.title, most=200, required=True)
    yield from check_text("text", _("征集内容"), draft.text, most=20_000, required=True)
    if draft.opens is None:
        yield "opens", Refused("required", _("开始日期没有填，请写成 2026-11-20。"))
    if draft.closes is None:
        yield "closes", Refused("required", _("截止日期没有填，请写成 2026-11-20。"))
    if draft.opens is not None and draft.closes is not None:
        days = (draft.closes - draft.opens).days + 1
        if days < days_least:
            message = _("征集只有 {days} 天，至少 {least} 天，服务商才来得及准备。")
            yield "closes", Refused("too_few_days", message, {"days": max(0, days), "least": days_least})


def is_running(state: CallState, opens: date, closes: date, today: date) -> bool:
    """Whether answers are taken today."""
    return state == CallState.PUBLISHED and opens <= today <= closes


def check_answer(
    *, state: CallState, opens: date, closes: date, today: date, provider: ProviderState, solution: SolutionState
) -> Refused | None:
    """Why this solution cannot answer the call today, or None."""
    if state == CallState.DRAFT or today < opens:
        return Refused("not_open_yet", _("征集从 {opens} 开始，现在还不能应征。"), {"opens": opens.isoformat()})
    if not is_running(state, opens, closes, today):
        return Refused("call_closed", _("征集已于 {closes} 24:00 截止。"), {"closes": closes.isoformat()})
    if provider not in TAKES_NEW:
        return Refused("takes_no_new", _("贵单位目前不接新单（整改、暂停或已退出），不能应征。"))
    if solution not in ANSWERABLE:
        return Refused("not_answerable", _("这个方案已下架或被拦截，不能应征。请选已发布的或草稿中的方案。"))
    return None
