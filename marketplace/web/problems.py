"""What an enterprise does with one of its problems: agreeing that a provider is told whose it is."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from marketplace.actions import problems as actions
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.problems import Problem
from marketplace.records.providers import find_provider
from marketplace.site import current_site
from marketplace.web.language import say

pages = Blueprint("problems", __name__)


@pages.post("/problems/<public_id>/disclosures")
@permission("disclose", "demand")
def disclose(public_id: str) -> Response:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        problem = session.scalar(select(Problem).where(Problem.public_id == public_id))
        provider = find_provider(session, request.form.get("provider", ""))
        # A foreign problem and a missing one get the same answer.
        if problem is None or provider is None or problem.enterprise_id not in viewer.enterprise_ids:
            not_found()
        back = url_for("plans.show", public_id=problem.enterprise.public_id, _anchor=f"p{problem.id}")
        name, problem_id, provider_id = provider.name, problem.id, provider.id
    actions.disclose(site.database, problem_id, provider_id, viewer=viewer, at=now())
    flash(say("已同意：{name}现在能看到本企业的名称、园区和这条问题的预算。", name=name), "good")
    return redirect(back, 303)
