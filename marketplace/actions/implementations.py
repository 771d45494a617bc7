"""An implementation without subsidy: begun, finished, and confirmed and rated by the enterprise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_outcomes import finish_outcome, rate_finish
from marketplace.actions.brokering_steps import (
    INTRODUCTION,
    Step,
    Whole,
    locked,
    locked_introduction,
    may_stand_for,
    move,
    refuse_first,
    unseen,
    whole_of,
)
from marketplace.actions.brokering_told import tell_centre, tell_enterprise, tell_provider
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.introductions import kill_links
from marketplace.actions.roles import actor_of, refuse_unless, roles_on
from marketplace.domain import problems
from marketplace.domain.access import Role, may
from marketplace.domain.brokerings import RESULTS, BrokeringState
from marketplace.domain.introductions import WAYS, IntroductionState, Side
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.texts import check_text
from marketplace.files.store import StoredBlob
from marketplace.records.brokerings import Brokering, Implementation, find_brokering_problems
from marketplace.records.database import Database
from marketplace.records.introductions import Introduction, find_introductions

IMPLEMENTATION = "implementation"
FAILED = "failed"


def start(database: Database, brokering_id: int, started: date | None, step: Step) -> Implementation:
    """Work began, without subsidy."""
    with database.writing() as session:
        brokering = _locked_awarded(session, brokering_id, step)
        whole, row = _awarded(session, brokering)
        refuse_unless(_may_report(step, row) or _may_choose(step, row))
        if started is None:
            raise RefusedError(Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("开工日期")}))
        if started > step.today:
            raise RefusedError(Refused("future", _("发生日期 {on} 还没有到。"), {"on": started.isoformat()}))
        if whole.implementation is not None:
            raise RefusedError(Refused("started_already", _("已经登记过开工。")))
        done = Implementation(brokering_id=brokering.id, started=started)
        session.add(done)
        session.flush()
        after = {"started": started.isoformat()}
        record(
            session, actor=actor_of(step.viewer), verb="start", noun=IMPLEMENTATION, noun_id=done.id, before=None, after=after, at=step.at
        )
        move(
            session,
            brokering,
            "start",
            step,
            roles=roles_on(step.viewer, provider_id=row.provider_id, enterprise_id=brokering.enterprise_id),
        )
        settle(session, brokering, at=step.at, today=step.today)
        tell_provider(session, row, _("{number}（{solution}）已登记开工，完工后请登记。"), step.at)
        tell_enterprise(session, brokering, _("{number} 已登记开工。"), step.at)
        return done


@dataclass
class FinishDraft:
    """What was done, as it is reported. The indicator is optional; with one, all three of its figures are wanted."""

    finished: date | None = None
    effect: str = ""
    indicator: str = ""
    unit: str = ""
    baseline: float | None = None
    target: float | None = None
    measured: float | None = None


def check_finish(draft: FinishDraft, started: date, today: date) -> list[tuple[str, Refused]]:
    found: list[tuple[str, Refused]] = []
    if draft.finished is None:
        found.append(("finished", Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("完工日期")})))
    elif draft.finished > today:
        found.append(("finished", Refused("future", _("发生日期 {on} 还没有到。"), {"on": draft.finished.isoformat()})))
    elif draft.finished < started:
        values = {"ends": draft.finished.isoformat(), "starts": started.isoformat()}
        found.append(("finished", Refused("ends_before_start", _("完工日期 {ends} 早于开工日期 {starts}。"), values)))
    found += check_text("effect", _("效果"), draft.effect, most=5_000, required=True)
    found += check_text("indicator", _("指标"), draft.indicator, most=100)
    found += check_text("unit", _("计量单位"), draft.unit, most=32)
    figures = (draft.baseline, draft.target, draft.measured)
    if draft.indicator.strip() and any(value is None for value in figures):
        found.append(("measured", Refused("figures_missing", _("写了指标，改造前、目标和实测三个数都要填。"))))
    if draft.indicator.strip() and draft.target is not None and draft.target == draft.baseline:
        found.append(
            ("target", Refused("target_is_baseline", _("目标值与改造前的值相同（{value:g}），算不出达成多少。"), {"value": draft.target}))
        )
    return found


def report_finish(database: Database, brokering_id: int, draft: FinishDraft, step: Step) -> Implementation:
    """The provider, or the centre for it, says that the work is done and with what effect; the enterprise confirms."""
    with database.writing() as session:
        brokering = _locked_awarded(session, brokering_id, step)
        whole, row = _awarded(session, brokering)
        refuse_unless(_may_report(step, row))
        done = whole.implementation
        if done is None or brokering.state != BrokeringState.IMPLEMENTING:
            raise RefusedError(Refused("not_started", _("还没有登记开工，或已经确认完工。")))
        refuse_first(check_finish(draft, done.started, step.today))
        for name in ("finished", "baseline", "target", "measured"):
            setattr(done, name, getattr(draft, name) if name == "finished" or draft.indicator.strip() else None)
        done.effect, done.indicator, done.unit = draft.effect.strip(), draft.indicator.strip(), draft.unit.strip()
        done.reported_by = step.viewer.account_id
        session.flush()
        move(session, brokering, "report_finish", step, roles=roles_on(step.viewer, provider_id=row.provider_id))
        after = {"finished": done.finished.isoformat() if done.finished else None, "effect": done.effect, "indicator": done.indicator}
        record(
            session,
            actor=actor_of(step.viewer),
            verb="report_finish",
            noun=IMPLEMENTATION,
            noun_id=done.id,
            before=None,
            after=after,
            at=step.at,
        )
        settle(session, brokering, at=step.at, today=step.today)
        tell_enterprise(session, brokering, _("{number} 已登记完工，请您确认并评价。"), step.at)
        tell_centre(session, brokering, _("{number} 已登记完工，等企业确认。"), step.at, without=step.viewer.account_id)
        return done


@dataclass
class ConfirmDraft:
    """How the enterprise found it: passed, rectified, failed; 1–5 stars."""

    result: str = ""
    rating: int | None = None
    remark: str = ""
    way: str = ""


def check_confirm(draft: ConfirmDraft, *, on_behalf: bool) -> list[tuple[str, Refused]]:
    found: list[tuple[str, Refused]] = []
    if draft.result not in RESULTS:
        found.append(("result", Refused("no_result", _("还没有选是否达到约定。"))))
    if draft.rating is None or not 1 <= draft.rating <= 5:
        found.append(("rating", Refused("no_rating", _("请给 1 到 5 分。"))))
    found += check_text("remark", _("说明"), draft.remark, most=2_000)
    if on_behalf and draft.way not in WAYS:
        found.append(("way", Refused("no_way", _("代录要写明对方怎样答复的：电话、当面、微信、邮件还是书面。"))))
    return found


def confirm(database: Database, brokering_id: int, draft: ConfirmDraft, step: Step, *, proof: StoredBlob | None = None) -> Brokering:
    """The enterprise confirms and rates; past matches, the provider's rating and the ranker hear of it in the same transaction."""
    with database.writing() as session:
        brokering = _locked_awarded(session, brokering_id, step)
        _whole, row = _awarded(session, brokering)
        own = may_stand_for(step.viewer, Side.ENTERPRISE, row)
        refuse_unless(own or may(step.viewer, "choose", "brokering"))
        refuse_first(check_confirm(draft, on_behalf=not own))
        if not own and proof is None:
            raise RefusedError(Refused("no_proof", _("代录要附上凭据（通话记录、聊天截图、盖章回函等）。")))
        put_confirmation(session, brokering, draft, step)
        if not own and proof is not None:
            unit, kind = brokering.enterprise.organisation_id, f"behalf_{Side.ENTERPRISE}"
            attach(session, proof, noun=INTRODUCTION, noun_id=row.id, kind=kind, organisation_id=unit, viewer=step.viewer, at=step.at)
        return brokering


