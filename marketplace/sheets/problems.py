"""The sheet of problems."""

from marketplace.sheets.columns import Column, Shape, Sheet

SHEET = Sheet(
    noun="problems",
    name="问题",
    aliases=("problem", "问题清单", "诊断问题", "诊断问题清单", "需求", "需求清单", "技术需求", "demands"),
    identity=("enterprise_code", "text"),
    about="一行一条问题。编号留空时，同一企业的同一句话视为同一条。",
    columns=(
        Column(
            "id",
            "编号",
            Shape.REFERENCE,
            fills=("source_ref",),
            aliases=("_id", "问题编号", "problem_id"),
            note="您自己的编号；再次导入时按它更新。可留空。",
            example="WT-001",
        ),
        Column(
            "enterprise_code",
            "企业信用代码",
            Shape.CREDIT_CODE,
            aliases=("统一社会信用代码", "信用代码", "企业统一社会信用代码"),
            required=True,
            note="哪家企业的问题；企业要已在库或在同一批文件里。",
            example="91990000MAMA5MNK03",
        ),
        Column("title", "标题", Shape.IGNORED, aliases=("问题名称", "需求名称", "需求标题"), in_template=False),
        Column(
            "text",
            "问题描述",
            Shape.TEXT,
            aliases=("问题", "描述", "内容", "需求描述", "难题"),
            required=True,
            led_by="title",
            note="现场的情况，写现象就可以。",
            example="交接班靠纸质本，超限参数第二天才发现。",
        ),
        Column("stage", "环节", Shape.TERM, kind="stage", note="从下拉列表选一个。"),
        Column("orientation", "转型方向", Shape.TERM, aliases=("方向",), kind="orientation", note="从下拉列表选一个。"),
        Column("priority", "优先级", Shape.TERM, kind="priority", note="高、中、低。"),
        Column("severity", "严重程度", Shape.LINE, note="16 字以内。"),
        Column("root_cause", "原因分析", Shape.TEXT, aliases=("原因",), note="诊断认为的原因。"),
        Column("effect_if_unsolved", "不解决的影响", Shape.TEXT, aliases=("影响",), note="放着不管会怎样。"),
        Column(
            "scenario_code",
            "场景编号",
            Shape.SCENARIOS,
            fills=("scenario_code",),
            aliases=("场景", "对应场景"),
            note="典型场景的编号，如 CH-07。",
            example="CH-07",
        ),
        Column(
            "budget_wan",
            "预算（万元）",
            Shape.MONEY_RANGE,
            fills=("budget_low_fen", "budget_high_fen"),
            aliases=("预算区间", "budget", "投资预算"),
            note="区间如 80-260；不填为待问。",
            in_template=False,
        ),
        Column(
            "budget_low_wan",
            "预算下限（万元）",
            Shape.MONEY,
            fills=("budget_low_fen",),
            group="budget_wan",
            note="万元。两列都不填为待问。",
            example="20",
        ),
        Column(
            "budget_high_wan", "预算上限（万元）", Shape.MONEY, fills=("budget_high_fen",), group="budget_wan", note="万元。", example="60"
        ),
    ),
)
