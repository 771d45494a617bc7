"""What a provider itself does about its place in the pool: a break from new orders, or leaving.

What the bureau decides about it is a case of its own (actions/adjustments.py).
"""

from __future__ import annotations

from datetime import date

from marketplace.actions.adjustments_effect import Step, drop_case, flag_running, lock_provider, move_provider, only_for, rest_rectification
from marketplace.actions.adjustments_told import tell_enterprises
from marketplace.actions.history import record
from marketplace.actions.notices import accounts_of_roles, notify
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Role
from marketplace.domain.adjustment_proposals import reapply_from
from marketplace.domain.adjustments import AdjustmentKind, AdjustmentState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.providers import TAKES_NEW, check_no_orders_until
from marketplace.records.adjustments import find_effects, find_open_of
from marketplace.records.database import Database
from marketplace.records.matches import LEFT
from marketplace.records.providers import Provider


def set_no_orders_until(database: Database, provider_id: int, step: Step, *, until: date | None) -> Provider:
    """暂不接新单至 …: it stays in the search and gets no new match until that day; None ends the break."""
    refused = check_no_orders_until(until, step.today)
    if refused is not None:
        raise RefusedError(refused)
    with database.writing() as session:
        provider = lock_provider(session, provider_id)
        only_for(provider, step, "edit")
        before, provider.no_orders_until = provider.no_orders_until, until
        session.flush()
        days = [{"no_orders_until": day.isoformat() if day else None} for day in (before, until)]
        actor, verb = actor_of(step.viewer), "pause_orders" if until else "take_orders"
        record(session, actor=actor, verb=verb, noun="provider", noun_id=provider.id, before=days[0], after=days[1], at=step.at)
        return provider


def leave(database: Database, provider_id: int, step: Step, *, why: str = "") -> Provider:
    """主动退出: out of the pool; running projects go on by their contracts and are flagged, whoever has one is told."""
    with database.writing() as session:
        provider = lock_provider(session, provider_id)
        only_for(provider, step, "submit")
        waiting = find_open_of(session, provider.id)
        # Nobody leaves in order not to be put out.
        if any(case.kind == AdjustmentKind.RETIRE or case.state == AdjustmentState.CONFIRMING for case in waiting):
            raise RefusedError(Refused("decision_waits", _("区工信局正在决定一项处理，有结果之后才能退出。")))
        ground = "left" if provider.state in TAKES_NEW else "failing"
        running = find_effects(session, provider.id).running
        move_provider(session, provider, "leave", step, why.strip())
        rest_rectification(session, provider.id, step, "服务商主动退出")
        for case in waiting:
            drop_case(session, case, step, "服务商已主动退出。", roles={Role.BUREAU})
        provider.rectify_until = provider.no_orders_until = None
        provider.reapply_from = reapply_from(step.today, ground, step.rules)
        flag_running(session, provider.id, LEFT)
        values = {"provider": provider.name, "running": len(running)}
        tell_enterprises(session, provider, _("{provider}已退出资源池。您的在施项目按合同继续，能力中心会与您联系。"), step.at, values)
        staff = accounts_of_roles(session, (Role.CENTRE, Role.MANAGER, Role.BUREAU))
        message = _("{provider}主动退出资源池，{running} 个在施项目已标记。")
        notify(session, staff, "adjustment", message, at=step.at, values=values, noun="provider", public_ref=provider.public_id)
        return provider
