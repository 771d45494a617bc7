"""Who talks to whom at a meeting, and when at which table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import Step
from marketplace.actions.meetings_steps import MEETING, locked, must_be, note, tell, under_lock
from marketplace.actions.roles import must_hold
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.introductions import Answer, Side
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.meeting_timetables import Talk, timetable
from marketplace.domain.meetings import MOST_TALKS, OPEN, MeetingState, rounds_of
from marketplace.domain.problems import ProblemState
from marketplace.domain.solutions import SolutionState
from marketplace.records.database import Database
from marketplace.records.meetings import Meeting, MeetingParty, MeetingTalk, find_parties, find_talks
from marketplace.records.problems import Problem
from marketplace.records.providers import find_unmatchable_provider_ids
from marketplace.records.solutions import Solution

DECLINED, WAITING = "declined", "waiting"
_LETTERS = {Side.ENTERPRISE: "E", Side.PROVIDER: "P"}


@dataclass(frozen=True)
class Pairing:
    """One talk to be held. The rest: as the recommendation stood when it was ticked; None where it was added by hand."""

    problem_id: int
    solution_id: int
    score: float | None = None
    strength: int | None = None
    position: int | None = None
    model: str = ""
    features: Mapping[str, float] | None = None


def add(database: Database, meeting_id: int, pairings: Sequence[Pairing], step: Step) -> int:
    """Take up talks; how many. The first of an enterprise and a provider counts: they talk once."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        meeting = locked(session, meeting_id)
        must_be(meeting, OPEN)
        parties = {_key(party.side, party.enterprise_id or party.provider_id or 0): party for party in find_parties(session, meeting.id)}
        there = {(row.enterprise_party_id, row.provider_party_id) for row in find_talks(session, meeting.id)}
        unmatchable = find_unmatchable_provider_ids(session, step.today)
        made = []
        for pairing in pairings:
            problem, solution = _checked(session, pairing, unmatchable)
            first = _party(session, meeting, parties, Side.ENTERPRISE, problem.enterprise_id)
            second = _party(session, meeting, parties, Side.PROVIDER, solution.provider_id)
            if (first.id, second.id) in there:
                continue
            if len(there) >= MOST_TALKS:
                raise RefusedError(Refused("too_many_talks", _("一场对接会最多 {most} 场洽谈。"), {"most": MOST_TALKS}))
            there.add((first.id, second.id))
            talk = MeetingTalk(meeting_id=meeting.id, enterprise_party_id=first.id, provider_party_id=second.id)
            talk.problem_id, talk.solution_id, talk.score, talk.strength = problem.id, solution.id, pairing.score, pairing.strength
            talk.position, talk.model = pairing.position, pairing.model[:64]
            talk.features = dict(pairing.features) if pairing.features is not None else None
            session.add(talk)
            made.append(talk)
        session.flush()
        if not made:
            raise RefusedError(Refused("paired_already", _("没有可加的：没有选，或这家企业和这家服务商已在洽谈名单里。")))
        after = {"talks": [f"{row.problem_id}:{row.solution_id}" for row in made]}
        note(session, MEETING, meeting.id, "add", step, after=after)
        return len(made)


def _checked(session: Session, pairing: Pairing, unmatchable: frozenset[int]) -> tuple[Problem, Solution]:
    problem, solution = session.get_one(Problem, pairing.problem_id), session.get_one(Solution, pairing.solution_id)
    issued = problem.diagnosis is None or problem.diagnosis.state == DiagnosisState.ISSUED
    if problem.state != ProblemState.OPEN or not issued:
        raise RefusedError(Refused("problem_closed", _("有一条问题已解决、已撤回，或诊断还没有出具，请重新选。")))
    if solution.state != SolutionState.PUBLISHED or solution.provider_id in unmatchable:
        values = {"provider": solution.provider.name}
        raise RefusedError(Refused("provider_takes_no_new", _("{provider}目前不接新单，或这个方案已下架。请换一家。"), values))
    return problem, solution


def _key(side: str, number: int) -> tuple[str, int]:
    return str(side), number


