"""The history for staff: searched, each entry opened as a difference, taken along as a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.history_export import note_export
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.guard import current_viewer, now, permission
from marketplace.records.history import HistoryEntry
from marketplace.records.history_search import HistoryQuery, count_history, every_entry, find_history, hidden_nouns
from marketplace.sheets.lists_out import write_list
from marketplace.site import current_site
from marketplace.web import wording
from marketplace.web.downloads import workbook
from marketplace.web.history_words import changes, field_word, known_nouns, known_verbs, noun_word, verb_word
from marketplace.web.language import say

pages = Blueprint("history", __name__)
SIZE = 50
MOST_EXPORTED = 100_000
_FIELDS = ("noun", "noun_id", "verb", "actor", "text", "since", "until")


def _midnight(text: str, *, after: int = 0) -> datetime | None:
    """The beginning of a day in the pilot's zone, `after` days later; None for what is no date."""
    try:
        found = date.fromisoformat(text.strip()) + timedelta(days=after)
    except (ValueError, OverflowError):
        return None
    # Before and after these years a zone's offset leads out of the calendar.
    return datetime.combine(found, time(), ZoneInfo(current_site().pilot.city.zone)) if 1900 < found.year < 9000 else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _query(typed: Mapping[str, str]) -> HistoryQuery:
    """What was typed, without the NUL that PostgreSQL does not take."""
    word = {name: typed.get(name, "").replace("\0", "").strip()[:100] for name in (*_FIELDS, "below")}
    return HistoryQuery(
        noun=word["noun"],
        noun_id=_number(word["noun_id"]),
        verb=word["verb"],
        actor=word["actor"],
        text=word["text"],
        since=_midnight(word["since"]),
        until=_midnight(word["until"], after=1),
        below=_number(word["below"]),
    )


@pages.get("/history")
@permission("read", "history")
def page() -> str:
    """The newest entries that fit, fifty a page."""
    viewer, query = current_viewer(), _query(request.args)
    typed = {name: request.args.get(name, "") for name in _FIELDS}
    with current_site().database.reading() as session:
        rows = find_history(session, viewer, query, most=SIZE + 1)
        shown, more = rows[:SIZE], len(rows) > SIZE
        kept = {name: value for name, value in typed.items() if value}
        return render_template(
            "history/page.html",
            rows=shown,
            typed=typed,
            nouns=known_nouns(hidden_nouns(viewer)),
            verbs=known_verbs(),
            first=f"{url_for('history.page')}?{urlencode(kept)}" if query.below is not None else "",
            older=f"{url_for('history.page')}?{urlencode({**kept, 'below': shown[-1].id})}" if more else "",
            changes=changes,
            noun_word=noun_word,
            verb_word=verb_word,
            field_word=field_word,
        )


@pages.post("/history/export")
@permission("read", "history")
def export() -> AnyResponse:
    """All entries that fit, as a sheet. That it was taken is itself an entry."""
    site, viewer = current_site(), current_viewer()
    query = replace(_query(request.form), below=None)
    with site.database.reading() as session:
        count = count_history(session, viewer, query, most=MOST_EXPORTED + 1)
        if count > MOST_EXPORTED:
            message = _("符合的记录超过 {most:,} 条，请缩小日期或条件再导出。")
            raise RefusedError(Refused("too_many_entries", message, {"most": MOST_EXPORTED}))
        with TemporaryDirectory() as folder:
            path = Path(folder) / "history.xlsx"
            entries = every_entry(session, viewer, query, most=MOST_EXPORTED)
            write_list(path, say("历史记录"), [(say(word), width) for word, width in _COLUMNS], _rows(entries))
            data = path.read_bytes()
    asked = {name: request.form.get(name, "")[:100] for name in _FIELDS if request.form.get(name)}
    note_export(site.database, asked, count, viewer=viewer, at=now())
    return workbook(data, f"{say('历史记录')}-{now():%Y-%m-%d}")


_COLUMNS = (
    (_("编号"), 10),
    (_("时间"), 20),
    (_("谁"), 24),
    (_("对象"), 16),
    (_("做了什么"), 16),
    (_("对象编号"), 10),
    (_("变化"), 60),
    (_("理由"), 40),
    (_("摘要"), 66),
)


def _rows(entries: Iterator[HistoryEntry]) -> Iterator[tuple[str | int, ...]]:
    for entry in entries:
        told = "\n".join(f"{field_word(row.field)}{wording.sep('：')}{row.before or '–'} → {row.after or '–'}" for row in changes(entry))
        moment, noun, verb = wording.day(entry.at), noun_word(entry.noun), verb_word(entry.verb, entry.noun)
        yield entry.id, moment, entry.actor, noun, verb, entry.noun_id or "", told, entry.why, entry.digest
