"""An evaluation on paper: a draft in Word while it is worked on, and the pack that is handed to the city: Word, figures and list of evidence."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, send_file
from sqlalchemy.orm import Session

from marketplace.attachments import SANDBOX
from marketplace.domain.lifecycle import _
from marketplace.files.names import harmless_name
from marketplace.guard import permission
from marketplace.letters.performance_report import name_of, value_text, wanted_text
from marketplace.performance_terms import letter_of, title_of, words_of
from marketplace.records.performance import PerformanceRound
from marketplace.sheets.lists_out import Cell, list_workbook
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.performance_shown import content_of, found_round, group_word

pages = Blueprint("performance_out", __name__)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FIGURES = (
    (_("指标类别"), 14), (_("指标"), 44), (_("权重"), 10), (_("目标"), 16), (_("完成"), 24), (_("完成（数）"), 16), (_("分子"), 14),
    (_("分母"), 14), (_("来源"), 10), (_("平台数"), 16), (_("数据截至"), 14), (_("得分"), 10), (_("原因和措施"), 60),
)  # fmt: skip
EVIDENCE = ((_("指标"), 44), (_("要求的佐证"), 50), (_("文件"), 44), (_("SHA-256 摘要"), 68))


@pages.get("/performance/<public_id>/report.docx")
@permission("read", "performance")
def draft(public_id: str) -> Response:
    """The report as it would be now; of what is issued, as it was."""
    with current_site().database.reading() as session:
        found = found_round(session, public_id)
        return _given(_word(session, found), DOCX, f"{_name(found)}.docx")


@pages.get("/performance/<public_id>/pack.zip")
@permission("read", "performance")
def pack(public_id: str) -> Response:
    """All that the city asks for, in one file."""
    with current_site().database.reading() as session:
        found = found_round(session, public_id)
        content, name = content_of(session, found), _name(found)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.docx", _word(session, found))
            archive.writestr(f"{say('指标值')}.xlsx", _sheet(say("指标值"), FIGURES, _figures(content)))
            archive.writestr(f"{say('佐证清单')}.xlsx", _sheet(say("佐证清单"), EVIDENCE, _evidence(content)))
        return _given(out.getvalue(), "application/zip", f"{name}.zip")


def _word(session: Session, found: PerformanceRound) -> bytes:
    from marketplace.letters.docx import written

    return written(letter_of(session, found, dict(content_of(session, found)), current_site().pilot))


def _name(found: PerformanceRound) -> str:
    return harmless_name(f"{title_of(found)}-{found.number}.zip", longest=120).removesuffix(".zip")


def _given(data: bytes, kind: str, name: str) -> Response:
    answer: Response = send_file(io.BytesIO(data), kind, as_attachment=True, download_name=name)
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _sheet(title: str, columns: tuple[tuple[str, int], ...], rows: Iterator[list[Cell]]) -> bytes:
    return list_workbook(title, [(say(word), width) for word, width in columns], rows, frozen=2)


def _figures(content: Mapping[str, Any]) -> Iterator[list[Cell]]:
    words = words_of(current_site().pilot)
    for line in content["lines"]:
        yield [
            group_word(line["group"]), name_of(line, words), line["weight"], wanted_text(line), value_text(line), line["value"], line["part"],
            line["whole"], say("手工填写") if line["by_hand"] else say("平台"), line["platform"], line["filled_on"], line["score"],
            line["explanation"],
        ]  # fmt: skip
    yield ["", say("合计"), 100, "", "", None, None, None, "", None, "", content["total"], ""]


def _evidence(content: Mapping[str, Any]) -> Iterator[list[Cell]]:
    words = words_of(current_site().pilot)
    for line in content["lines"]:
        files = line["files"] or [(say("平台记录") if not line["by_hand"] else say("没有文件"), "")]
        for name, sha256 in files:
            yield [name_of(line, words), line["evidence"], name, sha256]
