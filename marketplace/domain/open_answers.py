"""A provider's answer to an open demand (应答): given, changed and taken back until the last day, then chosen or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.introductions import MEETS, MOST_FEN
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import wan_text
from marketplace.domain.open_demands import OpenDemandState, is_over
from marketplace.domain.providers import TAKES_NEW, ProviderState
from marketplace.domain.solutions import SolutionState, check_range
from marketplace.domain.texts import check_text


class OpenAnswerState(StrEnum):
    GIVEN = "given"
    TAKEN_BACK = "taken_back"
    CHOSEN = "chosen"
    NOT_CHOSEN = "not_chosen"


_S = OpenAnswerState
# What the enterprise may read and choose from.
STANDING = frozenset({_S.GIVEN, _S.CHOSEN, _S.NOT_CHOSEN})


@dataclass(frozen=True)
class Standing:
    """What the guards look at: the demand, until when, and the provider."""

    demand: OpenDemandState
    until: date
    today: date
    provider: ProviderState = ProviderState.ADMITTED


def still_open(subject: Standing) -> Refused | None:
    if subject.demand != OpenDemandState.PUBLISHED or is_over(subject.until, subject.today):
        return Refused("answers_over", _("应答已于 {until} 24:00 截止，或征集已结束，不能再改。"), {"until": subject.until.isoformat()})
    return None


def _takes_new(subject: Standing) -> Refused | None:
    if subject.provider not in TAKES_NEW:
        return Refused("takes_no_new", _("贵单位目前不接新单（整改、暂停或已退出），不能应答。"))
    return still_open(subject)


_CHOOSERS = (Role.ENTERPRISE, Role.CENTRE, Role.ADMIN)

TABLE: Table = (
    Transition((_S.GIVEN,), "change", _S.GIVEN, (Role.PROVIDER,), "修改应答", _takes_new),
    Transition((_S.TAKEN_BACK,), "change", _S.GIVEN, (Role.PROVIDER,), "重新应答", _takes_new),
    Transition((_S.GIVEN,), "take_back", _S.TAKEN_BACK, (Role.PROVIDER,), "撤回应答", still_open),
    Transition((_S.GIVEN,), "choose", _S.CHOSEN, _CHOOSERS, "选定洽谈"),
    Transition((_S.GIVEN,), "not_choose", _S.NOT_CHOSEN, _CHOOSERS, "未选定"),
)


def may_answer(subject: Standing, solution: SolutionState) -> Refused | None:
    """Why this provider cannot answer with this solution today, or None."""
    if refused := _takes_new(subject):
        return refused
    return None if solution == SolutionState.PUBLISHED else Refused("not_published", _("请选一个已发布的方案。"))


@dataclass
class OpenAnswerDraft:
    """An answer as it is typed: prices in fen, and what it says to every criterion (id → (meets, text))."""

    solution_id: int | None = None
    text: str = ""
    price_low_fen: int | None = None
    price_high_fen: int | None = None
    weeks: int | None = None
    valid_until: date | None = None
    criteria: dict[int, tuple[str, str]] = field(default_factory=dict)


def check(draft: OpenAnswerDraft, criteria: Mapping[int, str], until: date) -> Iterator[tuple[str, Refused]]:
    """`criteria`: id → text; `until`: the last day on which answers are taken."""
    if draft.solution_id is None:
        yield "solution", Refused("required", _("{label}没有填。"), {"label": _("方案")})
    yield from check_text("text", _("应答说明"), draft.text, most=10_000, required=True)
    if draft.price_low_fen is None or draft.price_high_fen is None:
        yield "price_wan", Refused("required", _("{label}没有填。"), {"label": _("报价区间（万元）")})
    elif not 0 < draft.price_low_fen < MOST_FEN or not 0 < draft.price_high_fen < MOST_FEN:
        yield "price_wan", Refused("price_range", _("报价应大于 0，以万元填写。"))
    else:
        yield from check_range("price_wan", draft.price_low_fen, draft.price_high_fen, wan_text, _("万元"), _("报价"))
    if draft.weeks is None:
        yield "weeks", Refused("required", _("{label}没有填。"), {"label": _("工期（周）")})
    elif not 1 <= draft.weeks <= 520:
        yield "weeks", Refused("weeks_range", _("工期应在 1 到 520 周之间。"))
    if draft.valid_until is None:
        yield "valid_until", Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("报价有效期")})
    elif draft.valid_until <= until:
        yield (
            "valid_until",
            Refused("valid_too_short", _("报价有效期要晚于应答截止 {until}，否则企业来不及选。"), {"until": until.isoformat()}),
        )
    for number, text in criteria.items():
        meets, said = draft.criteria.get(number, ("", ""))
        if meets not in MEETS:
            yield f"meets_{number}", Refused("criterion_open", _("“{criterion}”还没有答复。"), {"criterion": text})
        yield from check_text(f"text_{number}", _("说明"), said, most=2_000)
