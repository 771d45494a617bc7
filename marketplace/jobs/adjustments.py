"""Dynamic adjustment at night: the rules look at every provider; and what its letters say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.adjustments import propose_by_rules
from marketplace.actions.jobs import enqueue_job
from marketplace.domain.appeals import AppealState
from marketplace.jobs.letters import SUBJECTS, Subject
from marketplace.jobs.progress import Progress
from marketplace.records.adjustments import Adjustment, Appeal
from marketplace.records.jobs import Job
from marketplace.site import Site


def ask_for_proposals(session: Session, day: date, at: datetime) -> None:
    """After the ratings, which it looks at."""
    enqueue_job(session, "adjustments", {"day": day.isoformat()}, at=at, key="adjustments")


def propose(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """What the rules find today, as cases that wait for the bureau."""
    day = date.fromisoformat(job.payload["day"])
    with progress.finishing() as session:
        propose_by_rules(session, site.pilot.adjustment, day, datetime.now(UTC))
    return None


def of_adjustment(session: Session, number: int) -> Subject:
    """The reasons of a decision are the case's and those of the deciders; a rectification that was judged says how."""
    case = session.get_one(Adjustment, number)
    values = {
        "organisation": case.provider.name,
        "thing": case.number,
        "reasons": list(dict.fromkeys(text for text in (case.reason, case.decision_reason) if text)),
        "reason": case.decision_reason,
        "judgement": case.judgement,
        "passed": "1" if case.state == "passed" else "",
        "failed": "1" if case.state == "failed" else "",
        "until": case.due.isoformat() if case.due else "",
        "reapply_from": case.reapply_from.isoformat() if case.reapply_from else "",
    }
    return Subject(case.provider.organisation_id, values)


def of_appeal(session: Session, number: int) -> Subject:
    appeal = session.get_one(Appeal, number)
    case = appeal.adjustment
    upheld = appeal.state == AppealState.UPHELD
    outcome = f"申诉成立，撤销 {case.number} 的决定。" if upheld else f"申诉不成立，维持 {case.number} 的决定。"
    values = {
        "organisation": case.provider.name,
        "thing": case.number,
        "decision": case.number,
        "outcome": outcome,
        "reason": appeal.reasons,
    }
    return Subject(case.provider.organisation_id, values)


SUBJECTS.update({"adjustment": of_adjustment, "appeal": of_appeal})
