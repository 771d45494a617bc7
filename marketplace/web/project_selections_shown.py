"""What the pages of the selection show: the ranking of a guide with its money, and one project with what can be decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from marketplace.actions.project_selections import WORDS, obstacle
from marketplace.actions.project_steps import PROJECT, Step, roles_on_project, standing_of
from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.decisions import DecisionState
from marketplace.domain.lifecycle import Refused, Transition, allowed_events
from marketplace.domain.project_selections import EVENTS, Ceiling, Ranked, below_mark, ceilings, most_fen, running
from marketplace.domain.projects import TABLES, ProjectState
from marketplace.faults import said
from marketplace.records.decisions import Decision
from marketplace.records.guides import Guide
from marketplace.records.history import find_last_entry
from marketplace.records.project_reviews import ProjectReview, find_project_review
from marketplace.records.project_selections import (
    CityDecision,
    ProjectObjection,
    ProjectPublicity,
    committed_fen,
    find_city_decision,
    find_project_objections,
    find_publicity,
    ranking,
)
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web.paging import Paging, paged
from marketplace.web.project_panel_shown import names_of_people, panel_rules

_ENDED = (ProjectState.NOT_SELECTED, ProjectState.REVIEWING)


@dataclass(frozen=True)
class Row:
    """One project of the ranking. `suggested_fen`: what its field begins with; `open`: an amount can be proposed now."""

    project: Project
    review: ProjectReview | None
    place: Ranked
    waiting: Decision | None
    suggested_fen: int | None
    open: bool


@dataclass(frozen=True, kw_only=True)
class RankingShown:
    guide: Guide
    rows: Sequence[Row]
    paging: Paging
    committed_fen: int
    left_fen: int | None
    waiting: Sequence[Decision]
    waiting_fen: int
    decides: bool
    mine: bool


def read_ranking(session: Session, guide: Guide, viewer: Viewer) -> RankingShown:
    """The sums run over all projects, however many of them one page shows; a constant number of statements."""
    waiting = _waiting(session, guide)
    by_project = {one.noun_id: one for one in waiting}
    columns = (Project.id, Project.state, Project.amount_fen, Project.asked_fen, ProjectReview.joint_amount_fen)
    order = session.execute(ranking(guide.id).with_only_columns(*columns, maintain_column_froms=True)).all()
    amounts = [_counted(row, by_project.get(row[0])) for row in order]
    places = running(amounts, guide.budget_fen)
    paging = paged(len(order), current_site().pilot.thresholds.page_size, "project_selections.ranking", public_id=guide.public_id)
    shown = slice(paging.offset, paging.offset + paging.size)
    # The whole order is numbers alone; texts are read for one page of it.
    page = ranking(guide.id).where(Project.id.in_([row[0] for row in order[shown]])).options(defer(Project.plan))
    found = {project.id: (project, review) for project, review in session.execute(page)}
    decides = may(viewer, "select", "project")
    rules = current_site().pilot.project.of(guide.project_class)
    rows = []
    for (number, *_columns), place in zip(order[shown], places[shown], strict=True):
        project, review = found[number]
        bound = most_fen(rules, project.level, project.total_fen, project.asked_fen)
        proposed = review.joint_amount_fen if review is not None else bound
        can = any(row.event == "show" and project.state in row.states for row in TABLES[project.project_class])
        below = below_mark(review.joint_total if review is not None else None, panel_rules().entry_mark) is not None
        rows.append(
            Row(project, review, place, by_project.get(number), proposed, can and decides and number not in by_project and not below)
        )
    given = committed_fen(session, guide.id)
    return RankingShown(
        guide=guide,
        rows=rows,
        paging=paging,
        committed_fen=given,
        left_fen=None if guide.budget_fen is None else guide.budget_fen - given,
        waiting=waiting,
        waiting_fen=sum(int(one.values.get("amount_fen") or 0) for one in waiting),
        decides=decides,
        mine=any(one.proposed_by == viewer.account_id for one in waiting),
    )


def _waiting(session: Session, guide: Guide) -> Sequence[Decision]:
    query = select(Decision).join(Project, Project.id == Decision.noun_id).where(Decision.noun == PROJECT, Decision.event == "show")
    query = query.where(Decision.state == DecisionState.PROPOSED, Project.guide_id == guide.id)
    return session.scalars(query.order_by(Decision.noun_id)).all()


def _counted(row: Any, waiting: Decision | None) -> int | None:
    """What a project counts in the running sum: what it has, else what waits for the second person, else what the panel proposes."""
    _number, state, amount, _asked, proposed = row
    if state in _ENDED:
        return 0
    if amount is not None:
        return int(amount)
    if waiting is not None:
        return int(waiting.values.get("amount_fen") or 0)
    return proposed if state == ProjectState.RANKED else 0


@dataclass(frozen=True, kw_only=True)
class SelectionShown:
    """One project. `events`: what may be proposed now; `obstacles`: event → why not yet, "" where nothing stands in its way."""

    project: Project
    guide: Guide | None
    review: ProjectReview | None
    ceilings: Sequence[Ceiling]
    most_fen: int | None
    left_fen: int | None
    publicity: ProjectPublicity | None
    objections: Sequence[ProjectObjection]
    city: CityDecision | None
    waiting: Decision | None
    decisions: Sequence[Decision]
    names: Mapping[int, str]
    events: Sequence[Transition]
    obstacles: Mapping[str, str]
    decides: bool
    seen: int

    def name(self, account_id: int | None) -> str:
        return self.names.get(account_id or 0, "–")

    def ready(self, *events: str) -> list[str]:
        """Those of the events that may be proposed, all of them without a name."""
        return [row.event for row in self.events if (not events or row.event in events) and not self.obstacles.get(row.event)]


def read_selection(session: Session, project: Project, step: Step) -> SelectionShown:
    guide = session.get(Guide, project.guide_id) if project.guide_id else None
    rules = current_site().pilot.project.of(project.project_class)
    bounds = list(ceilings(rules, project.level, project.total_fen, project.asked_fen))
    publicity = find_publicity(session, project.id)
    objections = find_project_objections(session, publicity.id) if publicity is not None else []
    query = select(Decision).where(Decision.noun == PROJECT, Decision.noun_id == project.id, Decision.event.in_(EVENTS))
    decisions = session.scalars(query.order_by(Decision.id.desc())).all()
    people = [one.proposed_by for one in decisions] + [one.second_person for one in decisions] + [one.answered_by for one in objections]
    decides = Role.BUREAU in step.viewer.roles or Role.ADMIN in step.viewer.roles
    events = [row for row in allowed_events(TABLES[project.project_class], project.state, _roles(step, project)) if row.event in EVENTS]
    left = guide.budget_fen - committed_fen(session, guide.id, without=project.id) if guide and guide.budget_fen is not None else None
    return SelectionShown(
        project=project,
        guide=guide,
        review=find_project_review(session, project.id),
        ceilings=bounds,
        most_fen=min((one.fen for one in bounds), default=None),
        left_fen=left,
        publicity=publicity,
        objections=objections,
        city=find_city_decision(session, project.id),
        waiting=next((one for one in decisions if one.state == DecisionState.PROPOSED), None),
        decisions=[one for one in decisions if one.state != DecisionState.PROPOSED],
        names=names_of_people(session, people),
        events=events if decides else [],
        obstacles=_obstacles(session, project, events, step),
        decides=decides,
        seen=find_last_entry(session, PROJECT, project.id),
    )


def _roles(step: Step, project: Project) -> frozenset[Role]:
    return roles_on_project(step.viewer, project)


def _obstacles(session: Session, project: Project, events: Sequence[Transition], step: Step) -> dict[str, str]:
    """Amounts and papers are typed with the proposal; everything else must be there before."""
    subject = replace(standing_of(session, project, step), amount_fen=1)
    told: dict[str, str] = {}
    for row in events:
        city = {"city_approves": "approved", "city_refuses": "refused"}.get(row.event, subject.city_decision)
        refused: Refused | None = row.guard(replace(subject, city_decision=city)) if row.guard else None
        if refused is None and row.event == "show":
            review = find_project_review(session, project.id)
            refused = below_mark(review.joint_total if review is not None else None, panel_rules().entry_mark)
        elif refused is None:
            refused = obstacle(session, project, row.event, None, panel_rules(), step)
        told[row.event] = said(refused.message, refused.values) if refused is not None else ""
    return told


def event_word(event: str) -> str:
    """A source sentence, to be translated where it is shown."""
    return WORDS.get(event, event)
