"""标杆案例: what a finished project shows others, drafted by the offices, agreed to by those it speaks of, reviewed by another person.

Nothing of it is public before everybody it speaks of has agreed to these very words: a draft that changes is asked about again.
The enterprise also says whether its name and what was invested may be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import exact_text
from marketplace.domain.problems import names_of
from marketplace.domain.project_plans import MOST_FEN, MOST_FIGURE
from marketplace.domain.projects import ProjectState
from marketplace.domain.texts import check_text


class ShowcaseState(StrEnum):
    DRAFT = "draft"
    CONSENTING = "consenting"
    REVIEWING = "reviewing"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Side(StrEnum):
    """Who is asked: the applicant, an enterprise that took part, a supplier. What may be read is for the applicant to say."""

    ENTERPRISE = "enterprise"
    MEMBER = "member"
    PROVIDER = "provider"


class Answer(StrEnum):
    ASKED = "asked"
    AGREED = "agreed"
    DECLINED = "declined"


# Accepted, whatever is still to be paid.
NOMINABLE = frozenset({ProjectState.PASSED, ProjectState.FINISHED})
MOST_EFFECTS, MOST_TEMPLATES = 20, 20


@dataclass(frozen=True)
class Subject:
    """What the guards look at: what they answered, who wrote the text, and who acts now."""

    answers: tuple[str, ...] = ()
    written_by: int | None = None
    actor: int | None = None


def all_agreed(subject: Subject) -> Refused | None:
    missing = sum(answer != Answer.AGREED for answer in subject.answers)
    if missing or not subject.answers:
        return Refused("consent_missing", _("还有 {count} 方没有同意公开。"), {"count": missing})
    return None


def reviewed_by_another(subject: Subject) -> Refused | None:
    """Whoever wrote the text does not let it out; and the consents must still stand."""
    if subject.actor is not None and subject.actor == subject.written_by:
        return Refused("same_person", _("案例由您编写，须由另一人审核发布。"))
    return all_agreed(subject)


_S = ShowcaseState
_WRITERS = (Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN)
_REVIEWERS = (Role.MANAGER, Role.BUREAU, Role.ADMIN)
_PARTIES = (Role.ENTERPRISE, Role.PROVIDER)

TABLE: Table = (
    Transition((_S.DRAFT,), "ask", _S.CONSENTING, _WRITERS, "征求公开意见"),
    Transition((_S.CONSENTING,), "agree", _S.REVIEWING, _PARTIES, "各方同意公开", all_agreed),
    Transition((_S.CONSENTING,), "decline", _S.DRAFT, _PARTIES, "不同意公开"),
    Transition((_S.CONSENTING,), "take_back", _S.DRAFT, _WRITERS, "收回修改"),
    Transition((_S.REVIEWING,), "publish", _S.PUBLISHED, _REVIEWERS, "审核发布", reviewed_by_another),
    Transition((_S.REVIEWING,), "send_back", _S.DRAFT, _REVIEWERS, "退回修改"),
    Transition((_S.REVIEWING, _S.PUBLISHED), "revoke", _S.WITHDRAWN, _PARTIES, "撤回同意"),
    Transition((_S.DRAFT, _S.PUBLISHED), "withdraw", _S.WITHDRAWN, _WRITERS, "撤下案例"),
    Transition((_S.WITHDRAWN,), "reopen", _S.DRAFT, _WRITERS, "重新编写"),
)
# Events that need a reason, which the others concerned are told.
WITH_REASON = frozenset({"decline", "send_back", "withdraw", "revoke"})


# Blank papers that a kit can hold; a template names one of them, or none where it is only a hint.
FORMS = ("problems", "requirements", "baseline", "milestones", "handover", "questionnaire")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A paper that others can start from. `name`: what it is; `use`: when one needs it; `form`: which of FORMS lies in the kit for it."""

    name: str
    use: str = ""
    form: str = ""


@dataclass(frozen=True, kw_only=True)
class ShowcaseRules:
    """Read from the pilot file; days are working days. `templates`: what a kit names where nothing else is written."""

    consent_days: int
    review_days: int
    templates: tuple[Template, ...]
    source: str

    def form_of(self, name: str) -> str:
        """The blank paper of a template by the name that a showcase gives it; "" where there is none."""
        return next((one.form for one in self.templates if one.name == name), "")


def faults(rules: ShowcaseRules) -> Iterator[tuple[str, str]]:
    """(place in the pilot file, what is wrong there)."""
    for place, one in enumerate(rules.templates, 1):
        if one.form and one.form not in FORMS:
            yield f"showcase.templates[{place}].form", f"must be one of {', '.join(FORMS)}, or be left out"


