"""What the decision on an acceptance teaches: events of the suppliers' ratings, past matches, rows for the ranker, solved problems."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.brokering_outcomes import RESULT_VALUES, note
from marketplace.actions.dependants import enqueue_dependants
from marketplace.actions.history import record
from marketplace.actions.project_steps import Step
from marketplace.actions.ratings import Incoming, put_events, recompute
from marketplace.actions.roles import actor_of
from marketplace.domain import problems
from marketplace.domain.acceptances import AcceptanceState, mean_stars, result_of
from marketplace.domain.access import Role
from marketplace.domain.rating_events import EventDraft, EventKind
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.working_days import days_left
from marketplace.records.acceptances import Acceptance
from marketplace.records.calendar import find_calendar
from marketplace.records.introductions import Introduction
from marketplace.records.match_events import MatchEventKind
from marketplace.records.matches import Acceptance as Result
from marketplace.records.matches import Decision, Outcome
from marketplace.records.projects import Project, ProjectSupplier, find_project_problems, find_suppliers
from marketplace.records.solutions import Solution

# Where the events come from, and under which name the past matches of projects without an introduction are known.
PLATFORM, OUTCOMES = "platform", "project"
_MOST_STARS = 5


def write_outcomes(session: Session, project: Project, acceptance: Acceptance, step: Step, rating_rules: RatingRules) -> None:
    """In the transaction of the decision. A later round changes what the earlier one wrote: failed becomes passed after rectification."""
    passed = acceptance.state == AcceptanceState.PASSED
    result = result_of("pass" if passed else "fail", acceptance.number)
    suppliers = find_suppliers(session, project.id)
    rows: list[Incoming] = []
    for supplier in suppliers:
        for name, draft in _events(session, project, acceptance, supplier, result, step):
            rows.append(Incoming(supplier.provider_id, draft, f"{supplier.public_id}:{name}", supplier.solution_id))
        _match(session, project, acceptance, supplier, result, step)
    put_events(session, rows, source=PLATFORM, actor=actor_of(step.viewer), at=step.at)
    recompute(session, [row.provider_id for row in suppliers], rating_rules, at=step.at, on=step.today, why=PLATFORM)
    if passed:
        _solve(session, project, step)


def _finished(acceptance: Acceptance, step: Step) -> date:
    return acceptance.finished_on or step.today


def _events(
    session: Session, project: Project, acceptance: Acceptance, supplier: ProjectSupplier, result: str, step: Step
) -> list[tuple[str, EventDraft]]:
    """In time or not, how it was accepted, what was measured, and the enterprise's marks."""
    done, judged = _finished(acceptance, step), acceptance.held_on or step.today
    timely: dict[str, Any] = {"on_time": _on_time(project, done)}
    if project.ends is not None and done > project.ends:
        timely["days_late"] = days_left(project.ends, done, find_calendar(session))
    score = {} if acceptance.attained is None else {"remark": f"指标达到 {acceptance.attained:.0%}"}
    found = [
        (str(EventKind.ON_TIME), EventDraft(EventKind.ON_TIME, done, timely, project.number)),
        (str(EventKind.ACCEPTANCE), EventDraft(EventKind.ACCEPTANCE, judged, {"result": result, **score}, project.number)),
    ]
    marks = acceptance.marks_of(supplier.public_id)
    if mean_stars(marks) is not None:
        payload = {**marks, "remark": acceptance.remark_of(supplier.public_id)}
        found.append((str(EventKind.ENTERPRISE_RATING), EventDraft(EventKind.ENTERPRISE_RATING, judged, payload, project.number)))
    for row in acceptance.measures:
        # A level that was only to be kept says nothing of a way.
        if row["target"] == (row["baseline"] or 0):
            continue
        effect = {"indicator": row["name"], **{key: row[key] for key in ("unit", "baseline", "target", "measured")}}
        found.append((f"{EventKind.EFFECT}:{row['indicator']}", EventDraft(EventKind.EFFECT, judged, effect, project.number)))
    return found


def _on_time(project: Project, done: date) -> bool:
    return project.ends is None or done <= project.ends


def _match(session: Session, project: Project, acceptance: Acceptance, supplier: ProjectSupplier, result: str, step: Step) -> None:
    """The past match from which the supplier came, or one of its own where it came by no introduction of the platform."""
    introduction = session.get(Introduction, supplier.introduction_id) if supplier.introduction_id else None
    outcome = introduction.outcome if introduction is not None else None
    if outcome is None:
        outcome = _own_outcome(session, project, supplier, introduction, step)
    stars = mean_stars(acceptance.marks_of(supplier.public_id))
    if outcome is not None:
        before = {"acceptance": outcome.acceptance and str(outcome.acceptance)}
        outcome.acceptance, outcome.on_time = Result(result), _on_time(project, _finished(acceptance, step))
        outcome.score = None if acceptance.attained is None else round(acceptance.attained * 100, 1)
        outcome.enterprise_rating, outcome.flag = stars, None
        session.flush()
        after = {"acceptance": result, "on_time": outcome.on_time, "rating": stars, "score": outcome.score}
        record(
            session, actor=actor_of(step.viewer), verb="change", noun="outcome", noun_id=outcome.id, before=before, after=after, at=step.at
        )  # fmt: skip
        enqueue_dependants(session, {"outcome": [outcome.id]})
    if introduction is not None:
        value = RESULT_VALUES[result]
        if stars is not None:
            value = (value + (stars - 1) / (_MOST_STARS - 1)) / 2
        note(session, introduction, MatchEventKind.FINISHED, step.at, value=value)


def _own_outcome(
    session: Session, project: Project, supplier: ProjectSupplier, introduction: Introduction | None, step: Step
) -> Outcome | None:
    """None where it is not known which solution answered which problem: such a match would teach something made up."""
    found = session.scalar(select(Outcome).where(Outcome.source == OUTCOMES, Outcome.source_ref == supplier.public_id))
    if found is not None:
        return found
    if introduction is not None:
        problem_id, solution_id = introduction.problem_id, introduction.solution_id
    else:
        chosen = _problem_of(session, project, supplier)
        if chosen is None or supplier.solution_id is None:
            return None
        problem_id, solution_id = chosen, supplier.solution_id
    row = Outcome(problem_id=problem_id, solution_id=solution_id, provider_id=supplier.provider_id, source=OUTCOMES)
    row.proposed, row.source_ref = supplier.signed or (project.submitted_at or project.created).date(), supplier.public_id
    row.decision = Decision.ACCEPTED
    session.add(row)
    session.flush()
    after = {"decision": str(row.decision), "project": project.number}
    record(session, actor=actor_of(step.viewer), verb="enter", noun="outcome", noun_id=row.id, before=None, after=after, at=step.at)
    return row


def _problem_of(session: Session, project: Project, supplier: ProjectSupplier) -> int | None:
    """The problem whose scenario the solution serves; the only one of the project, whatever its scenario."""
    found = find_project_problems(session, project.id)
    solution = session.get(Solution, supplier.solution_id) if supplier.solution_id else None
    if solution is None or not found:
        return None
    fitting = [row.id for row in found if row.scenario_code and row.scenario_code in solution.scenario_codes]
    return fitting[0] if fitting else found[0].id if len(found) == 1 else None


def _solve(session: Session, project: Project, step: Step) -> None:
    """What the project was about needs no more matches."""
    for problem in find_project_problems(session, project.id):
        if problem.state == problems.ProblemState.OPEN:
            transition.apply(
                session, problem, problems.TABLE, "solve", actor=actor_of(step.viewer), roles={Role.CENTRE}, at=step.at, why=project.number
            )  # fmt: skip
