"""Open data, the feed, and what search engines ask for: only what everybody may read anyway, by the site's own public address."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, time
from itertools import islice
from typing import IO, Any
from urllib.parse import quote
from xml.etree import ElementTree as Xml
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import orjson
from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.domain.events import PUBLIC as PUBLIC_EVENTS
from marketplace.domain.guides import PUBLIC as PUBLIC_GUIDES
from marketplace.domain.policies import PUBLIC as PUBLIC_POLICIES
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.scenario_lists import ScenarioListState
from marketplace.domain.scenarios import ScenarioState
from marketplace.domain.showcases import ShowcaseState
from marketplace.domain.windows import WindowState
from marketplace.guard import not_found, now, open_to_all
from marketplace.records.events import Event
from marketplace.records.guides import Guide
from marketplace.records.history import HistoryEntry
from marketplace.records.policies import PolicyVersion
from marketplace.records.providers import Provider
from marketplace.records.scenario_lists import ScenarioList
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase
from marketplace.records.solutions import Solution
from marketplace.records.windows import ApplicationWindow
from marketplace.sheets.bad_rows import guarded
from marketplace.site import current_site
from marketplace.web.cards import published
from marketplace.web.kept_files import given_out
from marketplace.web.language import language, say
from marketplace.web.news import find_news
from marketplace.web.open_data_sets import PLACE, SETS, DataSet, Row, heads
from marketplace.web.outside import outside
from marketplace.web.remembered import data_version
from marketplace.web.terms import today

pages = Blueprint("open_data", __name__)
FEED = 50
# What the protocol of sitemaps allows in one file.
MOST_ADDRESSES = 50_000
_ATOM, _SITEMAP = "http://www.w3.org/2005/Atom", "http://www.sitemaps.org/schemas/sitemap/0.9"
_PAGES = (
    "home.page", "scenarios.library", "guides.index", "windows.index", "calls.index", "open_demands.index", "listings.index",
    "scenario_lists.index", "figures_open.page", "showcases.index", "events.index", "resources.index", "policies.index", "open_data.page",
    "complaints.contact", "help.page", "help.ranking",
)  # fmt: skip


def license_sentence() -> str:
    return say(
        "可以自由使用、转载和再加工，请注明来源“{site}”和下载日期；数据由企业和服务商填报，使用前请核对。", site=say("技改供需对接平台")
    )


@pages.get("/open-data")
@open_to_all
def page() -> str:
    with current_site().database.reading() as session:
        sets = [(one, say(one.word), one.count(session), heads(one)) for one in SETS]
        return render_template("open_data/page.html", sets=sets, licence=license_sentence(), today=today())


@pages.get("/open-data/<key>.<any(csv, json):form>")
@open_to_all
def download(key: str, form: str) -> Response:
    found = next((one for one in SETS if one.key == key), None) or not_found()
    name, kind = f"{key}-{today().isoformat()}.{form}", "text/csv" if form == "csv" else "application/json"
    with current_site().database.reading() as session:
        # What is in the index changes with its queue; the others are a few hundred rows, and change with any entry of the history.
        grown = data_version(session) if found.is_indexed else session.scalar(select(func.max(HistoryEntry.id)))

        def write(out: IO[bytes]) -> None:
            (_write_csv if form == "csv" else _write_json)(out, found, found.rows(session))

        return given_out(f"{key}-{form}", (today(), grown), write, kind=f"{kind}; charset=utf-8", as_name=name)


def _write_csv(out: IO[bytes], found: DataSet, rows: Iterable[Row]) -> None:
    # The mark at its head is how spreadsheets know UTF-8.
    out.write(b"\xef\xbb\xbf")
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(heads(found))
    for row in rows:
        writer.writerow([_cell(row[key]) for key in found.columns])
    text.detach()


def _cell(value: Any) -> str | int | float:
    """As text: no cell is a formula, whatever people wrote."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return say("是") if value else say("否")
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        value = "；".join(_line(one) if isinstance(one, dict) else str(one) for one in value)
    return str(guarded(value))


def _line(one: dict[str, Any]) -> str:
    return f"{one['name']} {one['before']} → {one['after']} {one['unit']}".strip()


def _write_json(out: IO[bytes], found: DataSet, rows: Iterable[Row]) -> None:
    """One object with licence and date, and the rows one a line."""
    head = {"name": found.key, "licence": license_sentence(), "date": today().isoformat(), "address": outside(url_for("open_data.page"))}
    out.write(orjson.dumps(head)[:-1] + b', "rows": [')
    for place, row in enumerate(rows):
        out.write(b",\n" if place else b"\n")
        out.write(orjson.dumps(row))
    out.write(b"\n]}\n")


# ---- the feed