@dataclass(frozen=True)
class ShowcaseDraft:
    """As it is typed. `effects`: rows of {name, unit, before, after}; `templates`: rows of {name, use}. `solution_id`: the main one, of a
    supplier of the project."""

    title: str = ""
    summary: str = ""
    level: str = ""
    sector: str = ""
    orientations: tuple[str, ...] = ()
    scenario_codes: tuple[str, ...] = ()
    problem: str = ""
    approach: str = ""
    experience: str = ""
    effects: tuple[Mapping[str, Any], ...] = ()
    effect_note: str = ""
    cost_fen: int | None = None
    starts: date | None = None
    finished: date | None = None
    templates: tuple[Mapping[str, Any], ...] = ()
    solution_id: int | None = None


def check(draft: ShowcaseDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal); nothing when it may be kept."""
    for name, label, text, most in (
        ("title", _("标题"), draft.title, 200),
        ("summary", _("一句话介绍"), draft.summary, 500),
        ("problem", _("要解决的问题"), draft.problem, 5_000),
        ("approach", _("怎样做的"), draft.approach, 10_000),
    ):
        yield from check_text(name, label, text, most=most, required=True)
    yield from check_text("experience", _("可以推广的经验"), draft.experience, most=5_000)
    yield from check_text("effect_note", _("成效说明"), draft.effect_note, most=2_000)
    if not draft.level:
        yield "level", Refused("required", _("{label}没有填。"), {"label": _("层面")})
    if not draft.sector:
        yield "sector", Refused("required", _("{label}没有填。"), {"label": _("行业")})
    if draft.cost_fen is not None and not 0 < draft.cost_fen <= MOST_FEN:
        yield "cost", Refused("bad_cost", _("投资额要大于 0；不写的留空。"))
    if draft.starts and draft.finished and draft.finished < draft.starts:
        values = {"ends": draft.finished.isoformat(), "starts": draft.starts.isoformat()}
        yield "finished", Refused("ends_before_start", _("完工日期 {ends} 早于开工日期 {starts}。"), values)
    yield from _check_rows("effects", draft.effects, MOST_EFFECTS)
    yield from _check_rows("templates", draft.templates, MOST_TEMPLATES)
    if not draft.effects and not draft.effect_note.strip():
        yield "effects", Refused("no_effect", _("请至少写一项前后对比的指标，或在成效说明里写明。"))
    for number, row in enumerate(draft.effects, 1):
        if any(not isinstance(row.get(key), int | float) or abs(row[key]) > MOST_FIGURE for key in ("before", "after")):
            yield "effects", Refused("no_figures", _("第 {row} 项指标的改造前、改造后都要填数字。"), {"row": number})


def _check_rows(field: str, rows: Sequence[Mapping[str, Any]], most: int) -> Iterator[tuple[str, Refused]]:
    if len(rows) > most:
        yield field, Refused("too_many_rows", _("这一部分最多 {most} 行。"), {"most": most})
    for number, row in enumerate(rows, 1):
        name = str(row.get("name", ""))
        if not name.strip() or len(name) > 100 or any(len(str(row.get(key, ""))) > 500 for key in ("use", "unit")):
            yield field, Refused("bad_row", _("第 {row} 行的名称没有填，或者太长。"), {"row": number})


def tells_cost(texts: Iterable[str], cost_fen: int | None) -> bool:
    """Whether a text says the amount that the enterprise wants unsaid."""
    if cost_fen is None:
        return False
    # Grouped or not, with a blank before the unit or none.
    amount = exact_text(cost_fen).replace(",", "")
    joined = "\n".join(texts).replace(",", "").replace("，", "").replace(" ", "")
    return f"{amount}万" in joined


def names_told(texts: Iterable[str], enterprises: Iterable[str]) -> list[str]:
    """The enterprises that a text names, long or short."""
    joined = "\n".join(texts)
    return [name for name in enterprises if any(word in joined for word in names_of(name))]


def effects_of(measures: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Before and after, from what an acceptance measured: the baseline of the plan, and the measured value."""
    found = []
    for row in measures:
        before, after = row.get("baseline"), row.get("measured")
        if isinstance(before, int | float) and isinstance(after, int | float):
            found.append({"name": str(row.get("name", "")), "unit": str(row.get("unit", "")), "before": before, "after": after})
    return found[:MOST_EFFECTS]


def change_of(before: float, after: float) -> float | None:
    """The change as a share of what was before: −0.3 is 30 % less. None where there was nothing to compare with."""
    return (after - before) / abs(before) if before else None
