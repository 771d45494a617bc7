"""The board as an Excel sheet, without budgets and without what was said."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.domain.brokerings import STEPS, Lane
from marketplace.domain.lifecycle import _
from marketplace.domain.working_days import days_left
from marketplace.guard import permission
from marketplace.records.brokerings import find_all_under_way
from marketplace.records.introductions import find_introductions_of
from marketplace.sheets.lists_out import list_workbook
from marketplace.site import current_site
from marketplace.web.brokerings_shown import LANES, who_word
from marketplace.web.downloads import workbook
from marketplace.web.language import say
from marketplace.web.terms import days, today
from marketplace.web.wording import sep, state, term

pages = Blueprint("brokerings_sheet", __name__)
COLUMNS = (
    (_("编号"), 16),
    (_("列"), 12),
    (_("问题"), 34),
    (_("企业"), 34),
    (_("行业"), 14),
    (_("服务商"), 44),
    (_("状态"), 14),
    (_("在谁手上"), 22),
    (_("已等工作日"), 12),
    (_("期限"), 14),
)


@pages.get("/brokerings/sheet")
@permission("run", "brokering")
def download() -> Response:
    days()
    with current_site().database.reading() as session:
        columns = [(say(word), width) for word, width in COLUMNS]
        data = list_workbook(say("对接看板"), columns, _rows(session))
    return workbook(data, f"{say('对接看板')}-{today().isoformat()}")


def _rows(session: Session) -> Iterator[list[str | int]]:
    rows, calendar = list(find_all_under_way(session)), days().calendar
    found = find_introductions_of(session, [row.id for row in rows])
    for row in rows:
        step = STEPS.get(row.waits_step)
        yield [
            row.number,
            say(LANES[Lane(row.lane)][0]),
            row.title,
            row.enterprise.name,
            term("sector", row.enterprise.sector, short=True),
            sep("；").join(f"{one.provider.name} {state('introduction', one.state)[0]}" for one in found[row.id]),
            state("brokering", row.state)[0],
            f"{who_word(row.waits_for)}{sep('：')}{say(step[0])}" if step else "",
            days_left(row.waits_since, today(), calendar) if row.waits_since else 0,
            row.waits_due.isoformat() if row.waits_due else "",
        ]
