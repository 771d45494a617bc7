"""Which of a person's roles count for one particular thing."""

from __future__ import annotations

from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.lifecycle import Refused, RefusedError, _


def roles_on(viewer: Viewer, *, provider_id: int | None = None, enterprise_id: int | None = None) -> frozenset[Role]:
    """A provider acts on what is its own, an enterprise likewise; every other role holds everywhere."""
    held = set(viewer.roles)
    if provider_id not in viewer.provider_ids:
        held.discard(Role.PROVIDER)
    if enterprise_id not in viewer.enterprise_ids:
        held.discard(Role.ENTERPRISE)
    return frozenset(held)


def refuse_unless(allowed: bool) -> None:
    """The last line of every permission: whatever a page offered, the action itself asks."""
    if not allowed:
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))


def must_hold(viewer: Viewer, verb: str, noun: str) -> None:
    """Refused unless one of the viewer's roles holds the verb on the noun."""
    refuse_unless(may(viewer, verb, noun))


def actor_of(viewer: Viewer) -> str:
    """Who did it, as the history keeps it: the name may change, the number stays."""
    return f"{viewer.name}（{viewer.account_id}）" if viewer.is_known else viewer.name
