"""What the pages of brokering show: the board, one brokering, its comparison, and why and how fast people answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import Whole, feedback_owed, whole_of
from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.brokerings import STEPS, BrokeringState, Lane, Offer, Weighed, compare
from marketplace.domain.introductions import Answer, IntroductionState, Side
from marketplace.domain.lifecycle import _
from marketplace.domain.working_days import days_left
from marketplace.records.accounts import Account, Membership
from marketplace.records.brokerings import (
    Brokering,
    BrokeringCriterion,
    count_closed,
    count_lanes,
    count_sectors,
    find_brokering_problems,
    find_closed,
    find_criteria,
    find_joint,
    find_lane,
)
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.history import HistoryEntry, find_last_entry
from marketplace.records.inquiries import Inquiry, find_inquiry
from marketplace.records.introductions import (
    Introduction,
    Proposal,
    count_reasons,
    find_introductions_of,
    find_latest_proposals,
    find_response_times,
)
from marketplace.records.problems import Problem
from marketplace.records.tasks import find_tasks
from marketplace.site import current_site
from marketplace.web import tasks
from marketplace.web.language import language, say
from marketplace.web.paging import Paging, paged
from marketplace.web.terms import days, today
from marketplace.web.wording import percent

LANES: Mapping[Lane, tuple[str, str]] = {
    Lane.DRAFT: (_("待发出"), _("方案已定，等能力中心发单或换人")),
    Lane.ANSWERS: (_("等双方答复"), _("服务商 {provider} 个、企业 {enterprise} 个工作日")),
    Lane.TALKS: (_("洽谈报价"), _("已互相接受，报价或比较中")),
    Lane.DECIDED: (_("定了"), _("签约登记，转储备或实施记录")),
}
WHO = {"centre": _("能力中心"), "enterprise": _("企业"), "provider": _("服务商"), "both": _("双方")}
WAY_WORDS = {"phone": _("电话"), "meeting": _("当面"), "wechat": _("微信"), "mail": _("邮件"), "paper": _("书面"), "site": _("对接会现场")}
MEETS_WORDS = {"yes": _("满足"), "partly": _("部分满足"), "no": _("不满足")}
KIND_WORDS = {"essential": _("必备"), "nice": _("加分")}
RESULT_WORDS = {"passed": _("达到约定"), "rectified": _("整改后达到"), "failed": _("没有达到")}
PLACE_WORDS = {
    "plan": _("一企一策"),
    "inquiry": _("企业询问"),
    "hand": _("能力中心选择"),
    "group": _("群组共性需求"),
    "demand": _("公开需求"),
    "meeting": _("供需对接会"),
}
SIDES = {"enterprise": _("企业"), "provider": _("服务商"), "centre": _("能力中心")}
SINCE = timedelta(days=90)
BAR, LEFT, STEP = 330, 130, 33


def who_word(who: str) -> str:
    return say(WHO[who]) if who in WHO else ""


def word_in(words: Mapping[str, str], key: str) -> str:
    return say(words[key]) if key in words else key


def reason_word(key: str) -> str:
    """A reason for declining, in the language of the page."""
    found = current_site().pilot.brokering.reason_of(key)
    return key if found is None else found.en if language() == "en" else found.name


def waited(since: date | None) -> str:
    """For how many working days somebody has been waited for."""
    if since is None:
        return ""
    number = max(0, days_left(since, today(), days().calendar))
    return say("已等 {n} 个工作日", n=number) if number else say("今天开始等")


@dataclass(frozen=True)
class Ticket:
    """One brokering on the board."""

    brokering: Brokering
    introductions: Sequence[Introduction]
    mine: bool
    late: bool

    @property
    def step(self) -> str:
        found = STEPS.get(self.brokering.waits_step)
        return say(found[0]) if found else ""


@dataclass(frozen=True)
class LaneShown:
    key: Lane
    count: int
    tickets: Sequence[Ticket]
    paging: Paging


@dataclass(frozen=True)
class Bar:
    word: str
    count: int
    width: int
    y: int


@dataclass(frozen=True)
class Times:
    """How fast one side answers. `median`: working days; None without an answer."""

    side: str
    median: float | None
    in_time: int
    asked: int
    silent: int

    @property
    def share(self) -> str:
        return percent(self.in_time, self.asked)


@dataclass(frozen=True)
class Board:
    lanes: Sequence[LaneShown]
    first: Sequence[tasks.Row]
    total: int
    mine: int
    late: int
    sectors: Mapping[str, int]
    chosen: str
    sector: str
    bars: Sequence[Bar]
    declined: int
    times: Sequence[Times]
    closed: Sequence[Brokering]
    paging: Paging


def read_board(session: Session, viewer: Viewer, chosen: str, sector: str) -> Board:
    size, here = 6, today()
    officer = viewer.account_id if chosen == "mine" else None
    late = here if chosen == "late" else None
    counts = count_lanes(session, officer_id=officer, late_on=late, sector=sector)
    lanes = []
    for lane in LANES:
        paging = paged(counts.get(lane, 0), size, "brokerings.index", parameter=lane.value, show=chosen, sector=sector)
        rows = find_lane(session, lane, officer_id=officer, late_on=late, sector=sector, offset=paging.offset, most=size)
        lanes.append(LaneShown(lane, counts.get(lane, 0), _tickets(session, rows, viewer), paging))
    closed = paged(count_closed(session), current_site().pilot.thresholds.page_size, "brokerings.index", show=chosen, sector=sector)
    bars = _bars(count_reasons(session))
    return Board(
        lanes=lanes,
        first=_first(session, viewer),
        total=sum(count_lanes(session).values()),
        mine=sum(count_lanes(session, officer_id=viewer.account_id).values()),
        late=sum(count_lanes(session, late_on=here).values()),
        sectors=count_sectors(session),
        chosen=chosen,
        sector=sector,
        bars=bars,
        declined=sum(bar.count for bar in bars),
        times=_times(session, here - SINCE),
        closed=find_closed(session, offset=closed.offset, most=closed.size),
        paging=closed,
    )


def _tickets(session: Session, rows: Sequence[Brokering], viewer: Viewer) -> list[Ticket]:
    found = find_introductions_of(session, [row.id for row in rows])
    runs = may(viewer, "run", "brokering")
    return [
        Ticket(
            row,
            [one for one in found[row.id] if one.state not in (IntroductionState.WITHDRAWN, IntroductionState.DECLINED)],
            runs and row.waits_for == "centre" and row.officer_id in (None, viewer.account_id),
            row.waits_due is not None and row.waits_due < today(),
        )
        for row in rows
    ]


def _first(session: Session, viewer: Viewer) -> list[tasks.Row]:
    """The five most urgent things of this person here."""
    rows = [*find_tasks(session, viewer, nouns=("brokering",), most=5), *find_tasks(session, viewer, nouns=("introduction",), most=5)]
    return tasks.rows_of(sorted(rows, key=lambda row: (row.due is None, row.due or date.max, row.id))[:5])


def _bars(counts: Mapping[str, int]) -> list[Bar]:
    most = max(counts.values(), default=0)
    ordered = sorted(counts.items(), key=lambda row: (row[0] == "other", -row[1], row[0]))
    return [Bar(reason_word(key), count, round(BAR * count / most), 5 + STEP * n) for n, (key, count) in enumerate(ordered)]


def _times(session: Session, since: date) -> list[Times]:
    rows = find_response_times(session, since)
    found = []
    for side in (Side.PROVIDER, Side.ENTERPRISE):
        own = [row for row in rows if row[0] == side]
        answered = [row for row in own if row[2] is not None]
        silent = sum(row[4] and row[1] == Answer.PENDING for row in own)
        middle = median(row[2] for row in answered if row[2] is not None) if answered else None
        found.append(Times(str(side), middle, sum(row[3] for row in answered), len(answered) + silent, silent))
    return found


@dataclass(frozen=True)
class Entry:
    """One line of the history."""

    entry: HistoryEntry
    who: str


@dataclass(frozen=True)
class CasePage:
    """One brokering. `talks`: whether this person may read budgets, prices and what was said; `events`: what may be done next."""

    whole: Whole
    problems: Sequence[Problem]
    criteria: Sequence[BrokeringCriterion]
    proposals: Mapping[int, Proposal]
    inquiry: Inquiry | None
    officer: str
    officers: Sequence[Account]
    talks: bool
    runs: bool
    chooses: bool
    seen: int
    history: Sequence[HistoryEntry]
    scans: Sequence[Attachment]
    joint: Sequence[Brokering]

    @property
    def joint_drafts(self) -> int:
        """How many of those that were drafted together wait to be sent."""
        return sum(row.state == BrokeringState.DRAFT for row in self.joint)

    @property
    def brokering(self) -> Brokering:
        return self.whole.brokering

    @property
    def shown(self) -> Sequence[Introduction]:
        """What was never sent is the office's own business."""
        return [row for row in self.whole.introductions if self.runs or row.sent_at is not None]

    @property
    def step(self) -> tuple[str, str]:
        return STEPS.get(self.brokering.waits_step, ("", ""))

    def owes_feedback(self, row: Introduction) -> bool:
        return feedback_owed(row)


