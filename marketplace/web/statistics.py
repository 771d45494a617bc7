"""How well the site answers: searches that find nothing, how long pages take, and what the ranking learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.domain.rankers import HAND, RankerState
from marketplace.guard import now, permission
from marketplace.metrics import search_figures
from marketplace.records.match_events import MatchEvent, MatchEventKind
from marketplace.records.rankers import find_rankers
from marketplace.site import current_site
from marketplace.web.language import say

pages = Blueprint("statistics", __name__)
DAYS, MOST_RANKERS = 90, 20


@dataclass(frozen=True)
class Counted:
    """How often something happened to a match in the last days."""

    word: str
    count: int


@pages.get("/statistics")
@permission("read", "statistics")
def page() -> str:
    routes = {
        "/search": say("搜索"),
        "/ask": say("说说您的难题"),
        "/enterprises/<public_id>/plan": say("一企一策"),
        "/api/search": say("接口搜索"),
    }
    with current_site().database.reading() as session:
        rankers = find_rankers(session, most=MOST_RANKERS)
        in_use = next((row.version for row in rankers if row.state == RankerState.IN_USE), HAND)
        return render_template(
            "statistics/page.html",
            figures=search_figures(tuple(routes)),
            routes=routes,
            events=_events(session),
            rankers=rankers,
            in_use=in_use,
            days=DAYS,
        )


def _events(session: Session) -> Sequence[Counted]:
    words = {
        MatchEventKind.SHOWN: say("展示"),
        MatchEventKind.OPENED: say("点开"),
        MatchEventKind.SENT: say("推送"),
        MatchEventKind.ACCEPTED: say("接受"),
        MatchEventKind.DECLINED: say("谢绝"),
        MatchEventKind.LAPSED: say("逾期未答复"),
        MatchEventKind.AWARDED: say("中选"),
        MatchEventKind.NOT_CHOSEN: say("落选"),
        MatchEventKind.FINISHED: say("完工"),
    }
    since = now() - timedelta(days=DAYS)
    query = select(MatchEvent.kind, func.count()).where(MatchEvent.at >= since).group_by(MatchEvent.kind)
    counts: dict[MatchEventKind, int] = dict(session.execute(query).all())
    return [Counted(word, counts.get(kind, 0)) for kind, word in words.items()]
