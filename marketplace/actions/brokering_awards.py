"""The end of a brokering that came to something: the award, feedback to the others, the contract, the implementation."""

from __future__ import annotations

from marketplace.actions.brokering_ends import end_with
from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_outcomes import note, put_outcome
from marketplace.actions.brokering_steps import (
    INTRODUCTION,
    Step,
    feedback_owed,
    given,
    locked,
    locked_introduction,
    move,
    move_introduction,
    must_choose,
    refuse_first,
    unseen,
    whole_of,
)
from marketplace.actions.brokering_told import tell_centre, tell_enterprise, tell_provider
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.brokerings import BrokeringState, ContractDraft, check_contract
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.problems import names_of
from marketplace.files.store import StoredBlob
from marketplace.records.brokerings import Brokering, Contract
from marketplace.records.database import Database
from marketplace.records.introductions import Introduction, find_introductions
from marketplace.records.match_events import MatchEventKind
from marketplace.records.matches import Decision

CONTRACT, SCAN = "contract", "scan"


def award(database: Database, introduction_id: int, step: Step, *, why: str) -> Brokering:
    """One is chosen, with the reason; the others end in the same moment. `step.seen`: of the brokering, as the comparison shows it."""
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, unseen(step))
        brokering = locked(session, row.brokering_id, step)
        must_choose(step.viewer, brokering.enterprise)
        if brokering.state != BrokeringState.COMPARING:
            raise RefusedError(Refused("not_comparing", _("还没有送比较，或已经选定，不能再选。")))
        reason = given(why)
        move_introduction(session, row, "award", step, reason)
        row.reason = reason
        for other in find_introductions(session, brokering.id):
            if other.id != row.id:
                end_with(session, other, step, reason, talks="not_choose")
        move(session, brokering, "award", step, reason)
        brokering.reason, brokering.decided_at = reason, step.at
        put_outcome(session, row, Decision.ACCEPTED, step)
        note(session, row, MatchEventKind.AWARDED, step.at)
        settle(session, brokering, at=step.at, today=step.today)
        tell_provider(session, row, _("{number} 选定了贵单位（{solution}），请与企业签订合同。"), step.at)
        tell_enterprise(session, brokering, _("{number} 已选定{provider}，签约后请登记合同。"), step.at, provider=row.provider.name)
        tell_centre(
            session, brokering, _("{number} 已选定{provider}。"), step.at, without=step.viewer.account_id, provider=row.provider.name
        )
        return brokering


def feedback(database: Database, introduction_id: int, step: Step, *, text: str) -> Introduction:
    """What a provider that was not chosen is told."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        if not feedback_owed(row):
            raise RefusedError(Refused("no_feedback_owed", _("这一家不用写落选反馈，或已经写过。")))
        said = given(text, _("落选反馈"))
        # Who else was asked, and who was chosen, is not for the others.
        others = [other.provider.name for other in find_introductions(session, row.brokering_id) if other.provider_id != row.provider_id]
        if named := next((name for other in others for name in names_of(other) if name in said), None):
            message = _("落选反馈里写了另一家服务商的名称“{name}”，请改成“中选方”或“另一家”。")
            raise RefusedError(Refused("names_another", message, {"name": named}))
        row.feedback, row.feedback_at, row.feedback_by = said, step.at, step.viewer.account_id
        session.flush()
        after = {"feedback": row.feedback}
        record(
            session, actor=actor_of(step.viewer), verb="feedback", noun=INTRODUCTION, noun_id=row.id, before=None, after=after, at=step.at
        )
        settle(session, row.brokering, at=step.at, today=step.today)
        tell_provider(session, row, _("{number}（{solution}）的落选反馈已写好，可以查看。"), step.at)
        return row


def record_contract(database: Database, brokering_id: int, draft: ContractDraft, step: Step, *, scan: StoredBlob | None) -> Contract:
    """What was signed, with its scan."""
    with database.writing() as session:
        brokering = locked(session, brokering_id, step)
        must_choose(step.viewer, brokering.enterprise)
        whole = whole_of(session, brokering)
        row = whole.awarded
        if row is None or brokering.state != BrokeringState.AWARDED:
            raise RefusedError(Refused("not_awarded", _("还没有选定服务商，或合同已登记。")))
        refuse_first(check_contract(draft, step.today, has_scan=scan is not None))
        assert scan is not None
        contract = Contract(brokering_id=brokering.id, introduction_id=row.id, amount_fen=draft.amount_fen, signed=draft.signed)
        contract.starts, contract.ends = draft.starts or step.today, draft.ends or step.today
        contract.recorded_by, contract.at = step.viewer.account_id, step.at
        session.add(contract)
        session.flush()
        unit = brokering.enterprise.organisation_id
        attach(session, scan, noun=CONTRACT, noun_id=contract.id, kind=SCAN, organisation_id=unit, viewer=step.viewer, at=step.at)
        after = {"amount_fen": contract.amount_fen, "signed": contract.signed.isoformat(), "ends": contract.ends.isoformat()}
        record(session, actor=actor_of(step.viewer), verb="enter", noun=CONTRACT, noun_id=contract.id, before=None, after=after, at=step.at)
        move(session, brokering, "contract", step)
        settle(session, brokering, at=step.at, today=step.today)
        tell_provider(session, row, _("{number}（{solution}）的合同已登记。"), step.at)
        tell_centre(session, brokering, _("{number} 的合同已登记。"), step.at, without=step.viewer.account_id)
        return contract


def reserve(database: Database, brokering_id: int, step: Step, *, why: str = "") -> Brokering:
    """On to a project with subsidy: it is kept in reserve for that."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        brokering = locked(session, brokering_id, step)
        move(session, brokering, "reserve", step, why.strip())
        settle(session, brokering, at=step.at, today=step.today)
        tell_enterprise(session, brokering, _("{number} 已转为储备项目。"), step.at)
        return brokering
