"""What happens to a provider in the pool. Each step reaches the search index through all of the provider's solutions."""

from __future__ import annotations

from datetime import datetime

from marketplace.actions import transition
from marketplace.actions.roles import actor_of, roles_on
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _
from marketplace.domain.providers import TABLE
from marketplace.records.database import Database
from marketplace.records.providers import Provider


def warn(database: Database, provider_id: int, *, viewer: Viewer, at: datetime, why: str) -> Transition:
    """警示: it still gets new matches, and everybody sees the warning."""
    return _move(database, provider_id, "warn", viewer, at, _reason(why))


def clear(database: Database, provider_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """解除警示."""
    return _move(database, provider_id, "clear", viewer, at, why)


def order_rectification(database: Database, provider_id: int, *, viewer: Viewer, at: datetime, why: str) -> Transition:
    """限期整改: it is still found, and gets no new matches."""
    return _move(database, provider_id, "order_rectification", viewer, at, _reason(why))


def suspend(database: Database, provider_id: int, *, viewer: Viewer, at: datetime, why: str) -> Transition:
    """暂停: it is not found."""
    return _move(database, provider_id, "suspend", viewer, at, _reason(why))


def reinstate(database: Database, provider_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """恢复: back in the pool."""
    return _move(database, provider_id, "reinstate", viewer, at, why)


def retire(database: Database, provider_id: int, *, viewer: Viewer, at: datetime, why: str) -> Transition:
    """淘汰: it leaves the search at once and for good."""
    return _move(database, provider_id, "retire", viewer, at, _reason(why))


def leave(database: Database, provider_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """主动退出: the provider's own wish."""
    return _move(database, provider_id, "leave", viewer, at, why)


def _reason(why: str) -> str:
    """Whoever is treated worse is told why."""
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    return why.strip()


def _move(database: Database, provider_id: int, event: str, viewer: Viewer, at: datetime, why: str) -> Transition:
    with database.writing() as session:
        provider = session.get_one(Provider, provider_id)
        roles = roles_on(viewer, provider_id=provider.id)
        return transition.apply(session, provider, TABLE, event, actor=actor_of(viewer), roles=roles, at=at, why=why)
