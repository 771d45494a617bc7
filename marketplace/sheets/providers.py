"""The sheet of providers."""

from marketplace.sheets.columns import Column, Shape, Sheet

SHEET = Sheet(
    noun="providers",
    name="服务商",
    aliases=("provider", "专业化服务商", "服务商清单", "服务商名单", "资源池"),
    identity=("code",),
    about="一行一家服务商，按统一社会信用代码识别。",
    columns=(
        Column(
            "code",
            "统一社会信用代码",
            Shape.CREDIT_CODE,
            aliases=("信用代码", "社会信用代码", "credit_code", "provider_code"),
            required=True,
            note="营业执照上的 18 位代码。请保持文本格式。",
            example="91990000MAMA5MNK03",
        ),
        Column(
            "name",
            "服务商名称",
            Shape.LINE,
            aliases=("名称", "单位名称", "机构名称", "企业名称"),
            required=True,
            note="营业执照上的全称。",
            example="天津示例软件有限公司",
        ),
        Column("kind", "服务商类型", Shape.TERM, aliases=("类型", "主体类型"), kind="provider_kind", note="从下拉列表选一类。"),
        Column("region", "注册地", Shape.LINE, aliases=("所在地",), note="省市区，如 天津市滨海新区。", example="天津市滨海新区"),
        Column("founded", "成立年份", Shape.YEAR, aliases=("成立时间",), note="四位年份。", example="2011"),
        Column("staff", "人数", Shape.COUNT, aliases=("员工人数", "职工人数", "人员规模"), note="在职人数。", example="138"),
        Column(
            "local_office",
            "本地场地或团队",
            Shape.FLAG,
            aliases=("本地场地", "本地团队", "是否有本地场地"),
            note="在本地有没有固定团队或办公场地：是 或 否。",
            example="是",
        ),
        Column(
            "local_service_commitment",
            "本地化服务承诺",
            Shape.FLAG,
            fills=("local_commitment",),
            aliases=("local_commitment", "是否承诺本地化服务"),
            note="是否签署《本地化服务承诺》：是 或 否。与上一列都为否的不能被推荐。",
            example="否",
        ),
        Column("sectors", "服务行业", Shape.TERMS, aliases=("行业",), kind="sector", note="可填多个，用顿号隔开。"),
        Column(
            "declined_sectors",
            "不承接行业",
            Shape.TERMS,
            kind="sector",
            note="明确不接的行业；这些行业的问题不会推荐给它。",
        ),
        Column(
            "qualifications",
            "资质",
            Shape.WORDS,
            aliases=("资质证书", "资质荣誉"),
            note="可填多个，用顿号隔开。",
            example="高新技术企业、CMMI 3级",
        ),
        Column(
            "financials",
            "近两年财务",
            Shape.FINANCIALS,
            aliases=("财务", "财务情况"),
            note="每年一段，用分号隔开：2023 营收8620 利润764 负债率38%。金额单位万元。",
            example="2023 营收8620 利润764 负债率38%；2022 营收7910 利润655 负债率41%",
        ),
        Column(
            "experts",
            "专家",
            Shape.EXPERTS,
            note="每位一段，用分号隔开：头衔，从业年限，专长。不要写姓名。",
            example="首席实施顾问，18年，化工装置制造执行；产品总监，12年，电子批记录",
        ),
        Column(
            "summary", "简介", Shape.TEXT, aliases=("单位简介", "公司简介"), note="团队、专长、服务方式。", example="做化工制造执行的团队。"
        ),
    ),
)
