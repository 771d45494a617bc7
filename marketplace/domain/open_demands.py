"""An open demand (公开需求): what an enterprise asks of the whole pool. Questions and answers are taken until a day, which ends at 24:00.

Before the last day of the answers nobody reads what is in them, so that nobody is favoured; afterwards the enterprise and the
centre do. Whose demand it is stays hidden unless the enterprise has chosen to be named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.brokerings import CriterionDraft, check_criteria
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import wan_text
from marketplace.domain.open_demand_rules import OpenDemandRules
from marketplace.domain.solutions import check_range
from marketplace.domain.texts import check_text


class OpenDemandState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    PUBLISHED = "published"
    CLOSED = "closed"
    CONCLUDED = "concluded"
    NONE_SUITABLE = "none_suitable"
    WITHDRAWN = "withdrawn"


_S = OpenDemandState
# What may be rewritten; what everybody may read; in which something is still to happen.
EDITABLE = frozenset({_S.DRAFT, _S.RETURNED})
PUBLIC = frozenset({_S.PUBLISHED, _S.CLOSED, _S.CONCLUDED, _S.NONE_SUITABLE})
UNDER_WAY = frozenset({_S.DRAFT, _S.SUBMITTED, _S.RETURNED, _S.PUBLISHED, _S.CLOSED})
MOST_TITLE, MOST_TEXT = 100, 10_000
_MARKS = re.compile(r"[\W_]+")
# A company by its legal form, whoever it is.
_COMPANY = re.compile(r"[\u4e00-\u9fff]{4,}(?:有限责任公司|股份有限公司|有限公司)")


@dataclass(frozen=True)
class Situation:
    """What the guards look at. `least`: calendar days for which answers are taken at least; `answers`: how many stand."""

    today: date
    questions_until: date | None = None
    answers_until: date | None = None
    least: int = 0
    answers: int = 0
    chosen: int = 0


def is_over(until: date | None, today: date) -> bool:
    """The last day belongs to the term; it ends at 24:00 where the pilot is."""
    return until is not None and today > until


def state_on(state: OpenDemandState, until: date, today: date) -> OpenDemandState:
    """The state as it is today: one whose last day is over is closed, whether or not the night has come by."""
    return _S.CLOSED if state == _S.PUBLISHED and is_over(until, today) else state


def _dates_hold(subject: Situation) -> Refused | None:
    for _field, refused in check_dates(subject.questions_until, subject.answers_until, subject.today, least=subject.least):
        return refused
    return None


def _runs(subject: Situation) -> Refused | None:
    """Longer only: it is published already, and nobody loses a day that was promised."""
    if subject.answers_until is not None and not is_over(subject.answers_until, subject.today):
        return None
    return Refused("date_past", _("日期 {until} 已经过去。请填今天或以后的日期。"), {"until": f"{subject.answers_until}"})


def _nobody_answered(subject: Situation) -> Refused | None:
    if subject.answers:
        return Refused("has_answers", _("已有服务商应答，截止后内容已公开给企业，不能再延期。"))
    return _runs(subject)


def _over(subject: Situation) -> Refused | None:
    return None if is_over(subject.answers_until, subject.today) else Refused("still_open", _("应答还没有截止，不能查看和选定。"))


def _some_chosen(subject: Situation) -> Refused | None:
    return None if subject.chosen else Refused("nobody_chosen", _("还没有选服务商。都不合适的，请写明“没有合适的”。"))


_CENTRE = (Role.CENTRE, Role.ADMIN)
_ENTERPRISE = (Role.ENTERPRISE, *_CENTRE)

TABLE: Table = (
    Transition((_S.DRAFT, _S.RETURNED), "submit", _S.SUBMITTED, _ENTERPRISE, "提交审核", _dates_hold),
    Transition((_S.SUBMITTED,), "return", _S.RETURNED, _CENTRE, "退回修改"),
    Transition((_S.SUBMITTED,), "publish", _S.PUBLISHED, _CENTRE, "审核通过，公开征集", _dates_hold),
    Transition((_S.PUBLISHED,), "extend", _S.PUBLISHED, _ENTERPRISE, "延长期限", _runs),
    Transition((_S.CLOSED,), "extend", _S.PUBLISHED, _ENTERPRISE, "没有应答，延长期限", _nobody_answered),
    # By the platform, when the day is over.
    Transition((_S.PUBLISHED,), "close", _S.CLOSED, (Role.ADMIN,), "征集截止", _over),
    Transition((_S.CLOSED,), "conclude", _S.CONCLUDED, _ENTERPRISE, "选定洽谈的服务商", _some_chosen),
    Transition((_S.CLOSED,), "none_suitable", _S.NONE_SUITABLE, _ENTERPRISE, "没有合适的"),
    Transition(tuple(sorted(UNDER_WAY)), "withdraw", _S.WITHDRAWN, _ENTERPRISE, "撤回"),
)


@dataclass
class OpenDemandDraft:
    """An open demand as it is typed. Budget in fen; without `problem_ids` it is written freely; stage and scenario are pilot keys."""

    title: str = ""
    text: str = ""
    problem_ids: tuple[int, ...] = ()
    scenario_code: str = ""
    stage: str = ""
    budget_low_fen: int | None = None
    budget_high_fen: int | None = None
    wanted: date | None = None
    questions_until: date | None = None
    answers_until: date | None = None
    shows_name: bool = False
    criteria: list[CriterionDraft] = field(default_factory=list)


def check(draft: OpenDemandDraft, today: date, rules: OpenDemandRules, *, most_criteria: int) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be kept and handed in."""
    yield from check_text("title", _("标题"), draft.title, most=MOST_TITLE, required=True)
    yield from check_text("text", _("需求"), draft.text, most=MOST_TEXT, required=True)
    if len(draft.problem_ids) > rules.most_problems:
        values = {"label": _("问题"), "count": len(draft.problem_ids), "most": rules.most_problems}
        yield "problems", Refused("too_many", _("{label}有 {count} 项，最多 {most} 项。"), values)
    yield from check_range("budget_wan", draft.budget_low_fen, draft.budget_high_fen, wan_text, _("万元"), _("预算"))
    if draft.wanted is not None and draft.wanted < today:
        yield "wanted", Refused("date_past", _("日期 {until} 已经过去。请填今天或以后的日期。"), {"until": draft.wanted.isoformat()})
    yield from check_dates(draft.questions_until, draft.answers_until, today, least=rules.least_days)
    yield from check_criteria(draft.criteria, most=most_criteria)


