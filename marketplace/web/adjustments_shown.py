"""What the pages of dynamic adjustment show: the board of all cases, one case with its effects, the provider's own cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.adjustments import (
    BUTTONS,
    OPEN,
    OWN_BUTTONS,
    RUNNING,
    TABLE,
    TWO_PERSONS,
    AdjustmentKind,
    AdjustmentState,
    Ball,
    Situation,
    ball,
    possible_kinds,
)
from marketplace.domain.appeals import TABLE as APPEAL_TABLE
from marketplace.domain.appeals import AppealState, Hearing, check_filing
from marketplace.domain.lifecycle import Refused, Table, _, allowed_events, decide
from marketplace.records.accounts import Account
from marketplace.records.adjustments import (
    CLOSED,
    Adjustment,
    Appeal,
    count_adjustments,
    count_filed_appeals,
    find_closed,
    find_effects,
    find_filed_appeals,
    find_in_effect,
    find_open_of,
    find_rectification,
    find_running,
    find_waiting,
)
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.history import HistoryEntry
from marketplace.records.providers import Provider
from marketplace.sentences import told_value
from marketplace.site import current_site
from marketplace.web.history_words import verb_word
from marketplace.web.language import language, say
from marketplace.web.paging import Paging, paged
from marketplace.web.terms import today

# Who has the ball, as it is said to staff and to the provider.
_WHO = {"bureau": _("区工信局"), "second": _("区工信局第二人"), "provider": _("服务商")}
_OWN_WHO = {"provider": _("贵单位")}
# What rules call themselves; "" is a person.
RULES = {
    "conduct": _("严重失范行为"),
    "failed_once": _("评价不合格"),
    "failed_twice": _("连续两次评价不合格"),
    "score_warn": _("评价分低于警示线"),
    "score_retire": _("评价分低于淘汰线"),
    "score_persists": _("警示期满没有回升"),
    "recovered": _("警示期满已回升"),
    "rectification_overdue": _("整改逾期"),
    "rectification_failed": _("整改未通过"),
    "suspended_long": _("暂停期满没有恢复"),
    "idle": _("长期没有服务记录"),
    "certificate_expired": _("证照到期"),
}
_STEPS = {row.event: row.label for row in (*APPEAL_TABLE, *TABLE)}
# Steps that are the office's own business until the decision is told.
_INTERNAL = frozenset({"propose", "put_forward", "reject", "take_back", "attach", "drop"})


# The lists of cases on the board.
_PARTS = {"waiting": OPEN, "running": RUNNING, "closed": CLOSED}


def who_has_it(who: str, *, own: bool = False) -> str:
    return say(_OWN_WHO.get(who, _WHO[who]) if own else _WHO[who])


def rule_word(rule: str) -> str:
    """Which rule proposed a case; a person's proposal has none."""
    return say(RULES[rule]) if rule in RULES else say("工作人员提出")


def conduct_word(key: str) -> str:
    found = current_site().pilot.adjustment.conduct_of(key)
    return "" if found is None else found.en if language() == "en" else found.name


def ball_of(case: Adjustment) -> Ball | None:
    return ball(case.kind, case.state, due=case.due, today=today(), extension_waits=case.extension_waits, decide_by=case.step_by)


def _ball_of_appeal(appeal: Appeal | None) -> Ball | None:
    """Where the case itself waits for nobody, its appeal does."""
    if appeal is None or appeal.state != AppealState.FILED:
        return None
    return Ball("bureau", _("对申诉作出决定"), appeal.decide_by, _("告知服务商"))


@dataclass(frozen=True)
class Line:
    """One case of a list, with whoever has it now."""

    case: Adjustment
    ball: Ball | None


@dataclass(frozen=True)
class Board:
    """Four lists, each with pages of its own."""

    waiting: Sequence[Line]
    running: Sequence[Line]
    appeals: Sequence[Appeal]
    closed: Sequence[Adjustment]
    pagings: Mapping[str, Paging]


