"""任务书: its page, the scans of both sides, and the public page on which anybody can check one by its code."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import agreements as actions
from marketplace.attachments import READERS, received
from marketplace.domain.access import Viewer
from marketplace.domain.agreements import SCANS, SIDES, normal_code
from marketplace.domain.lifecycle import Refused, _
from marketplace.guard import not_found, open_to_all, permission
from marketplace.records.agreements import Agreement, find_by_code
from marketplace.records.files import Attachment
from marketplace.records.project_wholes import reads_whole
from marketplace.records.projects import Project, readable_projects
from marketplace.site import current_site
from marketplace.web.agreements_shown import PAGE, agreement_page, opened
from marketplace.web.guides import step_of
from marketplace.web.language import say
from marketplace.web.project_panel_shown import acted

pages = Blueprint("agreements", __name__)


def _readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """The paper and its scans are for whoever reads the whole project, not for its suppliers."""
    project_id = select(Agreement.project_id).where(Agreement.id == file.noun_id).scalar_subquery()
    project = session.scalar(select(Project).where(Project.id == project_id, readable_projects(viewer)))
    return project is not None and reads_whole(session, viewer, project)


READERS[actions.NOUN] = _readable


@pages.get("/projects/<public_id>/agreement")
@permission("read", "project")
def of_project(public_id: str) -> AnyResponse:
    return agreement_page(public_id)


@pages.post("/projects/<public_id>/agreement/scans/<side>")
@permission("read", "project")
def add_scan(public_id: str, side: str) -> AnyResponse:
    """A sealed scan; whose it may be, the action asks."""
    if side not in SIDES:
        not_found()
    # Nobody's file is taken in before it is known that the page is open to this person.
    with current_site().database.reading() as session:
        opened(session, public_id)
    stored = received("file", allowed=SCANS)
    if stored is None:
        return agreement_page(public_id, Refused("no_file", _("请先选要上传的文件。")), "scan")
    if isinstance(stored, Refused):
        return agreement_page(public_id, stored, "scan")
    return acted(
        public_id,
        PAGE,
        say("扫描件已上传。"),
        lambda number: actions.add_scan(current_site().database, number, side, stored, step=step_of()),
        lambda ref, refused: agreement_page(ref, refused, "scan"),
    )


@pages.post("/projects/<public_id>/agreement/draw-up")
@permission("select", "project")
def draw_up(public_id: str) -> AnyResponse:
    """重新生成."""
    return acted(
        public_id,
        PAGE,
        say("已重新生成，文件正在排版。"),
        lambda number: actions.draw_up_again(current_site().database, number, step=step_of()),
        lambda ref, refused: agreement_page(ref, refused, "draw_up"),
    )


@pages.get("/agreements/check")
@open_to_all
def check() -> str:
    """By its code anybody sees whether a paper is genuine: number, project, who signs, amount, and whether a newer version holds."""
    typed = request.args.get("code", "")
    code = normal_code(typed[:64])
    with current_site().database.reading() as session:
        found = find_by_code(session, code) if code else None
        project = found.project if found is not None else None
        return render_template("agreements/check.html", found=found, project=project, typed=typed, asked=bool(typed.strip()))
