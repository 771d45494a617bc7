"""The sheet of scenarios."""

from marketplace.sheets.columns import Column, Shape, Sheet

SHEET = Sheet(
    noun="scenarios",
    name="场景",
    aliases=("scenario", "场景清单", "典型场景", "行业共性典型场景", "企业个性化场景"),
    identity=("code",),
    about="一行一个场景，按场景编号识别。",
    columns=(
        Column(
            "code",
            "场景编号",
            Shape.REFERENCE,
            aliases=("编号", "id", "_id"),
            required=True,
            note="如 CH-05，或您自己的编号。",
            example="CH-P99",
        ),
        Column("sector", "行业", Shape.TERM, aliases=("所属行业", "sectors"), kind="sector", required=True, note="从下拉列表选一个。"),
        Column(
            "name", "场景名称", Shape.LINE, aliases=("名称", "title", "标题"), required=True, note="200 字以内。", example="批次精细执行"
        ),
        Column(
            "description",
            "场景说明",
            Shape.TEXT,
            aliases=("说明", "描述", "text"),
            note="是什么样的场景。",
            example="配方、投料由工单驱动。",
        ),
        Column("stage", "环节", Shape.TERM, kind="stage", note="从下拉列表选一个。"),
        Column("orientations", "转型方向", Shape.TERMS, aliases=("方向", "orientation"), kind="orientation", note="可填多个，用顿号隔开。"),
        Column("typical_problems", "典型问题", Shape.LINES, note="可填多条，用分号隔开。", example="批记录靠手写；各釜收率不齐"),
        Column("typical_solutions", "典型方案", Shape.LINES, note="可填多条，用分号隔开。", example="电子批记录；称量防错"),
        Column(
            "kind", "类别", Shape.TERM, aliases=("场景类别",), kind="scenario_kind", note="不填时：有企业信用代码为个性化，否则为共性。"
        ),
        Column(
            "enterprise_code",
            "企业信用代码",
            Shape.CREDIT_CODE,
            aliases=("统一社会信用代码", "信用代码"),
            note="只有企业个性化场景填。",
        ),
        Column(
            "consented_on",
            "企业同意公开日期",
            Shape.DAY,
            aliases=("同意公开日期", "企业同意日期"),
            note="只有企业个性化场景填，写成 2026-06-30。空着的先存为草稿，企业同意后才能公开。",
        ),
        Column(
            "canonical",
            "对应典型场景",
            Shape.SCENARIOS,
            aliases=("典型场景编号",),
            note="场景目录里的编号，如 CH-04；可填多个。",
            example="CH-04",
        ),
    ),
)