@pages.get("/open-data/feed.atom")
@open_to_all
def feed() -> Response:
    """What is new, for feed readers."""
    own = outside(url_for("open_data.feed"))
    root = Xml.Element("feed", {"xmlns": _ATOM, "xml:lang": "zh-CN" if language() == "zh" else "en"})
    _put(root, "title", say("技改供需对接平台：最新发布"))
    _put(root, "id", own)
    Xml.SubElement(root, "link", {"rel": "self", "href": own})
    Xml.SubElement(root, "link", {"rel": "alternate", "href": outside(url_for("home.page"))})
    with current_site().database.reading() as session:
        found = find_news(session, most=FEED)
    zone = ZoneInfo(current_site().pilot.city.zone)
    _put(root, "updated", datetime.combine(found[0].on, time(), zone).isoformat() if found else now().isoformat())
    author = Xml.SubElement(root, "author")
    _put(author, "name", say("技改供需对接平台"))
    for news in found:
        entry = Xml.SubElement(root, "entry")
        _put(entry, "id", f"urn:uuid:{news.ref}")
        _put(entry, "title", f"{say(news.kind)}：{news.title}")
        _put(entry, "updated", datetime.combine(news.on, time(), zone).isoformat())
        Xml.SubElement(entry, "link", {"href": outside(news.address)})
        Xml.SubElement(entry, "category", {"term": say(news.kind)})
        if news.summary:
            _put(entry, "summary", news.summary)
    return _xml(Xml.tostring(root, encoding="utf-8", xml_declaration=True), "application/atom+xml")


def _put(parent: Xml.Element, name: str, text: str) -> None:
    # What XML cannot hold (a form feed in a title) is left out, or no reader could read any of it.
    Xml.SubElement(parent, name).text = "".join(one for one in text if one >= " " or one in "\t\n")


def _xml(data: bytes, kind: str) -> Response:
    answer = make_response(data)
    answer.headers["Content-Type"] = f"{kind}; charset=utf-8"
    answer.headers["Cache-Control"] = "no-cache"
    return answer


# ---- for search engines


@pages.get("/robots.txt")
@open_to_all
def robots() -> Response:
    """What is worth reading, and what only costs: every search, and what is for one person."""
    closed = ("/api/", "/login", "/files/", "/search", "/ask", "/complaints/", "/open-data/*.csv", "/open-data/*.json", "/*?lang=")
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), f"Sitemap: {outside(url_for('open_data.sitemap'))}"]
    answer = make_response("\n".join(lines) + "\n")
    answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    return answer


@pages.get("/sitemap.xml")
@open_to_all
def sitemap() -> Response:
    here = outside("")
    with current_site().database.reading() as session:
        rows = [f"<url><loc>{escape(here + path)}</loc></url>" for path in islice(_addresses(session), MOST_ADDRESSES)]
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f'<urlset xmlns="{_SITEMAP}">', *rows, "</urlset>"]
    return _xml("\n".join(lines).encode(), "application/xml")


def _addresses(session: Session) -> Iterator[str]:
    """Of pages that everybody may read, the few first; of solutions the newest, should there be too many."""
    yield from (url_for(endpoint) for endpoint in _PAGES)
    for endpoint, query in (
        ("showcases.show", select(Showcase.public_id).where(Showcase.state == ShowcaseState.PUBLISHED)),
        ("policies.show", select(PolicyVersion.public_id).where(PolicyVersion.state.in_(PUBLIC_POLICIES))),
        ("guides.show", select(Guide.public_id).where(Guide.state.in_(PUBLIC_GUIDES))),
        ("events.show", select(Event.public_id).where(Event.state.in_(PUBLIC_EVENTS))),
        ("windows.show", select(ApplicationWindow.public_id).where(ApplicationWindow.state == WindowState.PUBLISHED)),
        ("scenario_lists.show", select(ScenarioList.public_id).where(ScenarioList.state == ScenarioListState.ISSUED)),
        ("providers.show", select(Provider.public_id).where(Provider.state.in_(SEARCHABLE))),
        ("solutions.show", select(Solution.public_id).join(Solution.provider).where(*published()).order_by(Solution.id.desc())),
    ):
        shape = url_for(endpoint, public_id=PLACE)
        yield from (shape.replace(PLACE, ref) for ref in session.scalars(query))
    shape = url_for("scenarios.show", key=PLACE)
    for code in session.scalars(select(Scenario.code).where(Scenario.state == ScenarioState.PUBLISHED)):
        yield shape.replace(PLACE, quote(code))


def canonical() -> str:
    """The one address of a page, whatever language or filter it was asked with; "" where the site has no public address."""
    return outside(request.path) if current_site().settings.public_url else ""
