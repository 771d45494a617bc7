"""The park's or street's first review of a project: what it looks at, and its opinion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text

MOST_TEXT = 5_000


class Verdict(StrEnum):
    """推荐, 退回补正, 不予推荐."""

    RECOMMEND = "recommend"
    RETURN = "return"
    REFUSE = "refuse"


VERDICT_WORDS = {Verdict.RECOMMEND: _("推荐"), Verdict.RETURN: _("退回补正"), Verdict.REFUSE: _("不予推荐")}
# The event of the project's table that follows from each.
EVENTS = {Verdict.RECOMMEND: "recommend", Verdict.RETURN: "send_back", Verdict.REFUSE: "refuse"}
CHECKS: dict[str, str] = {
    "applicant": _("申报单位在本区域，主体资格符合指南"),
    "complete": _("申报材料齐全，签字盖章完整"),
    "true": _("内容真实，现场和生产经营情况相符"),
    "amounts": _("投资和申请金额有依据，计算无误"),
    "once": _("没有以同一内容重复申报"),
}


@dataclass(frozen=True)
class FirstReviewDraft:
    """`passed`: key of a check → whether it holds; `notes`: what was found."""

    verdict: str = ""
    passed: Mapping[str, bool | None] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


def check(draft: FirstReviewDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of an opinion; nothing when it may be given."""
    if draft.verdict not in tuple(Verdict):
        yield "verdict", Refused("required", _("{label}没有填。"), {"label": _("初审结论")})
    for key, word in CHECKS.items():
        yield from check_text(f"note.{key}", word, draft.notes.get(key, ""), most=1_000)
        if draft.passed.get(key) is None:
            yield f"passed.{key}", Refused("not_checked", _("“{word}”还没有选是否符合。"), {"word": word})
    failed = [key for key in CHECKS if draft.passed.get(key) is False]
    if draft.verdict == Verdict.RECOMMEND and failed:
        yield "verdict", Refused("check_failed", _("有 {count} 项不符合，不能推荐；请退回补正或者不予推荐。"), {"count": len(failed)})
    yield from check_text("text", _("初审意见"), draft.text, most=MOST_TEXT, required=True)
