"""One-time links without log-in: what a link does is shown before it does it, and opening it changes nothing."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import introduction_links as actions
from marketplace.domain.introductions import Side
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.problems import redacted
from marketplace.guard import now, open_to_all
from marketplace.records.brokerings import find_brokering_problems, find_contract, find_implementation
from marketplace.site import current_site
from marketplace.web.brokerings import WORDS, confirm_draft, step_of
from marketplace.web.demands import places
from marketplace.web.introductions import typed_answer
from marketplace.web.refusals import form_page
from marketplace.web.terms import days

pages = Blueprint("answer_links", __name__)


@pages.get("/answers/<token>")
@open_to_all
def show(token: str) -> AnyResponse:
    """What the link would do."""
    return _page(token)


def _page(token: str, refused: Refused | None = None) -> Response:
    days()
    with current_site().database.reading() as session:
        link = actions.find_living_link(session, token, now())
        if link is None:
            answer = form_page("answers/dead.html", refused=actions.DEAD, secret=True)
            answer.status_code = 410
            return answer
        row = link.introduction
        enterprise = row.brokering.enterprise
        is_open = link.side == Side.ENTERPRISE or row.is_mutual
        problems = find_brokering_problems(session, row.brokering_id)
        texts = [one.text if is_open else redacted(one.text, enterprise.name, places(enterprise)) for one in problems]
        return form_page(
            "answers/page.html",
            refused=refused,
            secret=True,
            link=link,
            row=row,
            token=token,
            texts=texts,
            is_open=is_open,
            rules=current_site().pilot.brokering,
            contract=find_contract(session, row.brokering_id),
            done=find_implementation(session, row.brokering_id),
            typed=request.form if refused else {},
            **WORDS,
        )


@pages.post("/answers/<token>")
@open_to_all
def use(token: str) -> AnyResponse:
    """Take the link, once."""
    database, step = current_site().database, step_of()
    with database.reading() as session:
        link = actions.find_living_link(session, token, now())
        purpose = link.step if link is not None else ""
    try:
        if purpose == actions.CONFIRM:
            actions.confirm_by_link(database, token, confirm_draft(), step)
        else:
            actions.answer_by_link(database, token, typed_answer(), step)
    except RefusedError as error:
        return _page(token, None if error.refused.code == actions.DEAD.code else error.refused)
    return form_page("answers/done.html", secret=True, purpose=purpose)
