"""The text of a showcase: drafted from what the platform knows of a project, written into its row, and as the history keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.showcases import ShowcaseDraft, ShowcaseRules, effects_of
from marketplace.domain.solutions import SolutionState
from marketplace.records.acceptances import find_acceptance
from marketplace.records.projects import Project, find_project_problems, find_suppliers
from marketplace.records.showcases import Showcase
from marketplace.records.solutions import Solution

FIELDS = tuple(one.name for one in fields(ShowcaseDraft))
TEXTS = ("title", "summary", "problem", "approach", "experience", "effect_note")


def solutions_of(session: Session, project_id: int) -> Sequence[Solution]:
    """What the suppliers of a project offer: one of them may be named as the main one."""
    suppliers = [row.provider_id for row in find_suppliers(session, project_id)]
    query = select(Solution).where(Solution.provider_id.in_(suppliers), Solution.state == SolutionState.PUBLISHED)
    return session.scalars(query.order_by(Solution.provider_id, Solution.id).limit(200)).all()


def draft_of(session: Session, project: Project, rules: ShowcaseRules) -> ShowcaseDraft:
    """What the platform knows: the problems, the scenario, who did it with what, before and after, what it cost."""
    suppliers = find_suppliers(session, project.id)
    solution = next((session.get(Solution, row.solution_id) for row in suppliers if row.solution_id), None)
    acceptance = find_acceptance(session, project.id)
    texts = project.plan or {}
    problem = "\n".join(row.text for row in find_project_problems(session, project.id)) or str(texts.get("background", ""))
    parts = [str(texts.get("content", "")), *(row.content for row in suppliers), solution.summary if solution else ""]
    codes = list(dict.fromkeys([*project.scenario_codes, *(solution.scenario_codes if solution and not project.scenario_codes else ())]))
    return ShowcaseDraft(
        title=project.title,
        summary=problem.split("\n")[0][:200],
        level=project.level,
        sector=project.sector,
        orientations=tuple(project.orientations),
        scenario_codes=tuple(codes),
        problem=problem,
        approach="\n\n".join(part for part in parts if part),
        effects=tuple(effects_of(acceptance.measures)) if acceptance else (),
        effect_note=acceptance.summary if acceptance else str(texts.get("effect", "")),
        cost_fen=project.total_fen,
        starts=project.starts,
        finished=acceptance.finished_on if acceptance else project.ends,
        templates=tuple({"name": row.name, "use": row.use} for row in rules.templates),
        solution_id=solution.id if solution else None,
    )


def typed_of(showcase: Showcase) -> ShowcaseDraft:
    values: dict[str, Any] = {name: getattr(showcase, name) for name in FIELDS}
    shaped: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return ShowcaseDraft(**shaped)


def write(showcase: Showcase, draft: ShowcaseDraft, names: Iterable[str]) -> None:
    for name in names:
        value = getattr(draft, name)
        setattr(showcase, name, [dict(row) if not isinstance(row, str) else row for row in value] if isinstance(value, tuple) else value)


def plain(draft: ShowcaseDraft, names: Iterable[str]) -> dict[str, Any]:
    """As the history keeps it."""
    found: dict[str, Any] = {}
    for name in names:
        value = getattr(draft, name)
        if isinstance(value, tuple):
            found[name] = [row if isinstance(row, str) else dict(row) for row in value]
        else:
            found[name] = value.isoformat() if isinstance(value, date) else value
    return found


def texts_of(showcase: Showcase) -> list[str]:
    """Everything in it that people read."""
    return [*(str(getattr(showcase, name)) for name in TEXTS), *(str(row.get("name", "")) for row in showcase.effects)]
