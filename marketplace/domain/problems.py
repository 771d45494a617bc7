"""A problem (问题): one line of an enterprise's problem list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import wan_text
from marketplace.domain.solutions import check_range
from marketplace.domain.texts import check_text


class ProblemState(StrEnum):
    OPEN = "open"
    SOLVED = "solved"
    WITHDRAWN = "withdrawn"


TABLE: Table = (
    Transition((ProblemState.OPEN,), "solve", ProblemState.SOLVED, (Role.CENTRE, Role.ADMIN), "标记已解决"),
    Transition(
        (ProblemState.SOLVED, ProblemState.WITHDRAWN),
        "reopen",
        ProblemState.OPEN,
        (Role.CENTRE, Role.ADMIN),
        "重新打开",
    ),
    Transition((ProblemState.OPEN,), "withdraw", ProblemState.WITHDRAWN, (Role.ENTERPRISE, Role.CENTRE, Role.ADMIN), "撤回"),
)

# What a provider is told of a budget before the enterprise agrees: the band, never the figure (万元).
BUDGET_BANDS_WAN = (0, 20, 50, 100, 200, 500, 1000, 5000)
LEGAL_FORM = re.compile(r"(?:有限责任公司|股份有限公司|有限公司|集团|公司|厂)$")


@dataclass
class ProblemDraft:
    """A problem as it is typed. Budget in fen; None = not said (待问). Stage, orientation, scenario and priority are pilot keys."""

    text: str = ""
    budget_low_fen: int | None = None
    budget_high_fen: int | None = None
    severity: str = ""
    root_cause: str = ""
    effect_if_unsolved: str = ""
    stage: str = ""
    orientation: str = ""
    scenario_code: str = ""
    priority: str = ""


def check(draft: ProblemDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    if not draft.text.strip():
        yield "text", Refused("required", _("问题没有填。写一句现场的情况就可以。"))
    elif len(draft.text) > 10_000:
        yield "text", Refused("too_long", _("问题有 {length} 个字，最多 10,000 个。"), {"length": len(draft.text)})
    yield from check_range("budget_wan", draft.budget_low_fen, draft.budget_high_fen, wan_text, _("万元"), _("预算"))
    yield from check_text("severity", _("严重程度"), draft.severity, most=16)
    yield from check_text("root_cause", _("原因分析"), draft.root_cause, most=10_000)
    yield from check_text("effect_if_unsolved", _("不解决的影响"), draft.effect_if_unsolved, most=10_000)


def budget_band(high_fen: int | None) -> tuple[int, int | None] | None:
    """The band (in 万元, upper end None = open) in which a budget lies, for those who may not see the figure."""
    if high_fen is None:
        return None
    wan = high_fen / 1_000_000
    bands = BUDGET_BANDS_WAN
    for low, high in pairwise(bands):
        if wan <= high:
            return (low, high)
    return (bands[-1], None)


def names_of(enterprise: str) -> tuple[str, ...]:
    """How an enterprise may be named in its own words: in full, without the mark of an example, without its legal form."""
    plain = short = re.split(r"[（(]", enterprise)[0].strip()
    while (stripped := LEGAL_FORM.sub("", short)) != short:
        short = stripped
    return tuple(name for name in dict.fromkeys((enterprise, plain, short)) if len(name) >= 4)


def redacted(text: str, enterprise: str, places: Iterable[str] = ()) -> str:
    """A text without the enterprise's name, long and short, and without the words for its park or street."""
    for name in sorted(names_of(enterprise), key=len, reverse=True):
        text = text.replace(name, "某企业")
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, "某园区")
    return text
