"""The sheet of enterprises."""

from marketplace.sheets.columns import Column, Shape, Sheet

SHEET = Sheet(
    noun="enterprises",
    name="企业",
    aliases=("enterprise", "企业清单", "企业名单", "需求企业", "实施主体"),
    identity=("code",),
    about="一行一家企业，按统一社会信用代码识别。",
    columns=(
        Column(
            "code",
            "统一社会信用代码",
            Shape.CREDIT_CODE,
            aliases=("信用代码", "社会信用代码", "credit_code", "enterprise_code"),
            required=True,
            note="营业执照上的 18 位代码。请保持文本格式。",
            example="91990000MAMA5MNK03",
        ),
        Column(
            "name",
            "企业名称",
            Shape.LINE,
            aliases=("名称", "单位名称"),
            required=True,
            note="营业执照上的全称。",
            example="天津示例化工有限公司",
        ),
        Column(
            "sector",
            "行业",
            Shape.TERM,
            aliases=("所属行业", "行业大类"),
            kind="sector",
            required=True,
            note="从下拉列表选一个，或填国民经济行业代码。",
        ),
        Column(
            "gbt4754",
            "国民经济行业代码",
            Shape.LINE,
            aliases=("行业代码", "行业小类"),
            note="GB/T 4754，到四位，如 2651。",
            example="2651",
            code_in="sector",
        ),
        Column(
            "park",
            "园区或街镇",
            Shape.TERM,
            fills=("area",),
            aliases=("area", "园区", "街镇", "开发区", "所在园区"),
            kind="area",
            note="从下拉列表选一个。",
        ),
        Column(
            "revenue_wan",
            "营业收入（万元）",
            Shape.MONEY,
            fills=("revenue_fen",),
            aliases=("营收", "年营收", "年营业收入"),
            note="上一年，万元。",
            example="62800",
        ),
        Column("staff", "人数", Shape.COUNT, aliases=("员工人数", "职工人数", "从业人数"), note="在职人数。", example="268"),
        Column(
            "main_products", "主要产品", Shape.TEXT, aliases=("产品", "主营产品"), note="用顿号隔开。", example="环氧树脂、不饱和聚酯树脂"
        ),
        Column(
            "above_scale_years", "规上年份", Shape.YEARS, aliases=("规上",), note="哪些年是规上企业，如 2022、2023。", example="2022、2023"
        ),
        Column("chain_role", "链主/龙头", Shape.LINE, aliases=("链主", "龙头"), note="链主、龙头，或留空。"),
        Column("specialised", "专精特新", Shape.LINE, note="如 国家级专精特新小巨人。"),
        Column("chain_place", "产业链位置", Shape.LINE, aliases=("产业链环节",), note="如 合成树脂。", example="合成树脂"),
        Column(
            "officer",
            "诊断人员",
            Shape.LINE,
            fills=("officer_login",),
            aliases=("入企人员", "负责诊断"),
            note="能力中心负责入企诊断的人，填登录名。空着不改。",
        ),
        Column(
            "planned_on",
            "计划入企日期",
            Shape.DAY,
            aliases=("入企日期计划", "计划诊断日期"),
            note="写成 2026-12-08。填了即安排入企诊断；已安排还没入企的，改期。空着不改。",
        ),
    ),
)