def read_case(session: Session, brokering: Brokering, viewer: Viewer) -> CasePage:
    whole = whole_of(session, brokering)
    own = brokering.enterprise_id in viewer.enterprise_ids
    runs = may(viewer, "run", "brokering")
    officers = select(Account).join(Membership).where(Membership.role == Role.CENTRE, Account.disabled.is_(False))
    officer = session.get(Account, brokering.officer_id) if brokering.officer_id else None
    about = (HistoryEntry.noun == "brokering") & (HistoryEntry.noun_id == brokering.id)
    numbers = [row.id for row in whole.introductions]
    about = about | ((HistoryEntry.noun == "introduction") & HistoryEntry.noun_id.in_(numbers))
    entries = select(HistoryEntry).where(about, HistoryEntry.verb.not_in(("attach",))).order_by(HistoryEntry.id.desc()).limit(60)
    return CasePage(
        whole=whole,
        problems=find_brokering_problems(session, brokering.id),
        criteria=find_criteria(session, brokering.id),
        proposals=find_latest_proposals(session, numbers) if runs or own else {},
        inquiry=find_inquiry(session, brokering.id) if runs or own else None,
        officer=officer.name if officer else "",
        officers=session.scalars(officers.order_by(Account.id).distinct()).all() if runs else [],
        talks=runs or own,
        runs=runs,
        chooses=runs or own,
        seen=find_last_entry(session, "brokering", brokering.id),
        history=session.scalars(entries).all() if may(viewer, "read", "brokering") else [],
        scans=find_attachments(session, "contract", whole.contract.id) if whole.contract and (runs or own) else [],
        joint=find_joint(session, brokering.joint) if runs else [],
    )


