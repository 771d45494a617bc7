"""Blank papers of a kit for roll-out, as workbooks: whoever does the same elsewhere fills them in. Chinese only, like every letter."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from marketplace.domain.questionnaires import Question, Questionnaire
from marketplace.sheets.columns import Words
from marketplace.sheets.lists_out import Cell
from marketplace.sheets.showcase_kit import kit_workbook
from marketplace.sheets.template import write_template

# Lines to write on where nothing is given.
_EMPTY = 12
Effect = tuple[str, str, float, float]


def baseline_form(effects: Sequence[Effect]) -> bytes:
    """指标基线测量表: the showcase's own indicators first, as (name, unit, before, after), to be measured the same way twice."""
    heads = [
        ("指标", 24), ("单位", 12), ("案例改造前", 12), ("案例改造后", 12), ("计算口径", 30), ("数据从哪里取", 24), ("开工前测量日期", 16),
        ("开工前数值", 14), ("目标值", 14), ("验收测量日期", 16), ("验收数值", 14), ("测量人", 14),
    ]  # fmt: skip
    rows: list[Sequence[Cell]] = [(*one, *[""] * 8) for one in effects]
    notes = (
        "开工前至少连续测一个月；停产、换产的日子写在备注里。",
        "验收时用同一口径、同一数据来源再测一次，时长不短于开工前。",
        "口径中途改变的，两次数据都按新口径重算，并写明原因。",
    )
    return kit_workbook([("基线测量表", heads, [*rows, *_blank(12)]), _notes(notes)])


def milestones_form() -> bytes:
    """里程碑和验收条件表: what every such project goes through, with its condition and proof; days and money are for the parties."""
    heads = [
        ("里程碑", 22),
        ("完成的条件", 44),
        ("要交的佐证", 34),
        ("计划日期", 14),
        ("实际日期", 14),
        ("付款比例（%）", 14),
        ("责任人", 14),
    ]
    given = (
        ("合同签订", "范围、指标、验收办法写进合同", "合同扫描件"),
        ("方案评审", "点位、接口、停机安排经车间确认", "评审纪要、施工图"),
        ("设备到货", "型号、数量与清单一致", "到货单、照片"),
        ("安装调试", "单机试车通过，联锁和报警试过", "调试记录"),
        ("数据接入", "关键数据连续七天不中断", "数据完整率截图"),
        ("试运行", "连续运行一个月，问题逐条关闭", "运行记录、问题清单"),
        ("指标测量", "按基线测量表复测，达到目标值", "测量表、原始数据"),
        ("验收", "双方签字，遗留问题写明期限", "验收报告"),
    )
    return kit_workbook([("里程碑和验收条件", heads, [*((*row, "", None, "", "") for row in given), *_blank(7)])])


def handover_form() -> bytes:
    """培训和移交清单: what must be there on the day the provider leaves."""
    heads = [("类别", 16), ("事项", 44), ("合格的标准", 40), ("是否完成", 12), ("日期", 14), ("移交人", 14), ("接收人", 14)]
    given = (
        ("培训", "操作工培训", "每班至少两人能独立操作，考核有记录"),
        ("培训", "维护人员培训", "能查报警、换易损件、做备份和恢复"),
        ("资料", "竣工图、点位表、接口说明", "与现场一致，电子版和纸质各一份"),
        ("资料", "操作规程和应急预案", "已纳入本企业的制度"),
        ("软件", "账号、密码、授权和源文件", "由本企业保管，服务商的账号已停用"),
        ("软件", "数据备份和恢复", "当场恢复一次成功"),
        ("备件", "易损件清单和供货期", "首批备件已入库"),
        ("服务", "质保期、响应时间、联系人", "写进合同附件"),
    )
    return kit_workbook([("培训和移交清单", heads, [*((*row, "", "", "", "") for row in given), *_blank(7)])])


def questionnaire_form(questionnaire: Questionnaire, sector: str) -> bytes:
    """诊断问卷 on paper: the questions of this sector, with what may be answered, to be filled in before and after."""
    heads = [("部分", 20), ("问题", 60), ("可以怎样答", 60), ("改造前", 20), ("改造后", 20)]
    rows: list[Sequence[Cell]] = [
        (section.name, question.name, _answers(question), "", "")
        for section in questionnaire.sections_for(sector)
        for question in questionnaire.of(section.key)
    ]
    return kit_workbook([("诊断问卷", heads, rows), _notes((f"来源：{questionnaire.source}",))])


def _answers(question: Question) -> str:
    if question.options:
        return "；".join(one.name for one in question.options)
    if question.levels:
        return "；".join(f"{place}. {text}" for place, text in enumerate(question.levels, 1))
    return "；".join(part for part in (f"填数字，{question.unit}" if question.unit else "", question.note) if part)


def problems_form(words: Words) -> bytes:
    """问题清单: the sheet that the platform imports, so that what is filled in elsewhere can be handed in here."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problems.xlsx"
        write_template("problems", path, words)
        return path.read_bytes()


def _blank(columns: int) -> Iterator[Sequence[Cell]]:
    return (("",) * columns for _line in range(_EMPTY))


def _notes(lines: Sequence[str]) -> tuple[str, list[tuple[str, int]], list[Sequence[Cell]]]:
    return "说明", [("说明", 90)], [(line,) for line in lines]
