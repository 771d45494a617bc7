"""How the pages of guides and projects call classes, costs, documents and conditions, in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketplace.actions.project_steps import held_by
from marketplace.domain.access import Role, Viewer
from marketplace.domain.first_reviews import CHECKS, VERDICT_WORDS, Verdict
from marketplace.domain.guides import AMOUNTS, KEYS, RULE_WORDS, Rule
from marketplace.domain.money import exact_text
from marketplace.domain.project_checks import Fault
from marketplace.domain.project_plans import DIRECTION_WORDS, SECTION_WORDS, TEXTS, Direction, Section
from marketplace.domain.projects import STAGES, Ball, ProjectClass, stage_of
from marketplace.guard import current_viewer
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web.language import language, say
from marketplace.web.refusals import sentence_of
from marketplace.web.wording import day, figure, sep, term, terms


def _named(found: Any, key: str) -> str:
    return key if found is None else str(found.en if language() == "en" else found.name)


def class_word(key: str) -> str:
    """The class of a project, as the pilot calls it."""
    return _named(next((row for row in current_site().pilot.project.classes if row.key == key), None), key)


def document_word(key: str) -> str:
    return _named(current_site().pilot.project.document(key), key)


def cost_word(key: str) -> str:
    return _named(current_site().pilot.project.cost(key), key)


def supplier_word(role: str) -> str:
    found = current_site().pilot.label("supplier", str(role), language())
    return found[0] if found else str(role)


def direction_word(direction: str) -> str:
    return say(DIRECTION_WORDS[Direction(direction)])


def section_word(section: str) -> str:
    return say(SECTION_WORDS[Section(section)])


def rule_word(rule: str) -> str:
    return say(RULE_WORDS[Rule(rule)]) if rule in tuple(Rule) else rule


def condition_line(row: Mapping[str, Any]) -> str:
    """A condition of a guide in one line."""
    if row.get("rule") not in tuple(Rule):
        return str(row.get("text", ""))
    rule, value = Rule(row["rule"]), row.get("value")
    if rule is Rule.TEXT:
        return str(row.get("text", ""))
    word = rule_word(rule)
    if rule in AMOUNTS:
        return word + " " + say("{n} 万元", n=figure(float(value or 0)))
    if rule in KEYS:
        return f"{word}{sep('：')}{terms(KEYS[rule], value or [])}"
    if rule is Rule.FINISH_BY:
        return f"{word} {value}"
    return word


def holder_word(ball: Ball, project_class: str, *, is_enterprise: bool = True) -> str:
    """Who has the ball."""
    if ball.role is None:
        return ""
    if ball.role == Role.ENTERPRISE:
        return say("申报企业") if is_enterprise else say("申报单位")
    return term("role", str(ball.role))


def waits_for(project: Project, viewer: Viewer) -> bool:
    """Whether this person has the ball."""
    if project.waits_role == Role.ENTERPRISE:
        return project.organisation_id in viewer.organisation_ids
    if project.waits_role == Role.AREA:
        return project.area in viewer.areas
    return project.waits_role in viewer.roles


def standing_line(project: Project) -> str:
    """Where it stands in its steps, who has the ball until when, and what comes next: in the head of every page of a project."""
    ball, at = held_by(project), stage_of(project.project_class, project.state)
    stages = STAGES[project.project_class]
    where = say("第 {n} 步，共 {total} 步：{word}", n=at + 1, total=len(stages), word=say(stages[at].word)) if at is not None else ""
    if ball.role is None:
        return where
    if waits_for(project, current_viewer()):
        who = say("等我：{what}", what=say(ball.step))
    else:
        holder = holder_word(ball, project.project_class, is_enterprise=project.enterprise_id is not None)
        who = say("等{who}：{what}", who=holder, what=say(ball.step))
    term_ = say("期限 {date}", date=day(project.waits_due)) if project.waits_due else ""
    then = say("下一步：{next}", next=say(ball.then)) if ball.then else ""
    return sep("；").join(part for part in (where, who, term_, then) if part)


def short_class(key: str) -> str:
    return {ProjectClass.CENTRAL: say("中央"), ProjectClass.MUNICIPAL: say("市级"), ProjectClass.OTHER: say("其他")}.get(
        ProjectClass(key), key
    )  # fmt: skip


def percent_of(share: float) -> str:
    """A share of 0–1 in percent, with one decimal where it has one."""
    return f"{share * 100:.1f}".removesuffix(".0") + " %"


def fault_word(fault: Fault) -> str:
    return sentence_of(fault.refused)


def verdict_word(verdict: str) -> str:
    return say(VERDICT_WORDS[Verdict(verdict)])


def check_word(key: str) -> str:
    """One of the things that the first review looks at."""
    return say(CHECKS[key]) if key in CHECKS else key


WORDS: dict[str, Any] = {
    "fault_word": fault_word,
    "verdict_word": verdict_word,
    "check_word": check_word,
    "exact_text": exact_text,
    "texts": TEXTS,
    "class_word": class_word,
    "short_class": short_class,
    "document_word": document_word,
    "cost_word": cost_word,
    "supplier_word": supplier_word,
    "direction_word": direction_word,
    "section_word": section_word,
    "condition_line": condition_line,
    "rule_word": rule_word,
    "holder_word": holder_word,
    "percent_of": percent_of,
}


def key_words() -> dict[str, str]:
    """Every key of the pilot that a condition may name → its word, for sentences of refusal (in Chinese, told when shown)."""
    pilot = current_site().pilot
    return {one.key: one.name for kind in KEYS.values() for one in pilot.terms(kind)}
