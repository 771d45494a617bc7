"""Giving files out: to those who may read them, always to be saved, and every one that is not public noted."""

from __future__ import annotations

from collections.abc import Callable, Collection

from flask import Blueprint, Response, request, send_file
from sqlalchemy.orm import Session

from marketplace.actions.files import note_download
from marketplace.domain.access import Viewer, may
from marketplace.domain.files import MEGABYTE
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.kinds import words
from marketplace.guard import current_viewer, not_found, now, open_to_all
from marketplace.records.files import Attachment, Scan, find_attachment
from marketplace.site import current_site
from marketplace.web.language import say

pages = Blueprint("files", __name__)
Reader = Callable[[Session, Viewer, Attachment], bool]
# noun → who may read what is attached to a thing of this kind. Every area adds its own; the others follow the general rule.
READERS: dict[str, Reader] = {}
_MAY_GO_OUT = frozenset({Scan.CLEAN, Scan.UNSCANNED})


def readable(session: Session, viewer: Viewer, attachment: Attachment) -> bool:
    """Whether this person may read this file."""
    own = READERS.get(attachment.noun)
    if own is not None:
        return own(session, viewer, attachment)
    if attachment.is_public:
        return True
    # The organisation that brought it, and staff who may read things of this kind.
    return attachment.organisation_id in viewer.organisation_ids or (viewer.is_staff and may(viewer, "read", attachment.noun))


@pages.get("/files/<public_id>")
@open_to_all
def download(public_id: str) -> Response:
    """The file, to be saved. What the viewer may not read is as absent as what does not exist."""
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        found = find_attachment(session, public_id)
        if found is None or not readable(session, viewer, found):
            not_found()
        number, sha256, filename, is_public = found.id, found.sha256, found.filename, found.is_public
        kind, scan = found.blob.kind, found.blob.scan
    if scan not in _MAY_GO_OUT:
        raise RefusedError(_refused(scan))
    if not is_public:
        with site.database.writing() as session:
            note_download(session, number, viewer=viewer, address=request.remote_addr or "", at=now())
    answer = send_file(site.files.path(sha256), kind, as_attachment=True, download_name=filename, etag=sha256, max_age=0)
    # A file of others' words is saved, never shown, and may do nothing if it is shown all the same.
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer.headers["Cache-Control"] = "private, no-cache" if is_public else "no-store"
    return answer


def may_go_out(scan: Scan) -> bool:
    return scan in _MAY_GO_OUT


def scan_note(scan: Scan) -> str:
    """What a page says beside a file; nothing where the scanner found it clean."""
    notes = {Scan.UNSCANNED: say("未经病毒扫描"), Scan.PENDING: say("等病毒扫描，暂不能下载"), Scan.INFECTED: say("病毒扫描有问题，已隔离")}
    return notes.get(scan, "")


def size_text(size: int) -> str:
    """A size as people read it."""
    return f"{size / MEGABYTE:,.1f} MB" if size >= MEGABYTE else f"{max(1, round(size / 1024)):,} KB"


def upload_help(allowed: Collection[str]) -> str:
    """What a file field takes."""
    most = current_site().settings.max_upload_mb
    return say("{kinds}，不超过 {most} MB", kinds=words(allowed), most=most)


def _refused(scan: Scan) -> Refused:
    if scan is Scan.PENDING:
        return Refused("scan_pending", _("这个文件还在等病毒扫描，暂时不能下载。请过几分钟再试。"))
    return Refused("infected", _("病毒扫描发现这个文件有问题，已隔离，不能下载。请上传的单位重新提供。"))
