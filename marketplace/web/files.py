"""Giving files out, and what pages say beside them."""

from __future__ import annotations

from collections.abc import Collection

from flask import Blueprint, Response

from marketplace.attachments import given_out
from marketplace.domain.files import MEGABYTE
from marketplace.files.kinds import words
from marketplace.guard import open_to_all
from marketplace.records.files import Scan
from marketplace.site import current_site
from marketplace.web.language import say

pages = Blueprint("files", __name__)


@pages.get("/files/<public_id>")
@open_to_all
def download(public_id: str) -> Response:
    """The file, to be saved. What the viewer may not read is as absent as what does not exist."""
    return given_out(public_id)


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