def check_dates(questions: date | None, answers: date | None, today: date, *, least: int) -> Iterator[tuple[str, Refused]]:
    """Both days are named, neither is over, and providers have time to prepare."""
    for name, until, label in (("questions_until", questions, _("提问截止")), ("answers_until", answers, _("应答截止"))):
        if until is None:
            yield name, Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": label})
        elif until < today:
            yield name, Refused("date_past", _("日期 {until} 已经过去。请填今天或以后的日期。"), {"until": until.isoformat()})
    if answers is not None and today <= answers and (answers - today).days < least:
        values = {"days": (answers - today).days, "least": least}
        yield "answers_until", Refused("too_few_days", _("离应答截止只有 {days} 天，至少 {least} 天，服务商才来得及准备。"), values)
    if questions is not None and answers is not None and questions > answers:
        ends = {"questions": questions.isoformat(), "answers": answers.isoformat()}
        yield "questions_until", Refused("ends_before", _("提问截止 {questions} 晚于应答截止 {answers}，请对调或修改。"), ends)


def check_longer(old: tuple[date, date], new: tuple[date | None, date | None]) -> Iterator[tuple[str, Refused]]:
    """What was published is only ever extended."""
    for name, before, after in zip(("questions_until", "answers_until"), old, new, strict=True):
        if after is not None and after < before:
            yield name, Refused("not_longer", _("期限只能延长：现在是 {until}。"), {"until": before.isoformat()})
    if old == new:
        yield "answers_until", Refused("same_dates", _("期限没有变，请填更晚的日期。"))


# ---- questions


def may_ask(state: OpenDemandState, until: date, today: date) -> Refused | None:
    if state != _S.PUBLISHED or is_over(until, today):
        return Refused("questions_over", _("提问已于 {until} 24:00 截止，或征集已结束。"), {"until": until.isoformat()})
    return None


# ---- names


def flattened(text: str) -> str:
    """A text as it is compared with names: width, case, blanks and marks do not count."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", text)).casefold()


def found_name(text: str, names: Iterable[str]) -> str:
    """The first of these names that a text holds, however it is spaced; "" where it names none."""
    plain = flattened(text)
    return next((name for name in sorted(names, key=len, reverse=True) if (short := flattened(name)) and short in plain), "")


def names_owner(text: str, names: Iterable[str]) -> Refused | None:
    """For the enterprise's own words while its name is hidden."""
    if found := found_name(text, names):
        message = _("“{quote}”会让人认出是哪家企业。您选了不公开名称，请改写，或选择公开名称。")
        return Refused("names_enterprise", message, {"quote": found})
    return None


def names_somebody(text: str, names: Iterable[str], own: Iterable[str]) -> Refused | None:
    """For a provider's question. Whatever enterprise or park it names is refused with the same words, so that nobody can find out by
    asking whose demand it is; its own name would tell the others who asks."""
    if found_name(text, own):
        return Refused("names_asker", _("问题对所有服务商公开，请不要写贵单位的名称。"))
    if found_name(text, names) or _COMPANY.search(unicodedata.normalize("NFKC", text)):
        return Refused("names_somebody", _("问题里请不要写企业、园区的名称：不管写的是哪一家，都不能提交。"))
    return None
