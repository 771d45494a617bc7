"""Reclaims: paid money that is to come back. Ordered by a second person, it is posted; each part that comes is a voucher of its own."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from marketplace.actions.funds import lock_ledger, post
from marketplace.actions.funds_steps import ask, move, must_act, must_say_why, refuse_first
from marketplace.actions.history import record
from marketplace.actions.numbers import next_number
from marketplace.actions.project_steps import Step, locked, tell_applicant
from marketplace.actions.roles import actor_of
from marketplace.domain.funds import Amount, EntryKind, LedgerAccount, postings
from marketplace.domain.lifecycle import _
from marketplace.domain.money import exact_text
from marketplace.domain.reclaims import TABLE, Coming, ReclaimDraft, check
from marketplace.records.database import Database
from marketplace.records.funds import balance_of
from marketplace.records.payments import Reclaim

NOUN, SERIES = "reclaim", "ZH"


def propose_reclaim(database: Database, project_id: int, source: str, year: int, draft: ReclaimDraft, step: Step) -> Reclaim:
    account = must_act(step.viewer, "budget")
    with database.writing() as session:
        project = locked(session, project_id, replace(step, seen=None))
        lock_ledger(session)
        paid = balance_of(session, LedgerAccount.PAID, source, year, project.id)
        refuse_first(check(draft, paid_fen=paid, today=step.today))
        assert draft.fen is not None
        assert draft.due is not None
        reclaim = Reclaim(
            number=next_number(session, SERIES, step.today.year), project_id=project.id, source=source, year=year, fen=draft.fen
        )
        reclaim.due, reclaim.why, reclaim.proposed_by, reclaim.proposed_at = draft.due, draft.why.strip(), account, step.at
        session.add(reclaim)
        session.flush()
        after = {"number": reclaim.number, "source": source, "year": year, "fen": draft.fen, "due": draft.due.isoformat()}
        record(
            session,
            actor=actor_of(step.viewer),
            verb="propose",
            noun=NOUN,
            noun_id=reclaim.id,
            before=None,
            after=after,
            why=reclaim.why,
            at=step.at,
        )
        amount = exact_text(reclaim.fen)
        ask(
            session,
            reclaim,
            _("{number} 追回 {amount} 万元待复核：{project}"),
            step,
            number=reclaim.number,
            amount=amount,
            project=project.number,
        )
        return reclaim


def answer_reclaim(database: Database, reclaim_id: int, event: str, step: Step, *, why: str = "") -> Reclaim:
    """Order it (then the money is to be recovered), reject it, take it back."""
    account = must_act(step.viewer, "budget")
    must_say_why(event, why)
    with database.writing() as session:
        project_id = session.scalar(select(Reclaim.project_id).where(Reclaim.id == reclaim_id))
        assert project_id is not None
        project = locked(session, project_id, replace(step, seen=None))
        reclaim = session.get_one(Reclaim, reclaim_id, with_for_update=True, populate_existing=True)
        if event == "recover":
            move(session, reclaim, TABLE, event, step, subject=Coming(reclaim.outstanding_fen))
            return reclaim
        reclaim.second_person, reclaim.second_at, reclaim.answer = account, step.at, why.strip()
        move(session, reclaim, TABLE, event, step, why=why.strip())
        if event == "order":
            lines = postings(EntryKind.RECLAIM, [Amount(reclaim.source, reclaim.year, reclaim.fen)], project.id)
            post(
                session, EntryKind.RECLAIM, lines, step,
                key=f"reclaim:{reclaim.id}", why=reclaim.why, noun=NOUN, noun_id=reclaim.id, made_by=reclaim.proposed_by,
            )  # fmt: skip
            message = _("{number} {title}：请在 {due} 前退回 {amount} 万元。")
            tell_applicant(session, project, message, step.at, due=reclaim.due.isoformat(), amount=exact_text(reclaim.fen))
        session.flush()
        return reclaim