@dataclass(frozen=True)
class Column:
    """One proposal of the comparison."""

    introduction: Introduction
    proposal: Proposal
    weighed: Weighed

    def answer_to(self, criterion_id: int) -> tuple[str, str, int | None]:
        found = next((row for row in self.proposal.answers if row.criterion_id == criterion_id), None)
        return (found.meets, found.text, found.score) if found else ("", "", None)


MOST_COLUMNS = 4


def read_comparison(session: Session, brokering: Brokering, wanted: Sequence[str]) -> tuple[list[Column], list[BrokeringCriterion], int]:
    """Up to four proposals side by side: those asked for, or the first ones; how many there are."""
    criteria = list(find_criteria(session, brokering.id))
    rows = [row for row in find_introductions_of(session, [brokering.id])[brokering.id] if row.state in _COMPARED]
    latest = find_latest_proposals(session, [row.id for row in rows])
    quoted = [row for row in rows if row.id in latest]
    chosen = [row for row in quoted if row.public_id in wanted] or quoted
    chosen = chosen[:MOST_COLUMNS]
    offers = [_offer(row.id, latest[row.id]) for row in chosen]
    weighed = compare(offers, [(row.id, row.kind, row.weight) for row in criteria])
    columns = [Column(row, latest[row.id], found) for row, found in zip(chosen, weighed, strict=True)]
    return columns, criteria, len(quoted)


_COMPARED = (IntroductionState.QUOTED, IntroductionState.AWARDED, IntroductionState.NOT_CHOSEN)


def _offer(key: int, proposal: Proposal) -> Offer:
    return Offer(key, proposal.price_fen, proposal.weeks, {row.criterion_id: (row.meets, row.score) for row in proposal.answers})
