"""Vouchers: money set aside or given back by hand, instalments received, money that came back, entries undone. Always by two persons."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.funds import commit, lock_ledger, post, release
from marketplace.actions.funds_steps import ask, move, must_act, must_say_why, refuse_first
from marketplace.actions.history import record
from marketplace.actions.project_steps import Step, locked, settle
from marketplace.actions.roles import actor_of
from marketplace.domain import reclaims
from marketplace.domain.funds import Amount, EntryKind, LedgerAccount, Posting, postings, reversed_lines
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import exact_text
from marketplace.domain.projects import ProjectState
from marketplace.domain.reclaims import Coming, ReclaimState
from marketplace.domain.vouchers import OF_PROJECT, TABLE, VoucherDraft, VoucherKind, check
from marketplace.records.database import Database
from marketplace.records.funding_plans import planned_fen
from marketplace.records.funds import LedgerEntry, balance_of, find_reversal
from marketplace.records.payments import Reclaim
from marketplace.records.projects import Project
from marketplace.records.vouchers import Voucher

NOUN = "voucher"
# What a reversal may undo. Payments come back by the bank, budgets are lowered, recoveries follow their own paper.
REVERSIBLE = frozenset({EntryKind.COMMITMENT, EntryKind.RELEASE, EntryKind.RECEIPT})


def propose_voucher(
    database: Database, draft: VoucherDraft, step: Step, *,
    project_id: int | None = None, reclaim_id: int | None = None, entry_id: int | None = None, key: str | None = None,
) -> Voucher:  # fmt: skip
    """Write one down for a second person. `key`: given by the form, so that a repeated press writes one."""
    account = must_act(step.viewer, "budget")
    refuse_first(check(draft, today=step.today))
    with database.writing() as session:
        project = locked(session, project_id, replace(step, seen=None)) if project_id is not None else None
        if key and (found := session.scalar(select(Voucher).where(Voucher.key == key))):
            return found
        voucher = Voucher(kind=draft.kind, source=draft.source, year=draft.year, fen=draft.fen, day=draft.day, key=key)
        voucher.reference, voucher.why = draft.reference.strip(), draft.why.strip()
        voucher.project_id, voucher.reclaim_id, voucher.entry_id = project_id, reclaim_id, entry_id
        voucher.proposed_by, voucher.proposed_at = account, step.at
        session.add(voucher)
        session.flush()
        _refuse_impossible(session, voucher, project, step)
        after = {
            "kind": str(draft.kind),
            "source": draft.source,
            "year": draft.year,
            "fen": voucher.fen,
            "project": project_id,
            "entry": entry_id,
        }
        record(
            session,
            actor=actor_of(step.viewer),
            verb="propose",
            noun=NOUN,
            noun_id=voucher.id,
            before=None,
            after=after,
            why=voucher.why,
            at=step.at,
        )
        ask(session, voucher, _("记账单 {amount} 万元待复核：{why}"), step, amount=exact_text(voucher.fen or 0), why=voucher.why[:60])
        return voucher


def answer_voucher(database: Database, voucher_id: int, event: str, step: Step, *, why: str = "") -> Voucher:
    """Confirm (then it is posted in this transaction), reject or take back."""
    account = must_act(step.viewer, "budget")
    must_say_why(event, why)
    with database.writing() as session:
        project_id = session.scalar(select(Voucher.project_id).where(Voucher.id == voucher_id))
        project = locked(session, project_id, replace(step, seen=None)) if project_id is not None else None
        voucher = session.get_one(Voucher, voucher_id, with_for_update=True, populate_existing=True)
        voucher.second_person, voucher.second_at, voucher.answer = account, step.at, why.strip()
        move(session, voucher, TABLE, event, step, why=why.strip())
        if event == "confirm":
            voucher.posted_id = _post(session, voucher, project, step).id
        session.flush()
        return voucher


def _refuse_impossible(session: Session, voucher: Voucher, project: Project | None, step: Step) -> None:
    refused: Refused | None = None
    if voucher.kind == VoucherKind.REVERSAL:
        refused = _not_reversible(session, voucher)
    elif step.rules.fund.find(voucher.source) is None:
        refused = Refused("unknown_source", _("没有这个资金来源。"))
    elif voucher.kind in OF_PROJECT and project is None:
        refused = Refused("no_project", _("请写明项目。"))
    elif voucher.kind == VoucherKind.RECOVERY:
        refused = _not_recoverable(session, voucher)
    if refused is not None:
        raise RefusedError(refused)


def _not_reversible(session: Session, voucher: Voucher) -> Refused | None:
    entry = session.get(LedgerEntry, voucher.entry_id) if voucher.entry_id is not None else None
    if entry is None or entry.kind not in REVERSIBLE or entry.reverses_id is not None:
        return Refused("not_reversible", _("这一笔不能冲销：拨付按退汇办理，预算用调减，追回按追回单办理。"))
    if find_reversal(session, entry.id) is not None:
        return Refused("reversed_already", _("{number} 已经冲销过。"), {"number": entry.number})
    voucher.fen = sum(line.fen for line in entry.lines if line.fen > 0)
    return None


def _not_recoverable(session: Session, voucher: Voucher) -> Refused | None:
    reclaim = session.get(Reclaim, voucher.reclaim_id, with_for_update=True, populate_existing=True) if voucher.reclaim_id else None
    if reclaim is None or reclaim.state != ReclaimState.ORDERED or reclaim.project_id != voucher.project_id:
        return Refused("no_reclaim", _("没有在办的追回。"))
    if (voucher.fen or 0) > reclaim.outstanding_fen:
        values = {"left": exact_text(reclaim.outstanding_fen), "wanted": exact_text(voucher.fen or 0)}
        return Refused("over_reclaim", _("还要收回 {left} 万元，收到的不能是 {wanted} 万元。"), values)
    voucher.source, voucher.year = reclaim.source, reclaim.year
    return None


def _post(session: Session, voucher: Voucher, project: Project | None, step: Step) -> LedgerEntry:
    shared = {"key": f"voucher:{voucher.id}", "why": voucher.why, "noun": NOUN, "noun_id": voucher.id, "made_by": voucher.proposed_by}
    amount = Amount(voucher.source, voucher.year, voucher.fen or 0)
    if voucher.kind == VoucherKind.COMMITMENT and project is not None:
        return commit(session, project, amount.fen, {amount.source: amount.fen}, step, year=amount.year, **shared)  # type: ignore[arg-type]
    if voucher.kind == VoucherKind.RELEASE and project is not None:
        entry = release(session, project, step, amounts=[amount], **shared)  # type: ignore[arg-type]
        assert entry is not None
        return entry
    if voucher.kind == VoucherKind.RECEIPT:
        return post(session, EntryKind.RECEIPT, postings(EntryKind.RECEIPT, [amount]), step, day=voucher.day, **shared)  # type: ignore[arg-type]
    lock_ledger(session)
    _refuse_impossible(session, voucher, project, step)
    if voucher.kind == VoucherKind.RECOVERY:
        return _recover(session, voucher, amount, step)
    entry = session.get_one(LedgerEntry, voucher.entry_id)
    lines = reversed_lines(Posting(row.account, row.source, row.year, row.fen, row.project_id) for row in entry.lines)
    undone = post(session, EntryKind.REVERSAL, lines, step, reverses_id=entry.id, **shared)  # type: ignore[arg-type]
    _refuse_unplanned(session, lines)
    return undone


def _recover(session: Session, voucher: Voucher, amount: Amount, step: Step) -> LedgerEntry:
    lines = postings(EntryKind.RECOVERY, [amount], voucher.project_id)
    key = f"voucher:{voucher.id}"
    entry = post(
        session, EntryKind.RECOVERY, lines, step,
        key=key, day=voucher.day, why=voucher.reference, noun=NOUN, noun_id=voucher.id, made_by=voucher.proposed_by,
    )  # fmt: skip
    reclaim = session.get_one(Reclaim, voucher.reclaim_id)
    reclaim.recovered_fen += amount.fen
    session.flush()
    if reclaim.outstanding_fen == 0:
        move(session, reclaim, reclaims.TABLE, "recover", step, subject=Coming(reclaim.outstanding_fen))
    project = session.get_one(Project, voucher.project_id)
    if project.state == ProjectState.PASSED:
        # All came back: it may be closed now.
        settle(session, project, step)
    return entry


def _refuse_unplanned(session: Session, lines: tuple[Posting, ...]) -> None:
    """A commitment is not undone under a plan that has been issued on it."""
    for line in lines:
        if line.project_id is None or line.fen > 0:
            continue
        held = sum(
            balance_of(session, account, line.source, line.year, line.project_id)
            for account in (LedgerAccount.COMMITTED, LedgerAccount.PAID)
        )
        planned = planned_fen(session, line.project_id, line.source, line.year)
        if planned > held:
            values = {"planned": exact_text(planned)}
            raise RefusedError(
                Refused("planned_already", _("资金计划已经列了 {planned} 万元，不能冲销。要减少，请退回没有拨付的部分。"), values)
            )
