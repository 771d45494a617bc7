"""The sheet of past matches and how they ended."""

from marketplace.sheets.columns import Column, Shape, Sheet

SHEET = Sheet(
    noun="history",
    name="历史对接",
    aliases=("outcomes", "outcome", "历史结果", "历史对接结果", "对接结果", "对接记录"),
    identity=("problem_id", "solution_id", "proposed"),
    about="一行一次推荐和它的结果。编号留空时，同一问题、方案和推荐日期视为同一次。",
    columns=(
        Column(
            "id",
            "编号",
            Shape.REFERENCE,
            fills=("source_ref",),
            aliases=("_id", "对接编号"),
            note="您自己的编号，可留空。",
            example="DJ-001",
        ),
        Column("problem_id", "问题编号", Shape.REFERENCE, aliases=("问题",), required=True, note="问题清单里的编号。", example="WT-001"),
        Column("solution_id", "方案编号", Shape.REFERENCE, aliases=("方案",), required=True, note="方案表里的编号。", example="FA-001"),
        Column(
            "provider_code",
            "服务商信用代码",
            Shape.CREDIT_CODE,
            aliases=("统一社会信用代码", "信用代码"),
            note="不填时取方案的服务商。",
            example="91990000MAMA5MNK03",
        ),
        Column(
            "proposed",
            "推荐日期",
            Shape.DAY,
            aliases=("日期", "对接日期"),
            required=True,
            note="年月日，如 2024-12-03。",
            example="2024-12-03",
        ),
        Column(
            "decision",
            "企业答复",
            Shape.CHOICE,
            aliases=("答复", "结果"),
            required=True,
            answers=(
                ("accepted", ("接受", "已接受", "同意")),
                ("declined", ("谢绝", "已谢绝", "拒绝")),
                ("no_response", ("未答复", "没有答复", "无回应")),
            ),
            note="接受、谢绝 或 未答复。",
        ),
        Column("decline_reason", "谢绝理由", Shape.TEXT, aliases=("拒绝理由", "理由"), note="只有谢绝时填。"),
        Column("on_time", "按期完成", Shape.FLAG, aliases=("是否按期",), inside="project", note="是 或 否；没有完工则留空。", example="是"),
        Column(
            "acceptance",
            "验收结果",
            Shape.CHOICE,
            aliases=("验收",),
            inside="project",
            answers=(
                ("passed", ("通过", "合格")),
                ("rectified", ("整改后通过",)),
                ("failed", ("未通过", "不通过", "不合格")),
            ),
            note="没有完工则留空。",
        ),
        Column("score", "验收得分", Shape.NUMBER, aliases=("得分",), inside="project", note="0 到 100。", example="81"),
        Column("enterprise_rating", "企业评分", Shape.NUMBER, aliases=("评分", "满意度"), inside="project", note="1 到 5。", example="4"),
    ),
)
