"""What the pages of meetings show: a talk as its reader may know it, a party, the whole meeting, and its summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.domain.access import Viewer, may
from marketplace.domain.introductions import Answer, Side
from marketplace.domain.lifecycle import _
from marketplace.domain.meeting_timetables import ENTERPRISE_FULL, NO_TABLE, PROVIDER_FULL
from marketplace.domain.meetings import OPEN, MeetingState, Result, Span, clock, rounds_of
from marketplace.domain.money import exact_text
from marketplace.domain.problems import redacted
from marketplace.records.history import HistoryEntry, find_last_entry
from marketplace.records.meetings import Meeting, MeetingParty, MeetingTalk, find_contracts_of, find_parties, find_talks
from marketplace.records.problems import Disclosure
from marketplace.web.brokerings_shown import WAY_WORDS, reason_word, word_in
from marketplace.web.demands import places
from marketplace.web.language import say

LEFT_OUT_WORDS = {
    ENTERPRISE_FULL: _("企业的场次已满"),
    PROVIDER_FULL: _("服务商的场次已满"),
    NO_TABLE: _("洽谈桌不够"),
    "declined": _("有一方不参加"),
    "waiting": _("有一方还没有答复"),
}
SIDE_WORDS = {"enterprise": _("企业"), "provider": _("服务商")}


def slots_of(meeting: Meeting) -> list[Span]:
    return rounds_of(meeting.starts, meeting.ends, meeting.minutes, meeting.gap, [(low, high) for low, high in meeting.breaks])


def span_text(span: Span) -> str:
    return f"{clock(span[0])}–{clock(span[1])}"


@dataclass(frozen=True)
class ShownTalk:
    """One talk. `open`: whether the reader may know whose problem it is; `text`: the problem as it may be read."""

    talk: MeetingTalk
    open: bool
    text: str
    when: str

    @property
    def placed(self) -> bool:
        return self.talk.round is not None

    @property
    def table(self) -> int:
        return (self.talk.table or 0) + 1

    @property
    def enterprise(self) -> str:
        return self.talk.enterprise_party.name if self.open else say("企业名称在双方都答复参加后公开")

    @property
    def provider(self) -> str:
        return self.talk.provider_party.name

    @property
    def why_not(self) -> str:
        return word_in(LEFT_OUT_WORDS, self.talk.left_out) if self.talk.left_out else say("还没有排")


def shown_talks(session: Session, meeting: Meeting, talks: Sequence[MeetingTalk], viewer: Viewer) -> list[ShownTalk]:
    """Talks as this reader may know them: staff and the enterprise read all, a provider what was disclosed to it."""
    slots = slots_of(meeting)
    told = select(Disclosure.problem_id).where(Disclosure.provider_id.in_(viewer.provider_ids))
    known = set(session.scalars(told)) if viewer.provider_ids else set()
    found = []
    for talk in talks:
        enterprise = talk.problem.enterprise
        is_open = may(viewer, "read", "meeting") or enterprise.id in viewer.enterprise_ids or talk.problem_id in known
        text = talk.problem.text if is_open else redacted(talk.problem.text, enterprise.name, places(enterprise))
        when = span_text(slots[talk.round]) if talk.round is not None and talk.round < len(slots) else ""
        found.append(ShownTalk(talk, is_open, text, when))
    return found


@dataclass(frozen=True)
class ShownParty:
    """One of the viewer's own organisations at a meeting, with its talks only. `may_answer`: whether the viewer answers for it."""

    party: MeetingParty
    talks: Sequence[ShownTalk]
    may_answer: bool
    seen: int

    @property
    def placed(self) -> list[ShownTalk]:
        return [row for row in self.talks if row.placed]


@dataclass(frozen=True)
class MeetingPage:
    """A meeting as the offices see it. `runs`: whether this person may change it."""

    meeting: Meeting
    parties: Sequence[MeetingParty]
    talks: Sequence[ShownTalk]
    slots: Sequence[Span]
    runs: bool
    seen: int
    seen_of: Mapping[int, int]

    def of(self, side: str) -> list[MeetingParty]:
        return [party for party in self.parties if party.side == side]

    def answered(self, side: str, answer: str) -> int:
        return sum(party.answer == answer for party in self.of(side) if party.invited_at is not None)

    def came(self, side: str) -> int:
        return sum(party.came_at is not None for party in self.of(side))

    @property
    def placed(self) -> list[ShownTalk]:
        return [row for row in self.talks if row.placed]

    @property
    def left_out(self) -> list[ShownTalk]:
        return [row for row in self.talks if not row.placed]

    @property
    def is_open(self) -> bool:
        return self.meeting.state in OPEN

    @property
    def to_invite(self) -> int:
        """How many would be asked by another invitation."""
        asked = {party.id for party in self.parties if party.invited_at is None}
        for row in self.talks:
            for party, agreed in (
                (row.talk.enterprise_party, row.talk.enterprise_agreed),
                (row.talk.provider_party, row.talk.provider_agreed),
            ):
                if party.answer == Answer.ACCEPTED and agreed is None:
                    asked.add(party.id)
        return len(asked)

    @property
    def waiting(self) -> int:
        return self.answered("enterprise", "pending") + self.answered("provider", "pending")

    @property
    def unresolved(self) -> int:
        return sum(not row.talk.result for row in self.placed)

    @property
    def step(self) -> tuple[str, str]:
        """What is to be done now, and what follows; both "" when all is done."""
        state = self.meeting.state
        if state == MeetingState.DRAFT:
            return (say("发出邀请"), say("企业和服务商答复是否参加")) if self.talks else (say("选企业、服务商和洽谈"), say("发出邀请"))
        if state == MeetingState.INVITED:
            planned = (say("排时间表"), say("会期当天开始签到"))
            return (say("等 {n} 家答复", n=self.waiting), planned[0]) if self.waiting else planned
        if state == MeetingState.HELD:
            summed = (say("总结"), say("签约金额从对接单的合同自动计入"))
            return (say("签到，记 {n} 场洽谈的结果", n=self.unresolved), summed[0]) if self.unresolved else summed
        return "", ""

    @property
    def is_mine(self) -> bool:
        """Whether the next step is the centre's own; else others are waited for."""
        return not (self.meeting.state == MeetingState.INVITED and self.waiting)