def put_confirmation(session: Session, brokering: Brokering, draft: ConfirmDraft, step: Step) -> None:
    whole, row = _awarded(session, brokering)
    done, contract = whole.implementation, whole.contract
    if done is None or contract is None or done.finished is None or brokering.state != BrokeringState.IMPLEMENTING:
        raise RefusedError(Refused("not_finished", _("还没有登记完工，不能确认。")))
    done.result, done.rating, done.remark, done.way = draft.result, draft.rating, draft.remark.strip(), draft.way
    done.confirmed_at, done.confirmed_by = step.at, step.viewer.account_id
    session.flush()
    after = {"result": done.result, "rating": done.rating, "way": done.way}
    actor = actor_of(step.viewer)
    record(
        session, actor=actor, verb="confirm", noun=IMPLEMENTATION, noun_id=done.id, before=None, after=after, why=done.remark, at=step.at
    )
    kill_links(session, row.id, Side.ENTERPRISE, step.at, purpose="confirm")
    move(session, brokering, "confirm", step)
    brokering.closed_at = step.at
    finish_outcome(session, row, contract, done, step)
    rate_finish(session, brokering, row, contract, done, step)
    if done.result != FAILED:
        _solve(session, brokering, step)
    settle(session, brokering, at=step.at, today=step.today)
    tell_provider(session, row, _("企业已确认 {number}（{solution}）完工，评 {rating} 分。"), step.at, rating=done.rating)
    tell_centre(
        session, brokering, _("企业已确认 {number} 完工，评 {rating} 分。"), step.at, without=step.viewer.account_id, rating=done.rating
    )


def _solve(session: Session, brokering: Brokering, step: Step) -> None:
    """What this was about needs no more matches. The enterprise's word is enough: nobody is asked for the centre's."""
    for problem in find_brokering_problems(session, brokering.id):
        if problem.state == problems.ProblemState.OPEN:
            transition.apply(
                session,
                problem,
                problems.TABLE,
                "solve",
                actor=actor_of(step.viewer),
                roles={Role.CENTRE},
                at=step.at,
                why=brokering.number,
            )


def _locked_awarded(session: Session, brokering_id: int, step: Step) -> Brokering:
    """Under the locks of the chosen provider and of the brokering, in this order."""
    chosen = next((row for row in find_introductions(session, brokering_id) if row.state == IntroductionState.AWARDED), None)
    if chosen is not None:
        locked_introduction(session, chosen.id, unseen(step))
    return locked(session, brokering_id, step)


def _awarded(session: Session, brokering: Brokering) -> tuple[Whole, Introduction]:
    whole = whole_of(session, brokering)
    row = whole.awarded
    if row is None:
        raise RefusedError(Refused("not_awarded", _("还没有选定服务商，或合同已登记。")))
    return whole, row


def _may_report(step: Step, row: Introduction) -> bool:
    return may_stand_for(step.viewer, Side.PROVIDER, row) or may(step.viewer, "answer", "brokering")


def _may_choose(step: Step, row: Introduction) -> bool:
    return may_stand_for(step.viewer, Side.ENTERPRISE, row)
