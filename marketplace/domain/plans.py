"""一企一策: a plan as it is issued to an enterprise, and what weighs more for this enterprise than usual."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text

USUAL = 1
MOST = 5


class PlanState(StrEnum):
    ISSUED = "issued"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    SUPERSEDED = "superseded"


_CENTRE = (Role.CENTRE, Role.ADMIN)

TABLE: Table = (
    Transition((PlanState.ISSUED,), "confirm", PlanState.CONFIRMED, (Role.ENTERPRISE,), "企业确认"),
    Transition((PlanState.ISSUED,), "return", PlanState.RETURNED, (Role.ENTERPRISE,), "企业退回"),
    # Only one version holds: issuing the next one takes the former's place.
    Transition((PlanState.ISSUED, PlanState.CONFIRMED, PlanState.RETURNED), "supersede", PlanState.SUPERSEDED, _CENTRE, "由新版替代"),
)


class ChoiceKind(StrEnum):
    """What the centre did by hand to the list of one problem."""

    PINNED = "pinned"
    EXCLUDED = "excluded"
    ADDED = "added"


@dataclass(frozen=True)
class Emphasis:
    """What weighs how much for one enterprise: 0 not at all, 1 as usual, 5 most. The solutions of a problem are compared with each
    other: low price, short duration, local team, good record."""

    price: int = USUAL
    speed: int = USUAL
    local: int = USUAL
    record: int = USUAL

    @property
    def is_usual(self) -> bool:
        return self == Emphasis()

    def items(self) -> Iterator[tuple[str, int]]:
        for field in fields(self):
            yield field.name, getattr(self, field.name)


ASPECTS = {"price": _("价格低"), "speed": _("工期短"), "local": _("本地服务"), "record": _("以往业绩")}


def check_emphasis(emphasis: Emphasis) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal); nothing when it may be kept."""
    for name, value in emphasis.items():
        if not 0 <= value <= MOST:
            yield name, Refused("weight_range", _("侧重请填 0 到 {most} 的整数：0 不看，1 照常，{most} 最看重。"), {"most": MOST})


@dataclass
class ChoiceDraft:
    """One thing done by hand, as it is typed. `why` is needed to exclude and to add: the enterprise reads it in the plan."""

    kind: str = ""
    why: str = ""


def check_choice(draft: ChoiceDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal); nothing when it may be kept."""
    if draft.kind not in set(ChoiceKind):
        yield "kind", Refused("unknown_choice", _("请选择置顶、排除或加入。"))
    yield from check_text("why", _("理由"), draft.why, most=500, required=draft.kind in (ChoiceKind.EXCLUDED, ChoiceKind.ADDED))


@dataclass
class IssueDraft:
    """What is typed to issue a plan. `follow_up`: the day on which the officer asks how it goes."""

    note: str = ""
    follow_up: date | None = None


def check_issue(draft: IssueDraft, *, today: date, needs: int) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal); nothing when it may be issued. `needs`: open problems of the list."""
    if not needs:
        yield "note", Refused("no_needs", _("问题清单里没有待对接的问题，没有可出具的方案。"))
    yield from check_text("note", _("说明"), draft.note, most=2_000)
    if draft.follow_up is None:
        yield "follow_up", Refused("required", _("下次跟进日期没有填，请写成 2026-12-10。"))
    elif draft.follow_up <= today:
        yield "follow_up", Refused("in_the_past", _("下次跟进日期要在今天之后。"))


STEPS = (_("先做：要紧，且有成熟方案"), _("接着做：有方案，其余的问题"), _("先找路：还没有合适的方案，或只解决一部分"))


def step_of(*, priority: str, coverage: str) -> int:
    """Which of the three steps of the road map a problem belongs to, 0–2. `coverage`: strong, partial or uncovered.

    Urgent ones with a strong match come first; what nothing answers well needs a call or a visit before anything can start.
    """
    if coverage != "strong":
        return 2
    return 0 if priority == "high" else 1