def read_page(session: Session, meeting: Meeting, viewer: Viewer) -> MeetingPage:
    parties, talks = find_parties(session, meeting.id), find_talks(session, meeting.id)
    return MeetingPage(
        meeting=meeting,
        parties=parties,
        talks=shown_talks(session, meeting, talks, viewer),
        slots=slots_of(meeting),
        runs=may(viewer, "run", "meeting"),
        seen=find_last_entry(session, "meeting", meeting.id),
        seen_of=last_entries(session, "meeting_party", [party.id for party in parties]),
    )


def last_entries(session: Session, noun: str, numbers: Sequence[int]) -> dict[int, int]:
    """The last entry of the history of each, 0 without one: one statement for a whole page."""
    query = select(HistoryEntry.noun_id, func.max(HistoryEntry.id)).where(HistoryEntry.noun == noun, HistoryEntry.noun_id.in_(numbers))
    found = dict(session.execute(query.group_by(HistoryEntry.noun_id)).all())
    return {number: found.get(number) or 0 for number in numbers}


def own_parties(session: Session, meeting: Meeting, viewer: Viewer) -> list[MeetingParty]:
    return [
        party
        for party in find_parties(session, meeting.id)
        if party.invited_at is not None and (party.enterprise_id in viewer.enterprise_ids or party.provider_id in viewer.provider_ids)
    ]


@dataclass(frozen=True)
class Sum:
    """One line of the summary. Amounts in fen; `amount` of those intentions that have one."""

    sector: str
    scenario: str
    talks: int = 0
    intents: int = 0
    amount: int = 0
    contracts: int = 0
    signed: int = 0


@dataclass(frozen=True)
class Summary:
    """`rows`: by sector and scenario; `invited`, `came`: side → how many."""

    meeting: Meeting
    invited: Mapping[str, int]
    accepted: Mapping[str, int]
    came: Mapping[str, int]
    late: int
    total: Sum
    rows: Sequence[Sum]
    talks: Sequence[ShownTalk]
    contracts: Mapping[int, Any]


def read_summary(session: Session, meeting: Meeting, viewer: Viewer) -> Summary:
    parties, talks = find_parties(session, meeting.id), find_talks(session, meeting.id)
    held = [talk for talk in talks if talk.result in (Result.INTENT, Result.NONE)]
    contracts = find_contracts_of(session, meeting, [talk.introduction_id for talk in held if talk.introduction_id is not None])
    grouped: dict[tuple[str, str], list[MeetingTalk]] = {}
    for talk in held:
        grouped.setdefault((talk.problem.enterprise.sector, talk.problem.scenario_code), []).append(talk)

    def added(key: tuple[str, str], rows: Sequence[MeetingTalk]) -> Sum:
        signed = [contracts[talk.introduction_id] for talk in rows if talk.introduction_id in contracts]
        intents = [talk for talk in rows if talk.result == Result.INTENT]
        amount = sum(talk.amount_fen or 0 for talk in intents)
        return Sum(*key, len(rows), len(intents), amount, len(signed), sum(one.amount_fen for one in signed))

    def counted(of: Sequence[MeetingParty]) -> dict[str, int]:
        return {str(side): sum(party.side == side for party in of) for side in Side}

    return Summary(
        meeting=meeting,
        invited=counted([party for party in parties if party.invited_at is not None]),
        accepted=counted([party for party in parties if party.answer == Answer.ACCEPTED]),
        came=counted([party for party in parties if party.came_at is not None]),
        late=sum(party.late for party in parties),
        total=added(("", ""), held),
        rows=[added(key, rows) for key, rows in sorted(grouped.items())],
        talks=shown_talks(session, meeting, held, viewer),
        contracts=contracts,
    )


WORDS: dict[str, Any] = {
    "clock": clock,
    "span_text": span_text,
    "wan": lambda fen: exact_text(fen) if fen is not None else "",
    "way_word": lambda key: word_in(WAY_WORDS, key),
    "side_word": lambda key: word_in(SIDE_WORDS, key),
    "reason_word": reason_word,
}
