"""The sheet of cases."""

from marketplace.sheets.columns import Column, Shape, Sheet

SHEET = Sheet(
    noun="cases",
    name="案例",
    aliases=("case", "实施案例", "案例清单", "业绩"),
    identity=("provider_code", "solution_id", "client_sector", "signed"),
    about="一行一个实施案例。编号留空时，同一服务商、方案、客户行业和签约月份视为同一个。",
    columns=(
        Column(
            "id",
            "编号",
            Shape.REFERENCE,
            fills=("source_ref",),
            aliases=("_id", "案例编号"),
            note="您自己的编号，可留空。",
            example="AL-001",
        ),
        Column(
            "provider_code",
            "服务商信用代码",
            Shape.CREDIT_CODE,
            aliases=("统一社会信用代码", "信用代码"),
            required=True,
            note="案例属于哪家服务商。",
            example="91990000MAMA5MNK03",
        ),
        Column("solution_id", "方案编号", Shape.REFERENCE, aliases=("方案",), note="用了哪个方案，可留空。", example="FA-001"),
        Column(
            "client_sector",
            "客户行业",
            Shape.TERM,
            aliases=("行业", "sector"),
            kind="sector",
            none_words=("其他", "其它", "other"),
            note="不在列表里的行业填 其他。",
        ),
        Column("signed", "签约", Shape.MONTH, aliases=("签约时间", "签约日期", "合同日期"), note="年月，如 2023-05。", example="2023-05"),
        Column("completed", "完成", Shape.MONTH, aliases=("完成时间", "完工日期", "验收日期"), note="年月。", example="2023-08"),
        Column(
            "cost_wan",
            "合同金额（万元）",
            Shape.MONEY,
            fills=("cost_fen",),
            aliases=("金额", "合同额", "费用"),
            note="万元。",
            example="62",
        ),
        Column(
            "process",
            "实施过程",
            Shape.TEXT,
            aliases=("过程",),
            note="怎么做的，遇到什么，怎样解决。",
            example="两个车间轮流试用后统一表单。",
        ),
        Column(
            "effects",
            "实施效果",
            Shape.EFFECTS,
            aliases=("效果", "成效"),
            note="每项一段，用分号隔开：指标 改造前→改造后 单位。",
            example="投料差错 9→1 起/年；一次合格率 94.2→97.6 %",
        ),
        Column("proofs", "证明材料", Shape.WORDS, aliases=("佐证", "证明"), note="材料名称，用顿号隔开。", example="合同、验收报告"),
    ),
)
