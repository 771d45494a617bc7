"""Which of a person's roles count for one particular thing."""

from __future__ import annotations

from marketplace.domain.access import Role, Viewer


def roles_on(viewer: Viewer, *, provider_id: int | None = None, enterprise_id: int | None = None) -> frozenset[Role]:
    """A provider acts on what is its own, an enterprise likewise; every other role holds everywhere."""
    held = set(viewer.roles)
    if provider_id not in viewer.provider_ids:
        held.discard(Role.PROVIDER)
    if enterprise_id not in viewer.enterprise_ids:
        held.discard(Role.ENTERPRISE)
    return frozenset(held)


def actor_of(viewer: Viewer) -> str:
    """Who did it, as the history keeps it: the name may change, the number stays."""
    return f"{viewer.name}（{viewer.account_id}）" if viewer.is_known else viewer.name
