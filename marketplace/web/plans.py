"""一企一策: an enterprise's problem list, answered. The main page: a set of providers, then each problem with its reasons."""

from __future__ import annotations

from flask import Blueprint, render_template

from marketplace.domain.access import may_read_plan
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.enterprises import find_enterprise
from marketplace.site import current_site
from marketplace.web.plan_sheet import read_sheet

pages = Blueprint("plans", __name__)


@pages.get("/enterprises/<public_id>/plan")
@permission("read", "plan")
def show(public_id: str) -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        enterprise = find_enterprise(session, public_id)
        # A foreign list and a missing one get the same answer.
        if enterprise is None or not may_read_plan(viewer, enterprise.id):
            not_found()
        return render_template("plans/show.html", sheet=read_sheet(session, enterprise), enterprise=enterprise)
