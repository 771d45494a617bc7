"""Charts of the figures as pictures to be kept: SVG files that need no style sheet."""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, Response, render_template, send_file

from marketplace.attachments import SANDBOX
from marketplace.domain.figures import FIGURES, Group, Unit
from marketplace.guard import not_found, now, permission
from marketplace.site import current_site
from marketplace.web.figures_charts import KINDS, ROW, WIDTH, bars_of, lines_of
from marketplace.web.figures_shown import Asked, asked, facts_for
from marketplace.web.language import say
from marketplace.web.wording import day, sep, term

pages = Blueprint("figures_pictures", __name__)
MARGIN, HEAD, FOOT, LINES = 32, 40, 36, 215


@pages.get("/figures/<code>/picture")
@permission("read", "figure")
def line(code: str) -> Response:
    """How a figure changed, quarter by quarter; relative changes have no such line."""
    row = FIGURES.get(code) or not_found()
    if row.unit is Unit.CHANGE:
        not_found()
    wanted = asked()
    with current_site().database.reading() as session:
        facts = facts_for(session, wanted, money_over_time=row.group is Group.FUNDS)
    chart = lines_of([code], facts, current_site().pilot.city.term_start)
    return _picture(say(row.name), wanted, LINES, chart=chart, bars=[])


@pages.get("/figures/by/<kind>/picture")
@permission("read", "figure")
def bars(kind: str) -> Response:
    """The investment of supported projects, divided."""
    word = KINDS.get(kind) or not_found()
    wanted = asked()
    with current_site().database.reading() as session:
        found = bars_of(kind, facts_for(session, wanted))
    title = say("支持项目总投资") + sep("：") + say(word)
    return _picture(title, wanted, len(found) * ROW, chart=None, bars=found)


def _picture(title: str, wanted: Asked, height: int, **drawn: Any) -> Response:
    """With what was asked for and as of when, since a picture leaves the page that says so."""
    parts = [
        term("sector", wanted.sector, short=True) if wanted.sector else "",
        term("area", wanted.area) if wanted.area else "",
        wanted.year,
    ]
    foot = sep("，").join([say("数据截至 %(at)s") % {"at": day(now())}, *(part for part in parts if part)])
    size = {"width": WIDTH + MARGIN, "height": HEAD + height + FOOT}
    text = render_template("figures/picture.svg", title=title, foot=foot, **size, **drawn)
    answer: Response = send_file(io.BytesIO(text.encode()), "image/svg+xml", as_attachment=True, download_name=f"{title}.svg")
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "no-store"
    return answer
