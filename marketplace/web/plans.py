"""一企一策: an enterprise's problem list, answered. The main page: a set of providers, then each problem with its reasons; for the
centre a workbench, with emphasis, filters and comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import plans as actions
from marketplace.domain.access import may_read_plan
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.matches import Match
from marketplace.domain.plans import ASPECTS, MOST, Emphasis, check_emphasis
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.cases import Case
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.history import find_last_entry
from marketplace.records.plans import find_plans
from marketplace.shown import note_shown
from marketplace.site import current_site
from marketplace.web.cards import SolutionCard
from marketplace.web.catalogue_form import sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.language import say
from marketplace.web.plan_sheet import Need, read_sheet
from marketplace.web.plan_steering import read_filters
from marketplace.web.refusals import sentence_of
from marketplace.web.resources import serving
from marketplace.web.terms import here_now
from marketplace.web.typed import seen, seen_still

pages = Blueprint("plans", __name__)
# More beside each other nobody can read.
MOST_COMPARED = 4


@dataclass(frozen=True)
class Compared:
    """One column of the comparison."""

    match: Match
    card: SolutionCard
    cases: Sequence[Case]
    taken: bool


@pages.get("/enterprises/<public_id>/plan")
@permission("read", "plan")
def show(public_id: str) -> str:
    return _page(public_id, noted=True)


def _page(
    public_id: str,
    *,
    typed: Mapping[str, str] | None = None,
    faults: Sequence[tuple[str, Refused]] = (),
    lost: Refused | None = None,
    noted: bool = False,
) -> str:
    """`typed`: the emphasis as it was typed, shown again with what is wrong with it. `noted`: the ranker learns that this was shown."""
    filters = read_filters(request.args)
    with current_site().database.reading() as session:
        enterprise = readable_enterprise(session, public_id)
        sheet = read_sheet(session, enterprise, filters)
        if noted:
            note_shown((match for need in sheet.needs for match, _card in need.matches), place="plan")
        row = sheet.steering.emphasis_row
        last = find_last_entry(session, actions.EMPHASIS_NOUN, row.id) if row else 0
        stored = {name: str(value) for name, value in sheet.steering.emphasis.items()}
        return render_template(
            "plans/show.html",
            sheet=sheet,
            enterprise=enterprise,
            versions=find_plans(session, enterprise.id),
            aspects=ASPECTS,
            emphasis=typed or stored,
            most=MOST,
            faults=sentences(faults),
            seen=seen_still(last, lost=lost is not None),
            lost=sentence_of(lost),
            changes=_outdated(stored, typed) if lost and typed else [],
            most_compared=MOST_COMPARED,
            resources=serving(
                session, ((need.number, need.problem.scenario_code, need.problem.stage) for need in sheet.needs), sector=enterprise.sector
            ),
        )


def readable_enterprise(session: Session, public_id: str) -> Enterprise:
    enterprise = find_enterprise(session, public_id)
    # A foreign list and a missing one get the same answer.
    if enterprise is None or not may_read_plan(current_viewer(), enterprise.id):
        not_found()
    return enterprise


@pages.post("/enterprises/<public_id>/plan/emphasis")
@permission("make", "plan")
def weigh(public_id: str) -> Response | tuple[str, int]:
    site = current_site()
    typed = {name: request.form.get(name, "").strip()[:10] for name in ASPECTS}
    emphasis = Emphasis(**{name: _whole(text) for name, text in typed.items()})
    if faults := list(check_emphasis(emphasis)):
        return _page(public_id, typed=typed, faults=faults), 422
    with site.database.reading() as session:
        number = readable_enterprise(session, public_id).id
    try:
        actions.weigh(site.database, number, emphasis, viewer=current_viewer(), at=here_now(), seen=seen())
    except RefusedError as error:
        if error.refused.code != "changed_meanwhile":
            raise
        return _page(public_id, typed=typed, lost=error.refused), 409
    return redirect(url_for("plans.show", public_id=public_id, _anchor="steer"), 303)


def _whole(text: str) -> int:
    """What is no number is out of range, and refused as such."""
    return int(text) if text.isascii() and text.isdigit() else -1


def _outdated(stored: Mapping[str, str], typed: Mapping[str, str]) -> list[ShownDifference]:
    return outdated_fields((say(word), stored[name], typed[name]) for name, word in ASPECTS.items())


@pages.get("/enterprises/<public_id>/plan/compare")
@permission("read", "plan")
def compare(public_id: str) -> str:
    """Up to four solutions of one problem side by side, as they stand in the plan."""
    with current_site().database.reading() as session:
        enterprise = readable_enterprise(session, public_id)
        key, wanted = request.args.get("problem", ""), list(dict.fromkeys(request.args.getlist("s")))
        need = next((one for one in read_sheet(session, enterprise, read_filters(request.args)).needs if str(one.problem.id) == key), None)
        columns = _compared(session, need, wanted[:MOST_COMPARED]) if need else []
        return render_template(
            "plans/compare.html",
            enterprise=enterprise,
            need=need,
            columns=columns,
            left_out=len(wanted[MOST_COMPARED:]),
            most=MOST_COMPARED,
        )


def _compared(session: Session, need: Need, chosen: Sequence[str]) -> list[Compared]:
    rows = [(match, card) for match, card in need.matches if str(match.solution_id) in chosen]
    cases = find_cases_of(session, [card.solution.id for _match, card in rows])
    taken = need.chosen[1].solution.id if need.chosen else None
    return [Compared(match, card, cases.get(card.solution.id, ()), card.solution.id == taken) for match, card in rows]


def find_cases_of(session: Session, solution_ids: Sequence[int]) -> dict[int, list[Case]]:
    """Cases of these solutions, the newest first."""
    found: dict[int, list[Case]] = {}
    query = select(Case).where(Case.solution_id.in_(solution_ids)).order_by(Case.completed.desc(), Case.id)
    for row in session.scalars(query):
        if row.solution_id is not None:
            found.setdefault(row.solution_id, []).append(row)
    return found
