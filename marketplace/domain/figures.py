"""What the pilot has done, in figures (工作成效, 试点工作方案 三（三）2): each one is defined here, once, as a pure function of facts.

A figure's docstring is its formula; `Figure.meaning` says the same to people. Money is in fen, a share lies between 0 and 1, a change is relative
to the baseline (0.2: a fifth more). Whatever has a day is counted up to `scope.day`; with `scope.since`, from that day on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from marketplace.domain import figure_formulas as formulas
from marketplace.domain.figure_facts import Facts, Scope, Value
from marketplace.domain.figure_formulas import Members, counted
from marketplace.domain.lifecycle import _

__all__ = ["FIGURES", "GROUP_WORDS", "Facts", "Figure", "Group", "Scope", "Unit", "Value"]


class Unit(StrEnum):
    """How a value is written."""

    ENTERPRISES = "enterprises"
    PROJECTS = "projects"
    PROVIDERS = "providers"
    TIMES = "times"
    NEEDS = "needs"
    CASES = "cases"
    FEN = "fen"
    SHARE = "share"
    RATIO = "ratio"
    DAYS = "days"
    CHANGE = "change"
    STARS = "stars"


class Group(StrEnum):
    """The parts of the page, in their order."""

    ENTERPRISES = "enterprises"
    INVESTMENT = "investment"
    PROJECTS = "projects"
    FUNDS = "funds"
    EFFECT = "effect"
    POOL = "pool"
    MATCHING = "matching"


GROUP_WORDS: Mapping[Group, str] = {
    Group.ENTERPRISES: _("企业"),
    Group.INVESTMENT: _("技改投资"),
    Group.PROJECTS: _("项目进展"),
    Group.FUNDS: _("专项资金"),
    Group.EFFECT: _("改造成效"),
    Group.POOL: _("服务商资源池"),
    Group.MATCHING: _("供需对接"),
}


@dataclass(frozen=True)
class Figure:
    """`members`: the things behind it, to look through; None for sums of money and of answers. `meaning`: the formula in words."""

    code: str
    group: Group
    unit: Unit
    name: str
    meaning: str
    compute: Callable[[Facts], Value]
    members: Members | None = None


_G, _U = Group, Unit


def _count(code: str, group: Group, unit: Unit, name: str, meaning: str, members: Members) -> Figure:
    return Figure(code, group, unit, name, meaning, counted(members), members)


_ALL: tuple[Figure, ...] = (
    _count(
        "enterprises_above_scale",
        _G.ENTERPRISES,
        _U.ENTERPRISES,
        _("规上企业"),
        _("当年规上名录里的试点行业企业；当年名录还没有的，用上一年的。"),
        formulas.above_scale,
    ),
    _count(
        "enterprises_diagnosed",
        _G.ENTERPRISES,
        _U.ENTERPRISES,
        _("已诊断企业"),
        _("出具过诊断报告的企业，按第一份报告的出具日期算。"),
        formulas.diagnosed,
    ),
    _count(
        "enterprises_started",
        _G.ENTERPRISES,
        _U.ENTERPRISES,
        _("已开工改造企业"),
        _("有项目或实施记录开工的企业，按第一次开工算，成员企业也算。"),
        formulas.started,
    ),
    _count(
        "enterprises_finished",
        _G.ENTERPRISES,
        _U.ENTERPRISES,
        _("完成改造企业"),
        _("有项目通过验收、或确认过实施完工的企业，按第一次算。"),
        formulas.finished,
    ),
    Figure(
        "diagnosed_share",
        _G.ENTERPRISES,
        _U.SHARE,
        _("规上企业诊断覆盖率"),
        _("已诊断的规上企业 ÷ 规上企业。"),
        formulas.share_of_above_scale(formulas.diagnosed),
    ),
    Figure(
        "finished_share",
        _G.ENTERPRISES,
        _U.SHARE,
        _("规上企业完成改造比例"),
        _("完成改造的规上企业 ÷ 规上企业。"),
        formulas.share_of_above_scale(formulas.finished),
    ),
    Figure(
        "investment_planned",
        _G.INVESTMENT,
        _U.FEN,
        _("支持项目总投资"),
        _("已认定或立项的项目的总投资之和。"),
        formulas.planned_investment,
        formulas.supported_projects,
    ),
    Figure(
        "investment_actual", _G.INVESTMENT, _U.FEN, _("项目已完成投资"), _("各项目最近一期月报的累计支出之和。"), formulas.actual_investment
    ),
    Figure(
        "investment_reported",
        _G.INVESTMENT,
        _U.FEN,
        _("统计口径技改投资"),
        _("统计部门按月提供的技改投资之和，用表格录入。"),
        formulas.reported_investment,
    ),
    _count("projects_submitted", _G.PROJECTS, _U.PROJECTS, _("申报项目"), _("提交过申报的项目。"), formulas.submitted_projects),
    _count("projects_supported", _G.PROJECTS, _U.PROJECTS, _("支持项目"), _("公示后认定、或市级立项的项目。"), formulas.supported_projects),
    _count(
        "projects_running",
        _G.PROJECTS,
        _U.PROJECTS,
        _("在建项目"),
        _("已开工，还没有通过验收、也没有终止的项目。"),
        formulas.running_projects,
    ),
    _count("projects_accepted", _G.PROJECTS, _U.PROJECTS, _("验收通过项目"), _("审定通过验收的项目。"), formulas.accepted_projects),
    _count(
        "projects_troubled",
        _G.PROJECTS,
        _U.PROJECTS,
        _("出问题的项目"),
        _("健康状况为有问题的在建项目，每晚重算。"),
        formulas.troubled_projects,
    ),
    Figure(
        "on_time_share",
        _G.PROJECTS,
        _U.SHARE,
        _("按期验收率"),
        _("在计划完工日之前通过验收的项目 ÷ 验收通过的项目。"),
        formulas.on_time_share,
        formulas.accepted_projects,
    ),
    _count(
        "leader_projects",
        _G.PROJECTS,
        _U.PROJECTS,
        _("链主项目"),
        _("申报单位是链主、龙头企业，或牵头一条产业链的支持项目。"),
        formulas.leading_projects,
    ),
    _count("landmark_projects", _G.PROJECTS, _U.PROJECTS, _("标志性项目"), _("总投资超过 5 亿元的支持项目。"), formulas.landmark_projects),
    Figure(
        "funds_budget", _G.FUNDS, _U.FEN, _("资金预算"), _("各来源各年度已确认的预算之和，含追加和调减；不分行业和区域。"), formulas.budget
    ),
    Figure(
        "funds_committed",
        _G.FUNDS,
        _U.FEN,
        _("已安排资金"),
        _("为项目留出、没有退回的资金：已安排未拨付、已拨付、待追回、已收回之和。"),
        formulas.committed,
    ),
    Figure("funds_paid", _G.FUNDS, _U.FEN, _("已拨付资金"), _("拨付给项目的资金，不含待追回和已收回的。"), formulas.paid),
    Figure("paid_share", _G.FUNDS, _U.SHARE, _("拨付率"), _("已拨付 ÷ 已安排。"), formulas.paid_share),
    Figure(
        "local_to_central",
        _G.FUNDS,
        _U.RATIO,
        _("地方与中央资金之比"),
        _("地方资金预算 ÷ 已安排的中央资金，不低于 1:1。"),
        formulas.local_to_central,
    ),
    Figure("leverage", _G.FUNDS, _U.RATIO, _("资金带动比"), _("支持项目总投资 ÷ 已安排资金：一元资金带动几元投资。"), formulas.leverage),
    Figure(
        "effect_productivity",
        _G.EFFECT,
        _U.CHANGE,
        _("生产效率变化"),
        _("验收项目中效率类指标相对基线变化的中位数。"),
        formulas.change_of("productivity"),
    ),
    Figure(
        "effect_energy",
        _G.EFFECT,
        _U.CHANGE,
        _("能耗变化"),
        _("验收项目中能耗类指标相对基线变化的中位数，下降为好。"),
        formulas.change_of("energy"),
    ),
    Figure(
        "effect_defects",
        _G.EFFECT,
        _U.CHANGE,
        _("不良品率变化"),
        _("验收项目中不良和漏检类指标相对基线变化的中位数，下降为好。"),
        formulas.change_of("defects"),
    ),
    Figure(
        "effect_revenue",
        _G.EFFECT,
        _U.CHANGE,
        _("营业收入变化"),
        _("验收项目中营业收入类指标相对基线变化的中位数。"),
        formulas.change_of("revenue"),
    ),
    Figure(
        "satisfaction", _G.EFFECT, _U.STARS, _("企业满意度"), _("企业在验收和完工确认时打的分的平均，满分 5 分。"), formulas.satisfaction
    ),
    Figure("showcases", _G.EFFECT, _U.CASES, _("已发布标杆案例"), _("各方同意、审核后公开的标杆案例，撤下的不算。"), formulas.showcases),
    _count("providers_admitted", _G.POOL, _U.PROVIDERS, _("在库服务商"), _("已入库、还没有退出的服务商。"), formulas.pool),
    _count("providers_warned", _G.POOL, _U.PROVIDERS, _("警示过的服务商"), _("生效过警示的服务商，一家算一次。"), formulas.warned),
    _count(
        "providers_rectified", _G.POOL, _U.PROVIDERS, _("限期整改过的服务商"), _("被要求限期整改的服务商，一家算一次。"), formulas.rectified
    ),
    _count("providers_retired", _G.POOL, _U.PROVIDERS, _("退出的服务商"), _("被淘汰或主动退出的服务商。"), formulas.retired),
    Figure("matches_sent", _G.MATCHING, _U.TIMES, _("发出的对接"), _("发给双方的对接对象，一家企业和一家服务商算一次。"), formulas.sent),
    Figure("matches_accepted_share", _G.MATCHING, _U.SHARE, _("双方同意率"), _("双方都同意的对接 ÷ 发出的对接。"), formulas.accepted_share),
    Figure("matches_awarded", _G.MATCHING, _U.TIMES, _("选定的对接"), _("企业选定了服务商的对接。"), formulas.awarded),
    Figure(
        "response_days",
        _G.MATCHING,
        _U.DAYS,
        _("答复用时"),
        _("双方从被问到答复的工作日数的中位数，没有答复的不算。"),
        formulas.response_days,
    ),
    Figure(
        "served_share",
        _G.MATCHING,
        _U.SHARE,
        _("需求可解决比例"),
        _("至少有一家服务商匹配较强的未解决问题 ÷ 未解决问题，每晚重算。"),
        formulas.served_share,
    ),
)
FIGURES: Mapping[str, Figure] = {row.code: row for row in _ALL}
