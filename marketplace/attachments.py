"""Files in requests, for pages and API alike: taken in, checked and stored; given out to those who may read them, and noted."""

from __future__ import annotations

from collections.abc import Callable, Collection

from flask import Response, request, send_file
from sqlalchemy.orm import Session

from marketplace.actions.files import note_download
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Viewer, may
from marketplace.domain.files import MEGABYTE
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.kinds import INVOICES, KINDS
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found, now
from marketplace.records.files import Attachment, Scan, find_attachment
from marketplace.site import current_site

Reader = Callable[[Session, Viewer, Attachment], bool]
# What is handed out as a file runs nothing and is shown inside nothing.
SANDBOX = "sandbox; default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
# noun → who may read what is attached to a thing of this kind. Every area adds its own; the others follow the general rule.
READERS: dict[str, Reader] = {}
ALLOWED = tuple(ending for ending in KINDS if ending not in INVOICES)
_MAY_GO_OUT = frozenset({Scan.CLEAN, Scan.UNSCANNED})


def received(field: str, *, allowed: Collection[str] = ALLOWED) -> StoredBlob | Refused | None:
    """The stored file of a field, the sentence why it is not taken, or None where no file was chosen. `allowed`: endings."""
    file = request.files.get(field)
    if file is None or not file.filename:
        return None
    site = current_site()
    most = site.settings.max_upload_mb * MEGABYTE
    answer = site.files.receive(file.stream, file.filename, allowed=allowed, most_bytes=most)
    if isinstance(answer, Refused) and answer.code == "infected":
        # Who brings a virus, knowing or not, is for the record.
        with site.database.writing() as session:
            after = {"sha256": answer.values["sha256"]}
            record(
                session, actor=actor_of(current_viewer()), verb="quarantine", noun="file", noun_id=None, before=None, after=after, at=now()
            )
    return answer


def readable(session: Session, viewer: Viewer, attachment: Attachment) -> bool:
    """Whether this person may read this file."""
    own = READERS.get(attachment.noun)
    if own is not None:
        return own(session, viewer, attachment)
    if attachment.is_public:
        return True
    # The organisation that brought it, and staff who may read things of this kind.
    return attachment.organisation_id in viewer.organisation_ids or (viewer.is_staff and may(viewer, "read", attachment.noun))


def given_out(public_id: str) -> Response:
    """The file, to be saved. What the viewer may not read is as absent as what does not exist."""
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        found = find_attachment(session, public_id)
        if found is None or not readable(session, viewer, found):
            not_found()
        number, sha256, filename, is_public = found.id, found.sha256, found.filename, found.is_public
        kind, scan = found.blob.kind, found.blob.scan
    if not may_go_out(scan):
        raise RefusedError(_refused(scan))
    if not is_public:
        with site.database.writing() as session:
            note_download(session, number, viewer=viewer, address=request.remote_addr or "", at=now())
    answer = send_file(site.files.path(sha256), kind, as_attachment=True, download_name=filename, etag=sha256, max_age=0)
    # A file of others' words is saved, never shown, and may do nothing if it is shown all the same.
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "private, no-cache" if is_public else "no-store"
    return answer


def may_go_out(scan: Scan) -> bool:
    return scan in _MAY_GO_OUT


def _refused(scan: Scan) -> Refused:
    if scan is Scan.PENDING:
        return Refused("scan_pending", _("这个文件还在等病毒扫描，暂时不能下载。请过几分钟再试。"))
    return Refused("infected", _("病毒扫描发现这个文件有问题，已隔离，不能下载。请上传的单位重新提供。"))
