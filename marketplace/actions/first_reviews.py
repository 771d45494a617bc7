"""The first review by the park or street: what was looked at, the opinion, and the step that follows, in one transaction."""

from __future__ import annotations

from marketplace.actions.history import record
from marketplace.actions.project_steps import Step, locked, move, must_be, tell_applicant
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Role
from marketplace.domain.first_reviews import CHECKS, EVENTS, FirstReviewDraft, Verdict, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import ProjectState
from marketplace.records.database import Database
from marketplace.records.project_plans import FirstReview

NOUN = "first_review"
_SAID = {
    Verdict.RECOMMEND: _("{number} {title} 初审通过，已推荐。"),
    Verdict.RETURN: _("{number} {title} 退回补正：{why}"),
    Verdict.REFUSE: _("{number} {title} 初审不予推荐：{why}"),
}


def review(database: Database, project_id: int, draft: FirstReviewDraft, step: Step) -> FirstReview:
    """The opinion is written and the project moves by it: recommended, sent back or refused."""
    for _field, refused in check(draft):
        raise RefusedError(refused)
    with database.writing() as session:
        project = locked(session, project_id, step)
        must_be(step.viewer, project, Role.AREA)
        if project.state != ProjectState.SUBMITTED:
            raise RefusedError(
                Refused("wrong_state", _("现在的状态（{state}）不能这样办理。"), {"state": project.state, "event": "review"})
            )
        verdict, text = Verdict(draft.verdict), draft.text.strip()
        checks = [{"key": key, "passed": bool(draft.passed.get(key)), "note": draft.notes.get(key, "").strip()} for key in CHECKS]
        row = FirstReview(project_id=project.id, verdict=verdict, checks=checks, text=text, account_id=step.viewer.account_id, at=step.at)
        session.add(row)
        session.flush()
        after = {"project": project.number, "verdict": verdict, "checks": checks, "text": text}
        record(session, actor=actor_of(step.viewer), verb="write", noun=NOUN, noun_id=row.id, before=None, after=after, at=step.at)
        move(session, project, EVENTS[verdict], step, text)
        project.reason = "" if verdict is Verdict.RECOMMEND else text
        tell_applicant(session, project, _SAID[verdict], step.at, why=text)
        session.flush()
        return row
