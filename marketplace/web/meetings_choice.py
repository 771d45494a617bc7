"""Choosing who talks to whom: enterprises with open problems of the sector or scenario, and providers that the ranking puts first.

Which problems are worth a talk is known from the night's count of who answers what; only the few that are proposed are ranked, so
that the page has scores and reasons of this moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import meetings_talks as actions
from marketplace.actions.meetings_talks import Pairing
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.matches import Match
from marketplace.domain.problems import ProblemState
from marketplace.guard import not_found, permission
from marketplace.records.enterprises import Enterprise
from marketplace.records.meetings import Meeting, MeetingTalk, count_wanted, find_talks, find_wanted
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import find_unmatchable_provider_ids
from marketplace.records.solutions import find_solution
from marketplace.site import current_site
from marketplace.web.brokerings import step_of
from marketplace.web.cards import SolutionCard, find_solution_cards
from marketplace.web.demands import is_offered
from marketplace.web.language import say
from marketplace.web.meetings import code_of, meeting_page, number_of, readable
from marketplace.web.meetings_shown import WORDS, slots_of
from marketplace.web.plan_sheet import ask_of
from marketplace.web.reasons import sentence as reason_sentence
from marketplace.web.refusals import form_page
from marketplace.web.remembered import remembered
from marketplace.web.terms import today

pages = Blueprint("meetings_choice", __name__)
# Looked through, to find the enterprises; proposed; of each enterprise; of each problem.
LOOKED, ENTERPRISES, PROBLEMS, MATCHES = 400, 20, 2, 3
# As a rule an enterprise wants to talk to so many; those stand ticked.
TICKED = 3
FAIR = 2


@dataclass
class Choice:
    """One problem with the solutions that answer it best."""

    problem: Problem
    matches: list[tuple[Match, SolutionCard]] = field(default_factory=list)


@dataclass
class Guest:
    """An enterprise that could come. `needs`: how many open problems of the kind it has."""

    enterprise: Enterprise
    needs: int
    choices: list[Choice] = field(default_factory=list)


@dataclass(frozen=True)
class Proposal:
    """`enterprises`, `problems`: how many there are in all; `there`: (enterprise, provider) that talk already."""

    guests: Sequence[Guest]
    enterprises: int
    problems: int
    ticked: Collection[str]
    there: Collection[tuple[int, int]]


def key_of(choice: Choice, card: SolutionCard) -> str:
    return f"{choice.problem.public_id}:{card.solution.public_id}"


def propose(session: Session, meeting: Meeting, text: str = "") -> Proposal:
    """Those with most problems that somebody answers; `text`: instead, those whose name holds it."""
    guests = _searched(session, text) if text else _wanted(session, meeting)
    _match(session, guests)
    guests = [guest for guest in guests if text or any(choice.matches for choice in guest.choices)]
    talks = find_talks(session, meeting.id)
    there = {(talk.problem.enterprise_id, talk.solution.provider_id) for talk in talks}
    enterprises, problems = count_wanted(session, meeting.sector, meeting.scenario_code)
    ticked = _ticked(guests, talks, len(slots_of(meeting))) if not text else set()
    return Proposal(guests, enterprises, problems, ticked, there)


def _wanted(session: Session, meeting: Meeting) -> list[Guest]:
    guests: dict[int, Guest] = {}
    for problem, _takers, _strength in find_wanted(session, meeting.sector, meeting.scenario_code, most=LOOKED):
        guest = guests.setdefault(problem.enterprise_id, Guest(problem.enterprise, 0))
        guest.needs += 1
        if len(guest.choices) < PROBLEMS:
            guest.choices.append(Choice(problem))
    # The order in which they were found is that of their best problem; who has more of them stands before others as good.
    return sorted(guests.values(), key=lambda guest: -min(guest.needs, PROBLEMS))[:ENTERPRISES]


def _searched(session: Session, text: str) -> list[Guest]:
    query = (
        select(Enterprise)
        .join(Enterprise.organisation)
        .where(Organisation.name.contains(text, autoescape=True) | (Organisation.credit_code == text))
    )
    rows = session.scalars(query.order_by(Organisation.name, Enterprise.id).limit(ENTERPRISES)).all()
    guests = {row.id: Guest(row, 0) for row in rows}
    found = (
        select(Problem).where(Problem.enterprise_id.in_(guests), Problem.state == ProblemState.OPEN).options(joinedload(Problem.diagnosis))
    )
    for problem in session.scalars(found.order_by(Problem.id)):
        if is_offered(problem):
            guest = guests[problem.enterprise_id]
            guest.needs += 1
            if len(guest.choices) < PROBLEMS * 3:
                guest.choices.append(Choice(problem))
    return [guest for guest in guests.values() if guest.choices]


def _match(session: Session, guests: Sequence[Guest]) -> None:
    """The ranking of the problems that are proposed, in one batch."""
    choices = [(guest, choice) for guest in guests for choice in guest.choices]
    asks = [ask_of(choice.problem, guest.enterprise) for guest, choice in choices]
    if not asks:
        return
    found = remembered(session, ("meeting", *asks), lambda: current_site().recommender.recommend_many(asks, limit=MATCHES))
    cards = find_solution_cards(session, {match.solution_id for answer in found.values() for match in answer.matches})
    unmatchable = find_unmatchable_provider_ids(session, today())
    for _guest, choice in choices:
        for match in found[str(choice.problem.id)].matches:
            if match.strength >= FAIR and match.solution_id in cards and match.provider_id not in unmatchable:
                choice.matches.append((match, cards[match.solution_id]))


def _ticked(guests: Sequence[Guest], talks: Sequence[MeetingTalk], rounds: int) -> set[str]:
    """The best first, up to so many of an enterprise, and of a provider no more than there are rounds."""
    of_enterprise: dict[int, int] = {}
    of_provider: dict[int, int] = {}
    there: set[tuple[int, int]] = set()
    for talk in talks:
        pair = (talk.problem.enterprise_id, talk.solution.provider_id)
        there.add(pair)
        of_enterprise[pair[0]], of_provider[pair[1]] = of_enterprise.get(pair[0], 0) + 1, of_provider.get(pair[1], 0) + 1
    rows = [(match, choice, card, guest.enterprise.id) for guest in guests for choice in guest.choices for match, card in choice.matches]
    ticked = set()
    for match, choice, card, number in sorted(rows, key=lambda row: (-row[0].score, row[0].solution_id)):
        pair = (number, match.provider_id)
        if pair in there or of_enterprise.get(number, 0) >= TICKED or of_provider.get(match.provider_id, 0) >= rounds:
            continue
        there.add(pair)
        of_enterprise[number], of_provider[pair[1]] = of_enterprise.get(number, 0) + 1, of_provider.get(pair[1], 0) + 1
        ticked.add(key_of(choice, card))
    return ticked


@pages.get("/meetings/<public_id>/choice")
@permission("run", "meeting")
def page(public_id: str) -> Response:
    return _page(public_id, request.args.get("q", "").strip()[:100])


def _page(public_id: str, text: str, refused: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        meeting = readable(session, public_id)
        found = propose(session, meeting, text)
        ticked = set(request.form.getlist("pair")) if refused is not None else found.ticked
        answer = form_page(
            "meetings/choice.html", refused=refused, meeting=meeting, found=found, ticked=ticked, text=text, key_of=key_of, sentence_of=reason_sentence,
            typed=request.form if refused is not None else {}, **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = code_of(refused)
    return answer


@pages.post("/meetings/<public_id>/choice")
@permission("run", "meeting")
def add(public_id: str) -> AnyResponse:
    """What was ticked, with the place and features it had when it was shown; and one solution by its address or number."""
    form, text = request.form, request.form.get("q", "").strip()[:100]
    with current_site().database.reading() as session:
        meeting = readable(session, public_id)
        number = meeting.id
        pairings = chosen(propose(session, meeting, text), form.getlist("pair"))
        by_hand = _by_hand(session, form)
    try:
        if isinstance(by_hand, Refused):
            raise RefusedError(by_hand)
        count = actions.add(current_site().database, number, pairings + by_hand, step_of())
    except RefusedError as error:
        return _page(public_id, text, error.refused)
    flash(say("已加 {n} 场洽谈。", n=count), "good")
    return redirect(url_for("meetings.show", public_id=public_id, _anchor="talks"), 303)


def chosen(found: Proposal, ticked: Sequence[str]) -> list[Pairing]:
    return [
        Pairing(choice.problem.id, match.solution_id, match.score, match.strength, place, match.model, match.features)
        for guest in found.guests
        for choice in guest.choices
        for place, (match, card) in enumerate(choice.matches, 1)
        if key_of(choice, card) in ticked
    ]


def _by_hand(session: Session, form: Mapping[str, str]) -> list[Pairing] | Refused:
    """A solution of the centre's own choice, named by the address of its page, for one of the problems on the page."""
    wanted = form.get("solution", "").strip().rstrip("/").rpartition("/")[2]
    if not wanted:
        return []
    solution = find_solution(session, wanted)
    problem = session.scalar(select(Problem).where(Problem.public_id == form.get("problem", "")))
    if solution is None or problem is None:
        return Refused("unknown_solution", _("没有找到这个方案，或没有选问题。请粘贴方案页的网址。"))
    return [Pairing(problem.id, solution.id)]


@pages.post("/meetings/<public_id>/talks/<talk>/remove")
@permission("run", "meeting")
def remove(public_id: str, talk: str) -> AnyResponse:
    number = talk_number(public_id, talk)
    try:
        actions.remove(current_site().database, number, step_of())
    except RefusedError as error:
        return meeting_page(public_id, error.refused, "remove")
    flash(say("已移出这场洽谈。"), "good")
    return redirect(url_for("meetings.show", public_id=public_id, _anchor="talks"), 303)


def talk_number(public_id: str, talk: str) -> int:
    meeting_id = number_of(public_id)
    with current_site().database.reading() as session:
        query = select(MeetingTalk.id).where(MeetingTalk.public_id == talk, MeetingTalk.meeting_id == meeting_id)
        return session.scalar(query) or not_found()
