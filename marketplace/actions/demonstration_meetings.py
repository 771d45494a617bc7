"""Meetings in the demonstration set: one that was held and led to brokerings and a contract, one whose answers are awaited, one draft.

Everything happens through the same actions as on the pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from marketplace.actions import brokering_awards as awards
from marketplace.actions import brokerings, introduction_talks, meetings, meetings_invitations, meetings_results, meetings_talks
from marketplace.actions.brokering_steps import Step
from marketplace.actions.demonstration_adjustments import quietest
from marketplace.actions.demonstration_applicants import paper
from marketplace.actions.meetings_talks import Pairing
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.brokering_rules import BrokeringRules
from marketplace.domain.brokerings import ContractDraft
from marketplace.domain.introductions import AnswerDraft, ProposalDraft
from marketplace.domain.meetings import MeetingDraft, ResultDraft
from marketplace.domain.problems import ProblemState
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.solutions import SolutionState
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.brokerings import Brokering
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction
from marketplace.records.meetings import Meeting, MeetingParty, MeetingTalk, find_parties, find_talks
from marketplace.records.problems import Problem
from marketplace.records.providers import find_unmatchable_provider_ids
from marketplace.records.solutions import Solution

HELD_AGO, INVITED_IN, DRAFT_IN = 15, 9, 24
_EACH, _GUESTS = 2, 3
# How the talks of the past meeting ended, in turn: result, 万元, what is next.
_ENDS = (
    ("intent", 48, "一周内到现场看设备"),
    ("none", None, ""),
    ("intent", None, "先发改造清单，月底前报价"),
    ("absent", None, ""),
    ("intent", 126, "约时间看同行业案例"),
    ("none", None, "现有系统明年再换"),
)


@dataclass
class _Stage:
    database: Database
    rules: BrokeringRules
    rating: RatingRules
    at: datetime
    today: date
    centre: Viewer
    proof: StoredBlob

    def step(self, ago: int, viewer: Viewer | None = None, clock: str = "") -> Step:
        at = self.at - timedelta(days=ago)
        if clock:
            hours, minutes = clock.split(":")
            at = at.replace(hour=int(hours), minute=int(minutes), second=0, microsecond=0)
        return Step(viewer or self.centre, at, self.today - timedelta(days=ago), self.rules, self.rating)

    def meeting(self, title: str, sector: str, pairs: Sequence[Pairing], ago: int, day: date) -> int:
        typed = MeetingDraft(
            title, sector, "", "会展中心三号厅（示例）", day, 14 * 60, 17 * 60, 20, 5, 6, [(920, 940)], day - timedelta(days=4)
        )
        typed.note = "请提前十五分钟签到；带上设备照片和近三个月的停机记录。"
        number = meetings.draft(self.database, typed, self.step(ago)).id
        meetings_talks.add(self.database, number, pairs, self.step(ago))
        meetings_talks.plan(self.database, number, self.step(ago))
        return number

    def parties(self, number: int) -> list[MeetingParty]:
        with self.database.reading() as session:
            found = list(find_parties(session, number))
            assert all(party.organisation_id for party in found)
            session.expunge_all()
            return found

    def answer(self, party: MeetingParty, ago: int, reason: str = "") -> None:
        """By a member of the party of whom the demonstration has no account."""
        draft = AnswerDraft("", not reason, reason)
        meetings_invitations.answer(self.database, party.id, draft, self.step(ago, member(party)), people="" if reason else "生产部两人")


def member(party: MeetingParty) -> Viewer:
    rights = frozenset((party.organisation_id, right) for right in RIGHTS)
    if party.provider_id is not None:
        return Viewer(name="示例成员", roles=frozenset({Role.PROVIDER}), rights=rights, provider_ids=frozenset({party.provider_id}))
    own = frozenset({party.enterprise_id or 0})
    return Viewer(name="示例成员", roles=frozenset({Role.ENTERPRISE}), rights=rights, enterprise_ids=own)


def seed_meetings(database: Database, rules: BrokeringRules, rating: RatingRules, *, files: BlobStore, at: datetime, today: date) -> bool:
    """Once only; False where there is one already, or too little to tell of."""
    with database.reading() as session:
        if session.scalar(select(func.count()).select_from(Meeting)):
            return False
        centre, enterprise, provider = (_viewer(session, login) for login in ("centre", "enterprise", "provider"))
        if centre is None or enterprise is None or provider is None:
            return False
        sectors = _sectors(session, enterprise, today)
        offered = session.scalars(_offers(session, today).where(Solution.provider_id.in_(provider.provider_ids))).first()
        own = offered.id if offered is not None else 0
    if len(sectors) < 3 or not own:
        return False
    stage = _Stage(database, rules, rating, at, today, centre, files.keep(paper("meeting"), "合同（示例）.pdf", "application/pdf"))
    (first, mine), (second, past), (third, planned) = sectors[:3]
    _held(stage, second, past)
    _invited(stage, first, [Pairing(mine[0].problem_id, own), *(pair for pair in mine if pair.solution_id != own)], enterprise, provider)
    stage.meeting(f"{_WORDS.get(third, '行业')}供需对接会", third, planned, 1, today + timedelta(days=DRAFT_IN))
    _under_way(stage, third, planned)
    return True


_WORDS = {"auto": "汽车零部件", "chem": "石化化工", "elec": "电子信息"}


def _viewer(session: Session, login: str) -> Viewer | None:
    account = find_account(session, login)
    return find_viewer(session, account.id) if account else None


def _offers(session: Session, today: date) -> Select[Solution]:
    """Published solutions of providers that take new work, without those of whom other stories are told."""
    out = find_unmatchable_provider_ids(session, today) | frozenset(quietest(session))
    return select(Solution).where(Solution.state == SolutionState.PUBLISHED, Solution.provider_id.not_in(out)).order_by(Solution.id)


def _sectors(session: Session, first: Viewer, today: date) -> list[tuple[str, list[Pairing]]]:
    """Sectors with talks that could be held, that of the enterprise which everybody may use in the first place."""
    offers = session.scalars(_offers(session, today)).all()
    query = select(Problem, Enterprise.sector).join(Enterprise, Enterprise.id == Problem.enterprise_id)
    query = query.outerjoin(Diagnosis, Diagnosis.id == Problem.diagnosis_id).where(Problem.state == ProblemState.OPEN)
    query = query.where(Diagnosis.id.is_(None) | (Diagnosis.state == "issued"))
    # Of those who know each other already, other stories are told.
    known = select(Brokering.enterprise_id, Introduction.provider_id).join(Brokering, Brokering.id == Introduction.brokering_id)
    met = {(row[0], row[1]) for row in session.execute(known)}
    found: dict[str, dict[int, list[Pairing]]] = {}
    own = ""
    for problem, sector in sorted(
        session.execute(query).all(), key=lambda row: (row[0].enterprise_id not in first.enterprise_ids, row[0].id)
    ):
        own = own or sector
        guests = found.setdefault(sector, {})
        if problem.enterprise_id in guests or len(guests) >= _GUESTS:
            continue
        fitting = [one for one in offers if sector in one.sectors and (not problem.stage or problem.stage in one.stages)]
        fitting = [one for one in fitting if (problem.enterprise_id, one.provider_id) not in met]
        turned = fitting[len(guests) :] + fitting[: len(guests)]
        chosen = list({one.provider_id: one.id for one in turned}.values())[:_EACH]
        if chosen:
            guests[problem.enterprise_id] = [
                Pairing(problem.id, number, 0.8 - 0.1 * place, 3, place + 1) for place, number in enumerate(chosen)
            ]
    rows = [(sector, [pair for pairs in guests.values() for pair in pairs]) for sector, guests in found.items() if len(guests) > 2]
    return sorted(rows, key=lambda row: row[0] != own)


def _held(stage: _Stage, sector: str, pairs: Sequence[Pairing]) -> None:
    """Held, with results of every kind; of one the contract is signed since."""
    day = stage.today - timedelta(days=HELD_AGO)
    number = stage.meeting(f"{_WORDS.get(sector, '行业')}供需对接会", sector, pairs, HELD_AGO + 20, day)
    meetings_invitations.invite(stage.database, number, stage.step(HELD_AGO + 18))
    parties = stage.parties(number)
    for place, party in enumerate(parties):
        stage.answer(party, HELD_AGO + 15 - place % 5, "timing" if place == len(parties) - 1 else "")
    meetings_talks.plan(stage.database, number, stage.step(HELD_AGO + 5), coming_only=True)
    meetings.begin(stage.database, number, stage.step(HELD_AGO, clock="13:30"))
    comers = [party.id for party in parties[:-1]]
    meetings_results.sign_in(stage.database, number, stage.step(HELD_AGO, clock="13:50"), party_ids=comers[:-1])
    meetings_results.sign_in(stage.database, number, stage.step(HELD_AGO, clock="14:40"), party_ids=comers[-1:])
    with stage.database.reading() as session:
        placed = [talk.id for talk in find_talks(session, number) if talk.round is not None]
    for talk, (result, wan, next_step) in zip(placed, _ENDS * len(placed), strict=False):
        fen = wan * 1_000_000 if wan else None
        draft = ResultDraft(result, fen, fen is not None, "双方谈了改造范围。" if result == "intent" else "", next_step)
        meetings_results.record_result(stage.database, talk, draft, stage.step(HELD_AGO, clock="16:50"))
    meetings.close(stage.database, number, stage.step(HELD_AGO - 1), rest_absent=True)
    _signed(stage, placed[0])


def _under_way(stage: _Stage, sector: str, pairs: Sequence[Pairing]) -> None:
    """Held on this day: the first ones have signed in, and no talk is written down yet."""
    number = stage.meeting(f"{_WORDS.get(sector, '行业')}专场对接会", sector, pairs, 16, stage.today)
    meetings_invitations.invite(stage.database, number, stage.step(14))
    parties = stage.parties(number)
    for party in parties:
        stage.answer(party, 10)
    meetings_talks.plan(stage.database, number, stage.step(3), coming_only=True)
    meetings.begin(stage.database, number, stage.step(0))
    meetings_results.sign_in(stage.database, number, stage.step(0), party_ids=[party.id for party in parties[:3]])


def _signed(stage: _Stage, talk_id: int) -> None:
    with stage.database.reading() as session:
        talk = session.get_one(MeetingTalk, talk_id)
        row = session.get_one(Introduction, talk.introduction_id)
        sides = member(talk.provider_party), member(talk.enterprise_party)
        number, brokering = row.id, row.brokering_id
    scope = "设备、软件、安装调试和一年质保。"
    quoted = ProposalDraft(45_000_000, 10, scope, stage.today + timedelta(days=30))
    introduction_talks.quote(stage.database, number, quoted, stage.step(HELD_AGO - 5, sides[0]))
    brokerings.compare(stage.database, brokering, stage.step(HELD_AGO - 6))
    awards.award(stage.database, number, stage.step(HELD_AGO - 8, sides[1]), why="对接会上谈定，报价在预算内。")
    signed = stage.today - timedelta(days=HELD_AGO - 11)
    contract = ContractDraft(45_000_000, signed, signed, signed + timedelta(days=70))
    awards.record_contract(stage.database, brokering, contract, stage.step(HELD_AGO - 11, sides[1]), scan=stage.proof)


def _invited(stage: _Stage, sector: str, pairs: Sequence[Pairing], enterprise: Viewer, provider: Viewer) -> None:
    """Some have answered; the accounts that everybody may use have not."""
    number = stage.meeting(f"{_WORDS.get(sector, '行业')}供需对接会", sector, pairs, 3, stage.today + timedelta(days=INVITED_IN))
    meetings_invitations.invite(stage.database, number, stage.step(2))
    others = [
        party
        for party in stage.parties(number)
        if party.enterprise_id not in enterprise.enterprise_ids and party.provider_id not in provider.provider_ids
    ]
    for place, party in enumerate(others[:4]):
        stage.answer(party, 1, "capacity" if place == 3 and party.provider_id else "")
