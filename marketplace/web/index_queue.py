"""The state of the index, for whoever runs the site: what waits, what is parked and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.guard import permission
from marketplace.records.index_queue import QueuedThing, count_pending, is_parked
from marketplace.site import current_site
from marketplace.web.search import kind_word

pages = Blueprint("index_queue", __name__)
MOST = 50


@dataclass(frozen=True)
class QueueState:
    pending: int
    indexed: Sequence[tuple[str, int]]
    parked: Sequence[QueuedThing]


@pages.get("/index")
@permission("read", "index")
def page() -> str:
    with current_site().database.reading() as session:
        return render_template(
            "index_queue/page.html", queue=read_state(session), space=current_site().embeddings.space, index_kind=kind_word
        )


def read_state(session: Session) -> QueueState:
    done = select(QueuedThing.kind, func.count()).where(QueuedThing.indexed >= QueuedThing.wanted).group_by(QueuedThing.kind)
    parked = select(QueuedThing).where(is_parked())
    rows = session.scalars(parked.order_by(QueuedThing.kind, QueuedThing.thing_id).limit(MOST)).all()
    return QueueState(count_pending(session), session.execute(done.order_by(QueuedThing.kind)).all(), rows)
