"""What the pages of the performance evaluation share: the step of this request, words, and a round as it is read."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.performance_steps import ITEM, NOUN, Step, facts_of, frozen
from marketplace.domain.lifecycle import Transition, _, allowed_events
from marketplace.domain.performance import FILLABLE, TABLE, Facts, RoundKind, RoundState, complete, may_fill, roles_on
from marketplace.domain.performance_rules import Group, Subject, Unit
from marketplace.domain.performance_words import figure_text, target_text
from marketplace.guard import current_viewer, not_found
from marketplace.performance_terms import step_by
from marketplace.records.files import LETTER, Attachment, find_attachments, find_attachments_of
from marketplace.records.history import find_last_entry
from marketplace.records.performance import PerformanceRound, find_round
from marketplace.site import current_site
from marketplace.web.language import language, say
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen
from marketplace.web.typed_numbers import typed_number
from marketplace.web.wording import amount, sep, term

SUBJECTS = {Subject.PILOT: _("试点整体"), Subject.AREA: _("开发区、街镇"), Subject.MANAGER: _("综合管理服务商")}
KINDS = {RoundKind.ANNUAL: _("年度自评"), RoundKind.FINAL: _("终期评价")}
GROUPS = {Group.OUTPUT: _("产出指标"), Group.BENEFIT: _("效益指标"), Group.SATISFACTION: _("满意度指标")}
Line = Mapping[str, Any]


def step_of() -> Step:
    """Who acts in this request, when, by the pilot's rules, and what the page knew."""
    return step_by(current_site().pilot, current_viewer(), here_now(), today(), seen())


def last_year() -> int:
    return current_site().pilot.city.term_end.year


def found_round(session: Session, public_id: str) -> PerformanceRound:
    return find_round(session, public_id, current_viewer()) or not_found()


def title_of(found: PerformanceRound) -> str:
    if found.kind == RoundKind.FINAL:
        return say("终期绩效评价")
    return say("{year} 年度绩效自评", year=found.year)


def short_title(found: PerformanceRound) -> str:
    return say("终期") if found.kind == RoundKind.FINAL else say("{year} 年", year=found.year)


def subject_word(subject: str, area: str = "") -> str:
    """Who is evaluated."""
    return term("area", area) if subject == Subject.AREA and area else say(SUBJECTS[Subject(subject)])


def kind_word(kind: str) -> str:
    return say(KINDS[RoundKind(kind)])


def group_word(group: str) -> str:
    return say(GROUPS[Group(group)])


def line_name(line: Line) -> str:
    """An indicator by its name, with the sector that the line is of."""
    name = str(line["en"] if language() == "en" else line["name"])
    return f"{name}{sep('：')}{term('sector', line['sector'], short=True)}" if line["sector"] else name


def evidence_word(line: Line) -> str:
    return str((language() == "en" and line["evidence_en"]) or line["evidence"])


def goals_word(line: Line) -> str:
    return sep("、").join(term("orientation", goal) for goal in line["goals"])


def grade_word(key: str) -> str:
    found = next((one for one in current_site().pilot.performance.grades if one.key == key), None)
    return "" if found is None else found.en if language() == "en" else found.name


def unit_of(line: Line) -> str:
    """What follows the figure; in English the name of the indicator says what is counted."""
    if language() == "en":
        return ""
    return {Unit.WAN: " 万元", Unit.MARK: " 分"}.get(line["unit"], f" {line['measure']}" if line["measure"] else "")


def figure_of(line: Line, value: float | None) -> str:
    """A figure of a line with its unit."""
    if value is None:
        return "–"
    if line["unit"] == Unit.WAN and language() == "en":
        return amount(round(value * 1_000_000))
    return figure_text(value, line["unit"]) + unit_of(line)


def value_of(line: Line) -> str:
    """What was found, and of a share the numbers it is made of."""
    if line["value"] is None:
        return say("没有数值")
    of = f"{sep('（')}{line['part']:,} / {line['whole']:,}{sep('）')}" if line["unit"] == Unit.SHARE and line["whole"] else ""
    return figure_of(line, line["value"]) + of.rstrip()


