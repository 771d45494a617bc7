"""What an application asks, section by section, as data: the same rows make the form, the completeness and the checks.

Which documents belong to a section stands in the pilot file (application_rules.DocumentKind).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto

from marketplace.domain.lifecycle import _


class Kind(StrEnum):
    """What is typed into a field."""

    LINE = auto()
    TEXT = auto()
    COUNT = auto()
    MONEY = auto()  # 万元, read into fen
    HOURS = auto()
    YEAR = auto()
    DAY = auto()  # YYYY-MM-DD
    EMAIL = auto()
    PHONE = auto()
    FLAG = auto()
    CHOICE = auto()
    TERM = auto()  # one word of the pilot
    TERMS = auto()  # several words of the pilot


@dataclass(frozen=True)
class Field:
    """One question. `of`: the pilot's kind of word for TERM and TERMS; `when`: asked only where another field says so."""

    key: str
    label: str
    kind: Kind = Kind.LINE
    required: bool = True
    hint: str = ""
    of: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    when: tuple[str, str] | None = None
    may_be_negative: bool = False

    @property
    def most(self) -> int:
        """The longest answer."""
        return 2_000 if self.kind == Kind.TEXT else 200


@dataclass(frozen=True)
class Section:
    """Some single fields, and rows of others (cases, experts). `row`: what one row is called; `least`: the rule that says how many."""

    key: str
    title: str
    why: str
    fields: tuple[Field, ...] = ()
    row: str = ""
    row_fields: tuple[Field, ...] = ()
    least: str = ""

    def field(self, key: str) -> Field | None:
        return next((field for field in self.fields if field.key == key), None)