def read_board(session: Session) -> Board:
    """All cases: what waits for a decision, what is being rectified, appeals, and what is closed."""
    size = current_site().pilot.thresholds.page_size
    counts = count_adjustments(session)
    totals = {name: sum(counts.get(state, 0) for state in states) for name, states in _PARTS.items()}
    totals["appeals"] = count_filed_appeals(session)
    pagings = {
        name: paged(total, size, "adjustments.index", parameter="page" if name == "closed" else name, _anchor=name)
        for name, total in totals.items()
    }
    at = {name: {"offset": paging.offset, "most": size} for name, paging in pagings.items()}
    waiting, running = find_waiting(session, **at["waiting"]), find_running(session, **at["running"])
    appeals, closed = find_filed_appeals(session, **at["appeals"]), find_closed(session, **at["closed"])
    return Board(_lines(waiting), _lines(running), appeals, closed, pagings)


def _lines(cases: Iterable[Adjustment]) -> list[Line]:
    return [Line(case, ball_of(case)) for case in cases]


@dataclass(frozen=True)
class Entry:
    """One step of the history as people read it; `who` is told to staff."""

    at: datetime
    what: str
    who: str
    why: str
    is_bad: bool


@dataclass(frozen=True, kw_only=True)
class CasePage:
    """`events`: what this person may do now; `notes`: why something that belongs here is not theirs to do."""

    case: Adjustment
    own: bool
    ball: Ball | None
    mine: bool
    effects: Mapping[str, Any]
    events: Sequence[str]
    notes: Sequence[Refused]
    files: Mapping[str, Sequence[Attachment]]
    appeal: Appeal | None
    appeal_events: Sequence[str]
    appeal_refused: Refused | None
    may_appeal: bool
    entries: Sequence[Entry]
    names: Mapping[int, str]
    others: Sequence[Adjustment]
    seen: int
    appeal_seen: int

    def name(self, account_id: int | None) -> str:
        return self.names.get(account_id or 0, "–")


def read_case(session: Session, case: Adjustment, viewer: Viewer) -> CasePage:
    """A constant number of statements, however long the case has run."""
    own = not may(viewer, "read", "adjustment")
    appeal = case.appeals[-1] if case.appeals else None
    acts = may_act_for(viewer, case.provider.organisation_id, "submit") if own else True
    events, notes = _events(case, viewer) if acts else ([], [])
    appeal_events, appeal_notes = _appeal_events(session, case, appeal, viewer) if appeal is not None and acts else ([], [])
    decided = case.state not in OPEN and case.state != AdjustmentState.DROPPED
    refused = check_filing(case.kind, decided=decided, until=case.appeal_until, today=today(), appealed=appeal is not None)
    holder = ball_of(case) or _ball_of_appeal(appeal)
    steps = _history(session, case, appeal)
    people = {case.proposed_by, case.decided_by, case.confirmed_by, case.judged_by} | ({appeal.decided_by} if appeal else set())
    effects = find_effects(session, case.provider_id).stored() if case.state in OPEN else case.effects
    return CasePage(
        case=case,
        own=own,
        ball=holder,
        mine=bool(events or "uphold" in appeal_events) and holder is not None and (holder.who == "provider") == own,
        effects=effects,
        events=events,
        notes=[*notes, *appeal_notes],
        files=_files(session, case, appeal),
        appeal=appeal,
        appeal_events=appeal_events,
        appeal_refused=refused if own and refused is not None and refused.code == "appeal_term_over" else None,
        may_appeal=own and acts and refused is None,
        entries=_shown(steps, case, own=own),
        names={} if own else _names(session, people),
        others=[] if own else [one for one in find_open_of(session, case.provider_id) if one.id != case.id],
        seen=max((row.id for row in steps if row.noun == "adjustment"), default=0),
        appeal_seen=max((row.id for row in steps if row.noun == "appeal"), default=0),
    )


def _events(case: Adjustment, viewer: Viewer) -> tuple[list[str], list[Refused]]:
    situation = Situation(
        kind=case.kind,
        today=today(),
        due=case.due,
        extension_asked=case.extension_asked_at is not None,
        extension_answered=case.extension_answered_at is not None,
        first=case.decided_by,
        viewer=viewer.account_id,
    )
    own = not may(viewer, "read", "adjustment")
    return _allowed(TABLE, case.state, viewer, situation, OWN_BUTTONS if own else BUTTONS)