def target_of(line: Line) -> str:
    if line["unit"] == Unit.WAN and language() == "en":
        return f"{'≥' if line['comparison'] == 'least' else '≤'} {figure_of(line, line['target'])}"
    return target_text(line["target"], line["unit"], line["comparison"]) + unit_of(line)


def gap_of(line: Line) -> str:
    """By how much it falls short, in words."""
    if line["reached"]:
        return say("达到")
    if line["gap"] is None:
        return say("没有数值")
    if line["unit"] in (Unit.SHARE, Unit.CHANGE):
        return say("差 {n} 个百分点", n=f"{100 * line['gap']:.1f}".removesuffix(".0"))
    return say("差 {what}", what=figure_of(line, line["gap"]))


def typed_value(text: str, unit: str) -> float | None:
    """A figure as people type it: of a share 80 % or 0.8. None for what is no number."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if unit in (Unit.SHARE, Unit.CHANGE) and plain.endswith("%"):
        found = typed_number(plain.removesuffix("%").replace("−", "-"))
        return None if found is None else round(found / 100, 9)
    return typed_number(plain.replace("−", "-"))


@dataclass(frozen=True)
class Part:
    """The lines of one group with what they weigh and came to."""

    group: str
    lines: Sequence[Line]

    @property
    def weight(self) -> float:
        return round(sum(float(line["weight"]) for line in self.lines), 2)

    @property
    def score(self) -> float:
        return round(sum(float(line["score"]) for line in self.lines), 2)


@dataclass(frozen=True)
class RoundPage:
    """`left`: why it cannot be handed in or issued yet, "" if nothing is in the way, and `lines` that it speaks of. `fills`: the viewer fills it now."""

    round: PerformanceRound
    content: Mapping[str, Any]
    parts: Sequence[Part]
    events: Sequence[Transition]
    papers: Sequence[Attachment]
    left: str
    lines: Sequence[Line]
    fills: bool
    seen: int
    ball: tuple[str, str, date | None]


def content_of(session: Session, found: PerformanceRound) -> Mapping[str, Any]:
    """The frozen copy of an issued round; of another one what its lines hold now."""
    if found.content is not None:
        return found.content
    files = find_attachments_of(session, ITEM, [row.id for row in found.items])
    names = {key: [(one.filename, one.sha256) for one in rows] for key, rows in files.items()}
    return frozen(found, names, current_site().pilot.performance)


def read_round(session: Session, found: PerformanceRound) -> RoundPage:
    viewer, step = current_viewer(), step_of()
    content = content_of(session, found)
    parts = [Part(str(group), rows) for group in Group if (rows := [line for line in content["lines"] if line["group"] == group])]
    facts = facts_of(session, found, step) if found.state in (*FILLABLE, RoundState.REVIEW) else Facts()
    wanting = {*(facts.unexplained or facts.unproved)}
    return RoundPage(
        round=found,
        content=content,
        parts=parts,
        events=allowed_events(TABLE, found.state, roles_on(viewer, found.subject, found.area)),
        papers=[row for row in find_attachments(session, NOUN, found.id) if row.kind == LETTER],
        left=sentence_of(complete(facts)),
        lines=[line for line in content["lines"] if line["id"] in wanting],
        fills=found.state in FILLABLE and may_fill(viewer, found.subject, found.area),
        seen=find_last_entry(session, NOUN, found.id),
        ball=ball_of(found),
    )


def ball_of(found: PerformanceRound) -> tuple[str, str, date | None]:
    """Who has the ball, what for, until when."""
    bureau, manager = term("role", "bureau"), term("role", "manager")
    filler = subject_word(found.subject, found.area) if found.subject == Subject.AREA else manager
    return {
        RoundState.DRAFTED: (bureau, say("核对目标值，开始填报"), None),
        RoundState.FILLING: (filler, say("填报数值、写明差距原因、提交审核"), found.due),
        RoundState.SENT_BACK: (filler, say("按退回意见修改后再提交"), found.due),
        RoundState.REVIEW: (bureau, say("由没有参与填报的人审核并印发"), None),
    }.get(found.state, ("", "", None))


WORDS: dict[str, Any] = {
    one.__name__: one
    for one in (
        title_of, short_title, subject_word, kind_word, group_word, line_name, evidence_word, goals_word, grade_word, figure_of, value_of,
        target_of, gap_of, unit_of,
    )
}  # fmt: skip
