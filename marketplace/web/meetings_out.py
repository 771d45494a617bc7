"""A meeting on paper and in Excel: the timetable, whole or of one party, and the summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from marketplace.domain.access import Viewer, may
from marketplace.domain.introductions import Side
from marketplace.domain.lifecycle import _
from marketplace.domain.meetings import Result
from marketplace.domain.money import wan_from_fen
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.meetings import Meeting, MeetingParty, find_parties, find_talks
from marketplace.sheets.lists_out import list_workbook
from marketplace.site import current_site
from marketplace.web.downloads import workbook
from marketplace.web.language import say
from marketplace.web.meetings import party_of, readable
from marketplace.web.meetings_shown import WORDS, ShownTalk, Sum, own_parties, read_summary, shown_talks
from marketplace.web.wording import state, term

pages = Blueprint("meetings_out", __name__)


@dataclass(frozen=True)
class Leaf:
    """The timetable of one party, or of all (None)."""

    party: MeetingParty | None
    rows: Sequence[ShownTalk]


def read_leaves(session: Session, meeting: Meeting, viewer: Viewer, wanted: str) -> list[Leaf]:
    """Offices: the whole, one party, or each party on a sheet of its own (`each`); a party: its own and no other's."""
    if not may(viewer, "read", "meeting"):
        return [_leaf(session, meeting, party, viewer) for party in own_parties(session, meeting, viewer)]
    if wanted == "each":
        return [leaf for party in find_parties(session, meeting.id) if (leaf := _leaf(session, meeting, party, viewer)).rows]
    if wanted:
        return [_leaf(session, meeting, party_of(session, meeting, wanted), viewer)]
    return [_leaf(session, meeting, None, viewer)]


def _leaf(session: Session, meeting: Meeting, party: MeetingParty | None, viewer: Viewer) -> Leaf:
    talks = find_talks(session, meeting.id, party_ids=None if party is None else [party.id])
    return Leaf(party, [row for row in shown_talks(session, meeting, talks, viewer) if row.placed])


@pages.get("/meetings/<public_id>/timetable")
@permission("read", "meeting")
def timetable(public_id: str) -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        meeting = readable(session, public_id)
        leaves = read_leaves(session, meeting, viewer, request.args.get("party", ""))
        return render_template("meetings/timetable.html", meeting=meeting, leaves=leaves, staff=may(viewer, "read", "meeting"), **WORDS)


COLUMNS = ((_("时间"), 14), (_("桌号"), 8), (_("企业"), 34), (_("服务商"), 34), (_("方案"), 34), (_("问题"), 60), (_("到会"), 14))


@pages.get("/meetings/<public_id>/timetable.xlsx")
@permission("read", "meeting")
def timetable_sheet(public_id: str) -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        meeting = readable(session, public_id)
        leaves = read_leaves(session, meeting, viewer, request.args.get("party", ""))
        # A party's own sheet holds each of its talks once.
        rows = list({row.talk.id: row for leaf in leaves for row in leaf.rows}.values())
        columns = [(say(word), width) for word, width in COLUMNS]
        data = list_workbook(say("对接会时间表"), columns, _cells(rows))
        return workbook(data, f"{say('对接会时间表')}-{meeting.number}")


def _cells(rows: Sequence[ShownTalk]) -> Iterator[list[str | int]]:
    for row in rows:
        talk = row.talk
        came = say("双方已签到") if talk.both_came else ""
        yield [row.when, row.table, row.enterprise, row.provider, talk.solution.title, row.text, came]


@pages.get("/meetings/<public_id>/summary")
@permission("read", "meeting")
def summary(public_id: str) -> str:
    """For the offices only: how many came, and what it led to."""
    viewer = current_viewer()
    with current_site().database.reading() as session:
        meeting = readable(session, public_id)
        if not may(viewer, "read", "meeting"):
            not_found()
        found = read_summary(session, meeting, viewer)
        return render_template(
            "meetings/summary.html", meeting=meeting, found=found, sides=tuple(Side), runs=may(viewer, "run", "meeting"), **WORDS
        )


SUMMARY_COLUMNS = (
    (_("行业"), 16), (_("场景"), 24), (_("企业"), 34), (_("服务商"), 34), (_("方案"), 34), (_("结果"), 14), (_("意向金额（万元）"), 18),
    (_("下一步"), 34), (_("对接单"), 18), (_("签约金额（万元）"), 18),
)  # fmt: skip


@pages.get("/meetings/<public_id>/summary.xlsx")
@permission("run", "meeting")
def summary_sheet(public_id: str) -> Response:
    """Talk by talk, with what was signed since; for the centre."""
    viewer = current_viewer()
    with current_site().database.reading() as session:
        meeting = readable(session, public_id)
        found = read_summary(session, meeting, viewer)
        columns = [(say(word), width) for word, width in SUMMARY_COLUMNS]
        rows = [*_summary_cells(found.talks, found.contracts), _total(found.total)]
        return workbook(list_workbook(say("对接会成果"), columns, rows), f"{say('对接会成果')}-{meeting.number}")


def _summary_cells(rows: Sequence[ShownTalk], contracts: object) -> Iterator[list[str | int | float | None]]:
    signed = contracts if isinstance(contracts, dict) else {}
    for row in rows:
        talk, contract = row.talk, signed.get(row.talk.introduction_id)
        yield [
            term("sector", talk.problem.enterprise.sector, short=True),
            term("scenario", talk.problem.scenario_code) if talk.problem.scenario_code else "",
            row.enterprise,
            row.provider,
            talk.solution.title,
            state("talk_result", talk.result)[0],
            float(wan_from_fen(talk.amount_fen)) if talk.amount_fen is not None and talk.result == Result.INTENT else None,
            talk.next_step,
            talk.introduction.brokering.number if talk.introduction is not None else "",
            float(wan_from_fen(contract.amount_fen)) if contract is not None else None,
        ]


def _total(total: Sum) -> list[str | int | float | None]:
    words = say(
        "合计：洽谈 {talks} 场，意向 {intents} 个，签约 {contracts} 个", talks=total.talks, intents=total.intents, contracts=total.contracts
    )
    return [words, "", "", "", "", "", float(wan_from_fen(total.amount)), "", "", float(wan_from_fen(total.signed))]
