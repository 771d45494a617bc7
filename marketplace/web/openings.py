"""A solution opened from a match: `?problem=…` on the link says of which problem, `&by=ask` on which page it stood, else on the plan.
Noted only for who may read that problem's plan."""

from __future__ import annotations

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.access import may_read_plan
from marketplace.guard import current_viewer
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from marketplace.shown import note_opened


def note_opening(session: Session, solution: Solution) -> None:
    """Nothing where the link names no problem, or one that this person may not read."""
    named = request.args.get("problem", "")[:36]
    if not named:
        return
    row = session.execute(select(Problem.id, Problem.enterprise_id).where(Problem.public_id == named)).first()
    if row is None or not may_read_plan(current_viewer(), row.enterprise_id):
        return
    # Where it stood, and by which ranker, says the row of its being shown.
    note_opened(row.id, solution.id, solution.provider_id, place="ask" if request.args.get("by") == "ask" else "plan")
