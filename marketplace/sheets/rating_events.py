"""The sheet of events of the rating: one row an event, the columns of its kind filled."""

from marketplace.domain.rating_events import ASPECTS, KINDS
from marketplace.sheets.columns import Column, Shape, Sheet

_SEVERITIES = (("clean", ("未发现问题", "没有问题")), ("minor", ("轻微", "轻")), ("general", ("一般",)), ("serious", ("严重", "重大")))
_RESULTS = (
    ("passed", ("通过", "合格")),
    ("rectified", ("整改后通过",)),
    ("failed", ("未通过", "不通过", "不合格")),
)
# The columns of payloads: whatever stands in them goes into the event's payload.
PAYLOAD = tuple(dict.fromkeys(field.key for kind in KINDS.values() for field in kind.fields))


def _payload(key: str, header: str, shape: Shape, note: str, **more: object) -> Column:
    return Column(key, header, shape, inside="payload", note=note, **more)  # type: ignore[arg-type]


SHEET = Sheet(
    noun="rating_events",
    name="评价事件",
    aliases=("rating_event", "评价事件表", "评价记录"),
    identity=("provider_code", "kind", "on", "project"),
    about="一行一件事：按期、验收、成效、企业评价、检查、答复、投诉、行为。只填该类别要用的列；编号留空时，同一服务商、类别、日期和项目视为同一件事。",
    columns=(
        Column(
            "id",
            "编号",
            Shape.REFERENCE,
            fills=("source_ref",),
            aliases=("_id", "事件编号"),
            note="您自己的编号，可留空。",
            example="PJ-001",
        ),
        Column(
            "provider_code",
            "服务商信用代码",
            Shape.CREDIT_CODE,
            aliases=("统一社会信用代码", "信用代码"),
            required=True,
            note="资源池里的服务商。",
            example="91990000MAMA5MNK03",
        ),
        Column(
            "kind",
            "事件类别",
            Shape.CHOICE,
            aliases=("类别",),
            required=True,
            answers=tuple((kind.value, (row.label,)) for kind, row in KINDS.items()),
            note="八类之一。",
        ),
        Column("on", "发生日期", Shape.DAY, aliases=("日期",), required=True, note="年月日，如 2026-05-08。", example="2026-05-08"),
        Column("project", "项目", Shape.LINE, aliases=("项目编号", "项目名称"), note="同一项目的各件事写得一样；答复、投诉、行为可不填。"),
        Column("solution_id", "方案编号", Shape.REFERENCE, aliases=("方案",), note="用的是哪个方案，可不填。"),
        _payload("on_time", "是否按期", Shape.FLAG, "项目按期：是 或 否。", aliases=("按期完成",)),
        _payload("days_late", "逾期工作日", Shape.COUNT, "项目按期：逾期几个工作日。"),
        _payload("result", "验收结果", Shape.CHOICE, "验收结果：通过、整改后通过 或 未通过。", answers=_RESULTS, aliases=("验收",)),
        _payload("score", "验收得分", Shape.NUMBER, "验收结果：0 到 100，可不填。", aliases=("得分",)),
        _payload("indicator", "指标", Shape.LINE, "实测成效：哪一项指标。"),
        _payload("unit", "单位", Shape.LINE, "实测成效：指标的单位。"),
        _payload("baseline", "改造前", Shape.NUMBER, "实测成效：改造前的值，空着按 0。"),
        _payload("target", "目标值", Shape.NUMBER, "实测成效：约定达到的值。"),
        _payload("measured", "实测值", Shape.NUMBER, "实测成效：实测的值。"),
        *(
            _payload(key, word, Shape.NUMBER, f"企业评价：{word}，1 到 5。")
            for key, word in zip((*ASPECTS, "overall"), ("质量", "进度", "服务", "态度", "总评"), strict=True)
        ),
        _payload(
            "severity", "严重程度", Shape.CHOICE, "检查、投诉、行为：未发现问题（只用于检查）、轻微、一般 或 严重。", answers=_SEVERITIES
        ),
        _payload("answered", "是否答复", Shape.FLAG, "答复咨询：是 或 否。"),
        _payload("days", "用了几个工作日", Shape.COUNT, "答复咨询：几个工作日后答复。"),
        _payload("remark", "说明", Shape.LINE, "发生了什么，会给服务商看。"),
    ),
)