_ORGANISATION = Section(
    "organisation",
    _("单位信息"),
    _("申报主体应在境内注册、具有独立法人资格。联系人会收到退回意见和结果。"),
    (
        Field("kind", _("主体类型"), Kind.TERM, of="provider_kind"),
        Field("region", _("注册地"), hint=_("省、市、区，与营业执照一致")),
        Field("established", _("成立日期"), Kind.DAY),
        Field("staff", _("在职人数"), Kind.COUNT),
        Field("legal_person", _("法定代表人")),
        Field("contact", _("联系人")),
        Field("phone", _("联系电话"), Kind.PHONE),
        Field("email", _("电子邮箱"), Kind.EMAIL),
        Field("website", _("网址"), required=False),
        Field("summary", _("单位简介"), Kind.TEXT, hint=_("主营业务、技术团队、在三个试点行业做过什么")),
    ),
)
_LICENCE = Section(
    "licence",
    _("营业执照"),
    _("用来核对单位是否存续、经营范围是否包含所报服务。"),
    (
        Field("scope", _("经营范围"), Kind.TEXT, hint=_("照执照填写")),
        Field("capital", _("注册资本（万元）"), Kind.MONEY),
        Field("valid_from", _("营业期限自"), Kind.DAY),
        Field("valid_until", _("营业期限至"), Kind.DAY, required=False, hint=_("长期有效的不填")),
    ),
)
_FINANCE = Section(
    "finance",
    _("财务状况"),
    _("按方案要求提供近两年财务报表；成立不满两年的按实际情况提供并说明。"),
    (Field("explanation", _("说明"), Kind.TEXT, required=False, hint=_("报表不足两年、亏损或资产负债率较高时请说明")),),
    _("年度"),
    (
        Field("year", _("年份"), Kind.YEAR),
        Field("revenue", _("营业收入（万元）"), Kind.MONEY),
        Field("profit", _("净利润（万元）"), Kind.MONEY, hint=_("亏损填负数"), may_be_negative=True),
        Field("assets", _("资产总额（万元）"), Kind.MONEY),
        Field("debts", _("负债总额（万元）"), Kind.MONEY),
    ),
)
_QUALIFICATIONS = Section(
    "qualifications",
    _("资质、成果、获奖"),
    _("企业资质、科研成果、获奖证书。没有的可以不填，不影响提交。"),
    (),
    _("证书"),
    (
        Field(
            "kind",
            _("类别"),
            Kind.CHOICE,
            choices=(("qualification", _("企业资质")), ("result", _("科研成果")), ("award", _("获奖"))),
        ),
        Field("name", _("名称")),
        Field("issuer", _("发证单位"), required=False),
        Field("number", _("证书编号"), required=False),
        Field("issued", _("发证日期"), Kind.DAY, required=False),
        Field("valid_until", _("有效期至"), Kind.DAY, required=False, hint=_("长期有效的不填")),
    ),
)
_CASES = Section(
    "cases",
    _("实施案例"),
    _("做过的项目最能说明能力。日期、费用、过程、效果和证明材料缺一不可。"),
    (),
    _("案例"),
    (
        Field("title", _("案例名称"), hint=_("写清行业和做了什么，不写客户名称也可以")),
        Field("customer", _("客户"), required=False),
        Field("sector", _("行业"), Kind.TERM, of="sector"),
        Field("started", _("开始日期"), Kind.DAY),
        Field("finished", _("完成日期"), Kind.DAY),
        Field("cost", _("费用（万元）"), Kind.MONEY),
        Field("course", _("实施过程"), Kind.TEXT),
        Field("effect", _("效果"), Kind.TEXT, hint=_("实施前 → 实施后，至少一项有数字")),
    ),
    "least_cases",
)
_EXPERTS = Section(
    "experts",
    _("服务专家"),
    _("参与服务的专家。以后写方案时可以直接选用，不必重填。"),
    (),
    _("专家"),
    (
        Field("name", _("姓名")),
        Field("id_tail", _("证件号后四位"), hint=_("只用来区分同名的人")),
        Field("title", _("职称或职务")),
        Field("years", _("从业年数"), Kind.COUNT),
        Field("expertise", _("专长")),
        Field("cv", _("简历"), Kind.TEXT),
    ),
    "least_experts",
)
_LOCAL = Section(
    "local",
    _("本地服务"),
    _("在本地有团队或办公场地的填场地；没有的须签署《本地化服务承诺》。"),
    (
        Field(
            "mode",
            _("本地服务方式"),
            Kind.CHOICE,
            choices=(("office", _("在本地有团队或办公场地")), ("commitment", _("没有场地，签署《本地化服务承诺》")), ("none", _("都没有"))),
        ),
        Field("address", _("场地地址"), when=("mode", "office")),
        Field("local_staff", _("本地人数"), Kind.COUNT, when=("mode", "office")),
        Field("heads", _("承诺投入人数"), Kind.COUNT, when=("mode", "commitment")),
        Field("remote_hours", _("远程响应（小时）"), Kind.HOURS, when=("mode", "commitment")),
        Field("onsite_hours", _("到场响应（小时）"), Kind.HOURS, when=("mode", "commitment")),
        Field("stay", _("实施期间驻场"), Kind.FLAG, required=False, when=("mode", "commitment")),
        Field("named_contact", _("本地服务负责人和电话"), when=("mode", "commitment")),
    ),
)
_PRODUCTS = Section(
    "products",
    _("产品与服务"),
    _("能为哪些行业提供什么。入库后可以据此发布产品目录。"),
    (),
    _("产品或服务"),
    (
        Field("name", _("名称")),
        Field("form", _("形式"), Kind.TERM, of="form"),
        Field("sectors", _("适用行业"), Kind.TERMS, of="sector"),
        Field("description", _("解决什么问题、怎样解决"), Kind.TEXT),
    ),
    "least_products",
)
_OTHERS = Section(
    "others",
    _("申报书与其他"),
    _("盖章的申报书，以及其他需要说明的情况。"),
    (
        Field("promise", _("承诺所填内容和所交材料真实，虚假材料将被取消资格"), Kind.FLAG),
        Field("remarks", _("其他说明"), Kind.TEXT, required=False),
    ),
)

SECTIONS: tuple[Section, ...] = (
    _ORGANISATION,
    _LICENCE,
    _FINANCE,
    _QUALIFICATIONS,
    _CASES,
    _EXPERTS,
    _LOCAL,
    _PRODUCTS,
    _OTHERS,
)


def find_section(key: str) -> Section | None:
    return next((section for section in SECTIONS if section.key == key), None)


def section_of(key: str) -> Section:
    found = find_section(key)
    if found is None:
        raise KeyError(key)
    return found
