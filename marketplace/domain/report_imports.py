"""A report that is read to propose a problem list (报告导入): what was found waits for a person; nothing of it counts before."""

from __future__ import annotations

from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _


class ReportImportState(StrEnum):
    READING = "reading"
    READY = "ready"
    FAILED = "failed"
    SAVED = "saved"
    DROPPED = "dropped"


_WRITERS = (Role.CENTRE, Role.ADMIN, Role.ENTERPRISE)

TABLE: Table = (
    Transition((ReportImportState.READING,), "find", ReportImportState.READY, _WRITERS, "读完"),
    Transition((ReportImportState.READING,), "fail", ReportImportState.FAILED, _WRITERS, "没有读到问题"),
    Transition((ReportImportState.READY,), "save", ReportImportState.SAVED, _WRITERS, "存入问题清单"),
    Transition(
        (ReportImportState.READING, ReportImportState.READY, ReportImportState.FAILED),
        "drop",
        ReportImportState.DROPPED,
        _WRITERS,
        "不导入",
    ),
)
# Why a report gave nothing → what the person is told.
FAULTS = {
    "no_text": _("这个文件里没有可以读取的文字，可能是扫描件或图片。请先做文字识别（OCR），或把文字粘贴进来。"),
    "broken": _("文件打不开，可能已损坏或加了密码。请重新导出一份，或把文字粘贴进来。"),
    "slow": _("文件太复杂，在规定时间内没有读完。请拆成几份，或只粘贴写问题的那几页。"),
    "no_problem": _("没有在报告里找到问题。请确认里面写了现场的情况（哪里、什么现象、多大损失），或只粘贴问题那一段。"),
    "waiting_for_scan": _("文件还在等病毒扫描，扫描后再读。"),
}
LONGEST_PASTE = 20_000
MOST_LETTERS = 600_000
# Six fields each, and a form has at most 600.
MOST_PROPOSED = 90


def check_paste(text: str) -> Refused | None:
    if not any(letter.isalnum() for letter in text):
        return Refused("required", _("还没有内容。请粘贴报告文字，或选一个文件。"))
    if len(text) > LONGEST_PASTE:
        values = {"length": len(text), "most": LONGEST_PASTE}
        return Refused("too_long", _("粘贴的文字有 {length:,} 个字，最多 {most:,} 个。更长的报告请上传文件。"), values)
    return None