def _party(session: Session, meeting: Meeting, parties: dict[tuple[str, int], MeetingParty], side: Side, number: int) -> MeetingParty:
    found = parties.get(_key(side, number))
    if found is not None:
        return found
    last = max((int(party.code[1:]) for party in parties.values() if party.side == side), default=0)
    party = MeetingParty(meeting_id=meeting.id, side=str(side), code=f"{_LETTERS[side]}{last + 1:02}")
    if side == Side.ENTERPRISE:
        party.enterprise_id = number
    else:
        party.provider_id = number
    session.add(party)
    session.flush()
    parties[_key(side, number)] = party
    return party


def remove(database: Database, talk_id: int, step: Step) -> None:
    """Take a talk out again; before the invitations, a party without any talk goes with it."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        talk, meeting = under_lock(session, MeetingTalk, talk_id)
        must_be(meeting, OPEN)
        before = {"talks": [f"{talk.problem_id}:{talk.solution_id}"]}
        numbers = (talk.enterprise_party_id, talk.provider_party_id)
        session.delete(talk)
        session.flush()
        for number in numbers:
            columns = (MeetingTalk.enterprise_party_id == number) | (MeetingTalk.provider_party_id == number)
            party = session.get_one(MeetingParty, number)
            if party.invited_at is None and session.scalar(select(MeetingTalk.id).where(columns).limit(1)) is None:
                session.delete(party)
        session.flush()
        note(session, MEETING, meeting.id, "remove", step, before=before, after={})


@dataclass(frozen=True)
class Planned:
    """How many talks have a place, in how many rounds, and how many have none."""

    placed: int
    rounds: int
    left_out: int


def plan(database: Database, meeting_id: int, step: Step, *, keep: bool = True, coming_only: bool = False) -> Planned:
    """Give every talk a round and a table. `keep`: who has a place stays there where it can; `coming_only`: those only of whom both
    have said that they come. Whoever was invited and has another place now is told."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        meeting = locked(session, meeting_id, step)
        must_be(meeting, OPEN)
        talks = find_talks(session, meeting.id)
        before = {talk.id: (talk.round, talk.table) for talk in talks}
        wanted = [talk for talk in talks if _may_come(talk, coming_only)]
        rounds = rounds_of(meeting.starts, meeting.ends, meeting.minutes, meeting.gap, [(low, high) for low, high in meeting.breaks])
        found = timetable([_of(talk, keep) for talk in wanted], rounds=len(rounds), tables=meeting.tables)
        for talk in talks:
            slot = found.slots.get(talk.id)
            talk.round, talk.table = slot if slot is not None else (None, None)
            talk.left_out = "" if slot is not None else found.left_out.get(talk.id) or _why_not(talk)
        meeting.planned_at = step.at
        session.flush()
        result = Planned(len(found.slots), found.rounds, len(talks) - len(found.slots))
        after = {"placed": result.placed, "rounds": result.rounds, "left_out": result.left_out, "keep": keep, "coming_only": coming_only}
        note(session, MEETING, meeting.id, "plan", step, after=after)
        moved = [talk for talk in talks if before[talk.id] != (talk.round, talk.table)]
        if meeting.state == MeetingState.INVITED and moved:
            _tell_places(session, meeting, moved, step)
        return result


def _may_come(talk: MeetingTalk, coming_only: bool) -> bool:
    parties = (talk.enterprise_party, talk.provider_party)
    if any(party.answer == Answer.DECLINED for party in parties):
        return False
    return talk.is_mutual or not coming_only


def _why_not(talk: MeetingTalk) -> str:
    parties = (talk.enterprise_party, talk.provider_party)
    return DECLINED if any(party.answer == Answer.DECLINED for party in parties) else WAITING


def _of(talk: MeetingTalk, keep: bool) -> Talk:
    slot = (talk.round, talk.table) if keep and talk.round is not None and talk.table is not None else None
    return Talk(talk.id, talk.enterprise_party_id, talk.provider_party_id, _priority(talk), slot)


def _priority(talk: MeetingTalk) -> float:
    """By the recommendation; what the centre added by hand comes first."""
    return talk.score if talk.score is not None else 1.0


def _tell_places(session: Session, meeting: Meeting, moved: Sequence[MeetingTalk], step: Step) -> None:
    numbers = {number for talk in moved for number in (talk.enterprise_party_id, talk.provider_party_id)}
    parties = [party for party in find_parties(session, meeting.id) if party.id in numbers and party.answer == Answer.ACCEPTED]
    tell(session, meeting, parties, _("{title}（{day}）的时间表已排好或有变动，请看本单位的场次。"), step.at)