def _appeal_events(session: Session, case: Adjustment, appeal: Appeal, viewer: Viewer) -> tuple[list[str], list[Refused]]:
    latest = find_in_effect(session, case.provider_id)
    in_effect = latest is not None and latest.id == case.id
    hearing = Hearing(decider=case.decided_by, viewer=viewer.account_id, suspends=appeal.suspends, in_effect=in_effect)
    own = not may(viewer, "read", "adjustment")
    return _allowed(APPEAL_TABLE, appeal.state, viewer, hearing, ("withdraw",) if own else ("stay", "uphold", "dismiss"))


def _allowed(table: Table, state: str, viewer: Viewer, subject: object, wanted: Sequence[str]) -> tuple[list[str], list[Refused]]:
    """What may be tried here and is not refused; and why a second person is needed, where that is the only obstacle."""
    found: list[str] = []
    notes: list[Refused] = []
    for event in dict.fromkeys(row.event for row in allowed_events(table, state, viewer.roles) if row.event in wanted):
        answer = decide(table, state, event, viewer.roles, subject)
        if not isinstance(answer, Refused):
            found.append(event)
        elif answer.code in ("same_person", "own_decision") and answer not in notes:
            notes.append(answer)
    return found, notes


def _history(session: Session, case: Adjustment, appeal: Appeal | None) -> Sequence[HistoryEntry]:
    about = (HistoryEntry.noun == "adjustment") & (HistoryEntry.noun_id == case.id)
    if appeal is not None:
        about = about | ((HistoryEntry.noun == "appeal") & (HistoryEntry.noun_id == appeal.id))
    return session.scalars(select(HistoryEntry).where(about).order_by(HistoryEntry.id.desc()).limit(100)).all()


def _shown(steps: Iterable[HistoryEntry], case: Adjustment, *, own: bool) -> list[Entry]:
    """The provider reads what was told, not who in the office did what."""
    bad = {"fail", "decide", "confirm"} if case.kind in TWO_PERSONS else {"fail"}
    return [
        Entry(
            row.at,
            _told_word(row.verb, own=own),
            "" if own else told_value(row.actor.rpartition("（")[0] or row.actor),
            row.why,
            row.verb in bad,
        )
        for row in steps
        # The first person's decision stands there once, as this case's own step.
        if row.verb != "attach" and "decision" not in (row.after or {}) and not (own and row.verb in _INTERNAL)
    ]


def _told_word(verb: str, *, own: bool) -> str:
    """To the provider, who was not told of the first person's step, the second one's is the decision."""
    return _step_word("decide" if own and verb == "confirm" else verb)


def _step_word(verb: str) -> str:
    """What the two tables of this noun call a step; other nouns may have another word for the same event."""
    return say(_STEPS[verb]) if verb in _STEPS else verb_word(verb)


def _names(session: Session, people: set[int | None]) -> dict[int, str]:
    return dict(session.execute(select(Account.id, Account.name).where(Account.id.in_([one for one in people if one]))).all())


def _files(session: Session, case: Adjustment, appeal: Appeal | None) -> dict[str, list[Attachment]]:
    """By kind: evidence (for staff), rectification, appeal, letter."""
    found: dict[str, list[Attachment]] = {"evidence": [], "rectification": [], "appeal": [], "letter": []}
    rows = [*find_attachments(session, "adjustment", case.id), *(find_attachments(session, "appeal", appeal.id) if appeal else ())]
    for row in rows:
        found.setdefault(row.kind, []).append(row)
    return found


@dataclass(frozen=True)
class NewCase:
    """What the form for a new case shows: what is possible from here, and what it would touch."""

    provider: Provider
    kinds: Sequence[AdjustmentKind]
    effects: Mapping[str, Any]
    open: Sequence[Adjustment]
    runs: Adjustment | None


def read_new(session: Session, provider: Provider) -> NewCase:
    runs = find_rectification(session, provider.id, RUNNING)
    kinds = [kind for kind in possible_kinds(provider.state) if not (kind == AdjustmentKind.REINSTATE and runs is not None)]
    return NewCase(provider, kinds, find_effects(session, provider.id).stored(), find_open_of(session, provider.id), runs)


def appeal_is_open(appeal: Appeal | None) -> bool:
    return appeal is not None and appeal.state == AppealState.FILED
