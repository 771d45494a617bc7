"""How far the index is behind the database, for who runs the site."""

from __future__ import annotations

from sqlalchemy import func, select

from marketplace.api.operation import Model, operation
from marketplace.guard import permission
from marketplace.records.index_queue import QueuedThing, count_pending, is_parked
from marketplace.site import current_site


class ParkedOut(Model):
    """A thing that could not be indexed after several attempts, and why."""

    kind: str
    thing_id: int
    error: str


class IndexOut(Model):
    """`pending`: changed and not indexed yet; `parked`: given up until somebody looks."""

    engine: str
    things: dict[str, int]
    pending: int
    parked: list[ParkedOut]


@permission("read", "index")
@operation("/index", summary="State of the index", tag="index", answer=IndexOut, faults=(403,))
def read_index() -> IndexOut:
    site = current_site()
    with site.database.reading() as session:
        counted = select(QueuedThing.kind, func.count()).group_by(QueuedThing.kind)
        things = {row[0]: row[1] for row in session.execute(counted)}
        waiting = is_parked()
        parked = session.scalars(select(QueuedThing).where(waiting).order_by(QueuedThing.kind, QueuedThing.thing_id).limit(100)).all()
        return IndexOut(
            engine=site.settings.search_url.partition(":")[0],
            things=things,
            pending=count_pending(session),
            parked=[ParkedOut(kind=row.kind, thing_id=row.thing_id, error=row.error) for row in parked],
        )
