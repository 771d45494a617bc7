"""Workbooks to be saved: as an attachment that no browser opens in place, and that no cache keeps."""

from __future__ import annotations

import io

from flask import Response, send_file

from marketplace.attachments import SANDBOX

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook(data: bytes, name: str) -> Response:
    """`name` without the ending."""
    answer: Response = send_file(io.BytesIO(data), XLSX, as_attachment=True, download_name=f"{name}.xlsx")
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "no-store"
    return answer
