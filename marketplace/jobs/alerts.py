"""Looking again, once a day: what is new in saved searches, and which demands are new for whom. One notice each, never one a find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.datastructures import MultiDict

from marketplace.actions.brokering_steps import CLOCK, Act
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.open_demands_told import tell_of_all
from marketplace.domain.access import audience, may
from marketplace.domain.lifecycle import _
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import TAKES_NEW
from marketplace.domain.saved import USUAL_STRENGTH, Frequency, is_due
from marketplace.jobs.progress import Progress
from marketplace.records.accounts import find_viewer
from marketplace.records.coverage import DemandMatch
from marketplace.records.jobs import Job
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider, find_hidden_provider_ids
from marketplace.records.saved import DemandAlert, SavedSearch, find_mutes, kind_of
from marketplace.search_address import KINDS, parse, query_of
from marketplace.site import Site

# So many of the first results of a search are looked at.
DEPTH = 50
# What was told is remembered, the newest of it.
REMEMBERED = 500


def ask_for_alerts(session: Session, day: date, at: datetime) -> None:
    """Once a day, for whoever wants to hear; demands follow when it is counted who answers what."""
    enqueue_job(session, "search_alerts", {"day": day.isoformat()}, at=at, key="search_alerts")


def look_again(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Saved searches whose day it is. What a person may see is asked anew each time: rights change."""
    day = _day(job)
    with site.database.reading() as session:
        rows = session.scalars(select(SavedSearch).where(SavedSearch.frequency != Frequency.NEVER).order_by(SavedSearch.id)).all()
        due = [(row.id, row.account_id, row.query) for row in rows if is_due(row.frequency, row.looked, day)]
        viewers = {account: find_viewer(session, account) for _row, account, _query in due}
        hidden = find_hidden_provider_ids(session)
    found: dict[int, list[int]] = {}
    for place, (number, account, text) in enumerate(due):
        viewer = viewers[account]
        if viewer is not None:
            kinds = [kind for kind in KINDS if kind.value != "problem" or may(viewer, "search", "problem")]
            address = parse(MultiDict(parse_qsl(text)), kinds)
            query = query_of(address, audience=audience(viewer), hidden=hidden, size=DEPTH, depth=200)
            found[number] = [hit.thing_id for hit in site.index.search(query).hits]
        progress(place + 1, len(due))
    with progress.finishing({"searches": len(found)}) as session:
        for number, ids in found.items():
            _tell_of_search(session, number, ids, day)
    return None


def _tell_of_search(session: Session, number: int, ids: Sequence[int], day: date) -> None:
    row = session.get(SavedSearch, number, with_for_update=True)
    # It may have been forgotten meanwhile.
    if row is None:
        return
    new = [one for one in ids if one not in set(row.known)]
    row.known, row.looked = [*new, *row.known][:REMEMBERED], day
    if not new:
        return
    row.fresh += len(new)
    values = {"title": row.title, "count": len(new)}
    message = _("您保存的搜索“{title}”有 {count} 个新结果。")
    notify(
        session,
        [row.account_id],
        "saved_search",
        message,
        at=datetime.now(UTC),
        values=values,
        noun="saved_search",
        public_ref=row.public_id,
    )


def tell_of_demands(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """New demands that a provider's solutions answer well enough, without those kinds that it asked for less of. Rests on the night's
    count of who answers what."""
    day = _day(job)
    with progress.finishing() as session:
        found: dict[int, dict[int, int]] = {}
        for row in session.scalars(select(DemandMatch)):
            found.setdefault(row.provider_id, {})[row.problem_id] = row.strength
        taking = select(Provider).where(Provider.state.in_(TAKES_NEW), Provider.id.in_(found))
        for provider in session.scalars(taking.order_by(Provider.id)).all():
            _tell_of_demands(session, provider, found[provider.id], day)
        tell_of_all(session, Act(CLOCK, datetime.now(UTC), day))
    return None


def _tell_of_demands(session: Session, provider: Provider, found: Mapping[int, int], day: date) -> None:
    """`found`: problem → strength."""
    row = session.get(DemandAlert, provider.id, with_for_update=True)
    if row is None:
        row = DemandAlert(provider_id=provider.id, strength=USUAL_STRENGTH, frequency=Frequency.DAILY, known=[])
        session.add(row)
    if not is_due(row.frequency, row.looked, day):
        return
    first, known = row.looked is None, set(row.known)
    query = select(Problem).where(Problem.id.in_([one for one, strength in found.items() if strength >= row.strength and one not in known]))
    muted = {mute.kind for mute in find_mutes(session, provider.id)}
    open_ones = query.where(Problem.state == ProblemState.OPEN).options(joinedload(Problem.enterprise)).order_by(Problem.id)
    new = [problem.id for problem in session.scalars(open_ones) if kind_of(problem) not in muted]
    row.known, row.looked = [*new, *row.known][:REMEMBERED], day
    # The first look only learns what is there already: the page of demands shows it.
    if not new or first:
        return
    accounts = accounts_of_organisation(session, provider.organisation_id)
    message = _("有 {count} 条新需求与贵单位的方案对得上。")
    notify(session, accounts, "demand", message, at=datetime.now(UTC), values={"count": len(new)}, noun="demand", public_ref="new")


def _day(job: Job) -> date:
    return date.fromisoformat(job.payload["day"])
