"""What a person keeps: saved searches that look again by themselves, and a shortlist of solutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from marketplace.actions import saved as actions
from marketplace.domain.access import audience
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.money import FEN_PER_WAN
from marketplace.domain.saved import FREQUENCIES, Frequency
from marketplace.domain.solutions import SolutionState
from marketplace.guard import current_viewer, for_the_logged_in, for_the_logged_in_to_write, not_found, now
from marketplace.jobs.alerts import DEPTH
from marketplace.records.providers import find_hidden_provider_ids
from marketplace.records.saved import ShortlistItem, find_searches, find_shortlist
from marketplace.records.solutions import Solution
from marketplace.search_address import parse, query_of
from marketplace.sheets.shortlist import shortlist_workbook
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.cards import in_pool
from marketplace.web.downloads import workbook
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.search import kinds_of
from marketplace.web.terms import today
from marketplace.web.wording import local_service, term, terms

pages = Blueprint("saved", __name__)
ADDRESSES[actions.SEARCH] = lambda ref: url_for("saved.page")
ADDRESSES["demand"] = lambda ref: url_for("demands.page")
LONGEST = 2_000


@pages.get("/saved")
@for_the_logged_in
def page() -> str:
    return _page()


def _page(refused: Refused | None = None, typed: str = "", query: str = "") -> str:
    """`typed`, `query`: a search that could not be kept, so that nothing is lost."""
    account = current_viewer().account_id or 0
    with current_site().database.reading() as session:
        return render_template(
            "saved/page.html",
            searches=find_searches(session, account),
            shortlist=find_shortlist(session, account),
            frequencies=FREQUENCIES,
            sentence=sentence_of(refused),
            typed=typed,
            query=query,
            is_published=is_seen,
        )


@pages.post("/saved")
@for_the_logged_in_to_write
def keep() -> Response | tuple[str, int]:
    site, viewer = current_site(), current_viewer()
    title, query = request.form.get("title", "").replace("\0", "").strip(), _clean(request.form.get("query", ""))
    try:
        actions.save_search(site.database, title, query, _frequency(), _found_now(query), viewer=viewer, at=now(), today=today())
    except RefusedError as error:
        return _page(error.refused, title, query), 422
    flash(say("已保存。有新结果时按您选的频率提醒。"), "good")
    return redirect(url_for("saved.page"), 303)


def _clean(query: str) -> str:
    """The search as its own address would say it: what makes no sense is left out."""
    address = parse(MultiDict(parse_qsl(query[:LONGEST])), kinds_of(current_viewer()))
    return address.at(1).url("").lstrip("?")


def _found_now(query: str) -> list[int]:
    viewer, site = current_viewer(), current_site()
    address = parse(MultiDict(parse_qsl(query)), kinds_of(viewer))
    with site.database.reading() as session:
        hidden = find_hidden_provider_ids(session)
    found = site.index.search(query_of(address, audience=audience(viewer), hidden=hidden, size=DEPTH, depth=200))
    return [hit.thing_id for hit in found.hits]


def _frequency() -> Frequency:
    asked = request.form.get("frequency", "")
    return Frequency(asked) if asked in set(Frequency) else Frequency.NEVER


@pages.post("/saved/<public_id>/open")
@for_the_logged_in_to_write
def look(public_id: str) -> Response | tuple[str, int]:
    try:
        query = actions.look_at(current_site().database, public_id, viewer=current_viewer())
    except RefusedError as error:
        return _page(error.refused), 404
    return redirect(f"{url_for('search.page')}?{urlencode(parse_qsl(query))}", 303)


@pages.post("/saved/<public_id>/frequency")
@for_the_logged_in_to_write
def change(public_id: str) -> Response | tuple[str, int]:
    try:
        actions.change_frequency(current_site().database, public_id, _frequency(), viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _page(error.refused), 404
    return redirect(url_for("saved.page"), 303)


@pages.post("/saved/<public_id>/forget")
@for_the_logged_in_to_write
def forget(public_id: str) -> Response | tuple[str, int]:
    try:
        actions.forget_search(current_site().database, public_id, viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _page(error.refused), 404
    flash(say("已删掉这个搜索。"), "good")
    return redirect(url_for("saved.page"), 303)


@pages.post("/solutions/<public_id>/shortlist")
@for_the_logged_in_to_write
def shortlist(public_id: str) -> Response | tuple[str, int]:
    site, note = current_site(), request.form.get("note", "").replace("\0", "")
    with site.database.reading() as session:
        solution = _solution(session, public_id)
        if not is_seen(solution):
            not_found()
        number = solution.id
    try:
        actions.shortlist(site.database, number, note, viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _page(error.refused), 422
    flash(say("已收藏，在“我的收藏”里可以对比和导出。"), "good")
    # A note is written on the list, a solution is put there from its own page.
    return redirect(url_for("saved.page") if "note" in request.form else url_for("solutions.show", public_id=public_id), 303)


@pages.post("/solutions/<public_id>/shortlist/drop")
@for_the_logged_in_to_write
def drop(public_id: str) -> Response:
    site = current_site()
    with site.database.reading() as session:
        number = _solution(session, public_id).id
    if actions.drop(site.database, number, viewer=current_viewer(), at=now()):
        flash(say("已移出收藏。"), "good")
    return redirect(url_for("saved.page"), 303)


def is_seen(solution: Solution) -> bool:
    """Whether everybody may see it now."""
    return solution.state == SolutionState.PUBLISHED and in_pool(solution.provider)


def _solution(session: Session, public_id: str) -> Solution:
    return session.scalar(select(Solution).where(Solution.public_id == public_id)) or not_found()


@pages.get("/saved/shortlist.xlsx")
@for_the_logged_in
def export() -> Response:
    with current_site().database.reading() as session:
        data = shortlist_workbook(say("我的收藏"), _rows(find_shortlist(session, current_viewer().account_id or 0)))
    return workbook(data, f"{say('我的收藏')}-{today():%Y-%m-%d}")


def _rows(items: Sequence[ShortlistItem]) -> Iterator[list[str | float | None]]:
    for item in items:
        one, provider = item.solution, item.solution.provider
        prices = [None if fen is None else fen / FEN_PER_WAN for fen in (one.price_low_fen, one.price_high_fen)]
        local = local_service(office=provider.local_office, commitment=provider.local_commitment)
        yield [
            one.title,
            provider.name,
            term("form", one.form),
            terms("sector", one.sectors, short=True),
            *prices,
            one.weeks_low,
            one.weeks_high,
            local,
            item.note,
            item.at.strftime("%Y-%m-%d"),
        ]
