"""Payment orders: prepared, checked by another person, released by the finance bureau, paid or returned. A repeated press does nothing twice."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.funds import lock_ledger, post
from marketplace.actions.funds_steps import ask, move, must_act, must_say_why, refuse_first
from marketplace.actions.history import record
from marketplace.actions.numbers import next_number
from marketplace.actions.project_steps import Step, locked, settle, tell_applicant
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Role
from marketplace.domain.funding_plans import FundingPlanState
from marketplace.domain.funds import Amount, EntryKind, LedgerAccount, postings, reversed_lines
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import exact_text
from marketplace.domain.payments import TABLE, UNDER_WAY, PaymentPart, PaymentState, Receipt, check_receipt, rest_may_be_paid, within_part
from marketplace.domain.projects import ProjectState
from marketplace.domain.texts import check_text
from marketplace.records.database import Database
from marketplace.records.funding_plans import FundingLine
from marketplace.records.funds import balance_of, find_entry_by_key, total_of
from marketplace.records.payments import Payment, find_payment_by_key, find_payments_of_project, standing_fen, standing_of_sources
from marketplace.records.projects import Project

NOUN, SERIES = "payment", "BF"
_VERBS = {"check": "budget", "reject": "budget", "take_back": "budget"}


def prepare_payment(
    database: Database, line_id: int, part: PaymentPart, fen: int, payee: str, step: Step, *, key: str, note: str = ""
) -> Payment:
    """An order for a part of a line. `key`: of the form; the same order sent again is the same order."""
    account = must_act(step.viewer, "budget")
    refuse_first(check_text("payee", _("收款单位和账号"), payee, most=200, required=True))
    refuse_first(check_text("note", _("说明"), note, most=2000))
    with database.writing() as session:
        line = session.get_one(FundingLine, line_id)
        project = locked(session, line.project_id, replace(step, seen=None))
        if (found := find_payment_by_key(session, key)) is not None:
            return _same(found, line_id, part, fen)
        lock_ledger(session)
        _refuse_order(session, line, project, part, fen, step)
        payment = Payment(
            number=next_number(session, SERIES, step.today.year), key=key, line_id=line.id, project_id=project.id, part=part, fen=fen
        )
        payment.payee, payment.note, payment.proposed_by, payment.proposed_at = payee.strip(), note.strip(), account, step.at
        session.add(payment)
        session.flush()
        after = {"number": payment.number, "line": line.id, "part": str(part), "fen": fen}
        record(session, actor=actor_of(step.viewer), verb="prepare", noun=NOUN, noun_id=payment.id, before=None, after=after, at=step.at)
        _ask(session, payment, _("{number} 拨付 {amount} 万元待复核：{project}"), step)
        return payment


def _same(found: Payment, line_id: int, part: PaymentPart, fen: int) -> Payment:
    if (found.line_id, found.part, found.fen) != (line_id, part, fen):
        raise RefusedError(Refused("other_body", _("这张表已经用来办过另一笔拨付，请重新打开再填。")))
    return found


def _refuse_order(session: Session, line: FundingLine, project: Project, part: PaymentPart, fen: int, step: Step) -> None:
    planned = line.first_fen if part == PaymentPart.FIRST else line.rest_fen
    refused = within_part(fen, planned, standing_fen(session, line.id, part))
    if line.plan.state != FundingPlanState.ISSUED:
        refused = Refused("plan_not_issued", _("资金计划还没有下达。"))
    if project.state == ProjectState.TERMINATED:
        refused = Refused("project_terminated", _("项目已终止，不再拨付。"))
    if refused is None:
        ordered = sum(
            row.fen for row in find_payments_of_project(session, project.id)
            if row.state in UNDER_WAY and (row.line.source, row.line.year) == (line.source, line.year)
        )  # fmt: skip
        held = balance_of(session, LedgerAccount.COMMITTED, line.source, line.year, project.id) - ordered
        if fen > held:
            refused = Refused(
                "not_that_much", _("这里只有 {held} 万元，不够 {wanted} 万元。"), {"held": exact_text(held), "wanted": exact_text(fen)}
            )
    if refused is None and part == PaymentPart.REST:
        refused = _rest_refused(session, line, project, fen, step)
    if refused is not None:
        raise RefusedError(refused)


def _rest_refused(session: Session, line: FundingLine, project: Project, fen: int, step: Step, *, ordered_fen: int = 0) -> Refused | None:
    """`ordered_fen`: what is counted among the orders already and is this one."""
    keys = step.rules.fund.central_keys
    waits = step.rules.of(project.project_class).final_waits_for_central and line.source in keys
    going = total_of(session, (LedgerAccount.PAID, LedgerAccount.TO_RECOVER, LedgerAccount.RECOVERED), sources=keys)
    going += standing_of_sources(session, keys, UNDER_WAY) - ordered_fen
    received = total_of(session, (LedgerAccount.RECEIVED,), sources=keys)
    return rest_may_be_paid(project.state, waits_for_central=waits, received_fen=received, going_fen=going, fen=fen)


def move_payment(database: Database, payment_id: int, event: str, step: Step, *, receipt: Receipt | None = None, why: str = "") -> Payment:
    """Check, release, pay, bounce, reject, refuse, take back. The same step by the same person is answered as the first time."""
    account = must_act(step.viewer, _VERBS.get(event, "pay"))
    must_say_why(event, why)
    if event == "pay":
        refuse_first(check_receipt(receipt or Receipt(), today=step.today))
    with database.writing() as session:
        project_id = session.scalar(select(Payment.project_id).where(Payment.id == payment_id))
        assert project_id is not None
        project = locked(session, project_id, replace(step, seen=None))
        payment = session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)
        if _done_before(payment, event, account, receipt):
            return payment
        was_paid = payment.state == PaymentState.PAID
        if event in ("check", "reject", "take_back"):
            payment.second_person, payment.second_at = account, step.at
        elif event in ("release", "refuse"):
            payment.released_by, payment.released_at = account, step.at
        if event in ("reject", "refuse", "bounce", "take_back"):
            payment.reason = why.strip()
        move(session, payment, TABLE, event, step, why=why.strip())
        _then(session, payment, project, event, step, receipt, was_paid=was_paid)
        session.flush()
        return payment


def _done_before(payment: Payment, event: str, account: int, receipt: Receipt | None) -> bool:
    if event == "check":
        return payment.state == PaymentState.CHECKED and payment.second_person == account
    if event == "release":
        return payment.state == PaymentState.RELEASED and payment.released_by == account
    if event == "bounce":
        return payment.state == PaymentState.RETURNED
    if event != "pay" or payment.state != PaymentState.PAID or receipt is None:
        return False
    if (payment.paid_on, payment.reference) != (receipt.day, receipt.reference.strip()):
        values = {"reference": payment.reference, "day": payment.paid_on.isoformat() if payment.paid_on else ""}
        raise RefusedError(Refused("paid_already", _("这笔已登记到账：{day}，流水号 {reference}。"), values))
    return True


def _then(session: Session, payment: Payment, project: Project, event: str, step: Step, receipt: Receipt | None, *, was_paid: bool) -> None:
    """What a step brings with it: the ledger, whose turn it is, who is told."""
    if event == "check":
        _ask(session, payment, _("{number} 拨付 {amount} 万元待放款：{project}"), step, Role.FINANCE)
    elif event == "release":
        if payment.part == PaymentPart.REST:
            lock_ledger(session)
            if refused := _rest_refused(session, payment.line, project, payment.fen, step, ordered_fen=payment.fen):
                raise RefusedError(refused)
        _ask(session, payment, _("{number} 拨付 {amount} 万元待登记到账：{project}"), step, Role.FINANCE)
    elif event == "pay" and receipt is not None and receipt.day is not None:
        payment.paid_on, payment.reference = receipt.day, receipt.reference.strip()
        lines = postings(EntryKind.PAYMENT, [Amount(payment.line.source, payment.line.year, payment.fen)], project.id)
        post(
            session, EntryKind.PAYMENT, lines, step,
            key=f"payment:{payment.id}", day=receipt.day, why=payment.reference, noun=NOUN, noun_id=payment.id, made_by=payment.proposed_by,
        )  # fmt: skip
        message = _("{number} {title} 的资金 {amount} 万元已拨付，{day} 到账。")
        tell_applicant(session, project, message, step.at, amount=exact_text(payment.fen), day=receipt.day.isoformat())
        _whose_turn(session, project, step)
    elif event == "bounce" and was_paid:
        entry = find_entry_by_key(session, f"payment:{payment.id}")
        assert entry is not None
        lines = reversed_lines(postings(EntryKind.PAYMENT, [Amount(payment.line.source, payment.line.year, payment.fen)], project.id))
        post(
            session, EntryKind.REVERSAL, lines, step,
            key=f"payment:{payment.id}:returned", why=payment.reason, noun=NOUN, noun_id=payment.id, reverses_id=entry.id, made_by=payment.proposed_by,
        )  # fmt: skip
        _whose_turn(session, project, step)


def _whose_turn(session: Session, project: Project, step: Step) -> None:
    """Once all is paid it is the bureau's to close the project; what bounced is the finance bureau's to pay again."""
    if project.state == ProjectState.PASSED:
        settle(session, project, step)


def _ask(session: Session, payment: Payment, message: str, step: Step, *roles: Role) -> None:
    values = {"number": payment.number, "amount": exact_text(payment.fen), "project": payment.project.number}
    ask(session, payment, message, step, **({"roles": roles} if roles else {}), **values)  # type: ignore[arg-type]
