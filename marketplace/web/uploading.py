"""A file field of the request: taken in, checked and stored before the view goes on."""

from __future__ import annotations

from collections.abc import Collection

from flask import request

from marketplace.actions.history import record
from marketplace.actions.roles import actor_of
from marketplace.domain.files import MEGABYTE
from marketplace.domain.lifecycle import Refused
from marketplace.files.kinds import KINDS
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, now
from marketplace.site import current_site

ALLOWED = tuple(KINDS)


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
