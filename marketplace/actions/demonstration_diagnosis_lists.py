"""The three lists of the demonstration's diagnoses: what was found on site, by the same actions as on the pages. Fictitious, like the rest."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace.actions import investments, problem_lists, scenario_needs
from marketplace.domain.access import Viewer
from marketplace.domain.investments import InvestmentDraft
from marketplace.domain.problems import ProblemDraft
from marketplace.domain.scenario_needs import ScenarioNeedDraft
from marketplace.records.database import Database
from marketplace.records.scenarios import Scenario

_WAN = 1_000_000
# As people say them in a workshop.
_FIGURES = {
    "few": ("四", "五", "六", "七", "八"),
    "small": ("十二", "十五", "十八", "二十二", "二十五"),
    "big": ("九十", "一百二十", "一百四十", "一百八十", "两百二十"),
}


@dataclass(frozen=True)
class _Found:
    """One problem, the scenario that it belongs to and what mending it would cost, in 万元."""

    text: str
    stage: str
    orientation: str
    priority: str
    cause: str
    effect: str
    scenario: str
    levels: tuple[int, int]
    expected: str
    hardware: int
    software: int
    service: int


_FOUND: dict[str, tuple[_Found, ...]] = {
    "chem": (
        _Found(
            "中控室夜班每小时抄一遍表，{big}个点抄完要{small}分钟，抄错了要到第二天白班才知道；装置不能为改造停车。",
            "production", "intelligent", "high",
            "老仪表没有通信口，抄表数据没有进系统。", "每月有三四批要返工，一批少收约一万元。",
            "CHEM-01", (1, 3), "抄表由人工改为自动，返工由每月四批降到一批", 42, 28, 10,
        ),
        _Found(
            "循环水泵{few}台一起开，冬天夏天一个样，电费一年{big}万元；想知道能少开几台，又怕换热器结垢。",
            "energy", "green", "medium",
            "没有按热负荷调水量，水质和结垢没有在线数据。", "一年多花电费约五十万元。",
            "CHEM-10", (2, 3), "循环水单耗下降 15%", 35, 18, 6,
        ),
        _Found(
            "原料罐区{few}个罐靠人上罐顶看液位，每班{small}次；上个月装错一车，好在没进釜。防爆区里不能动火。",
            "safety", "safe", "high",
            "罐区没有液位和品种的联锁，鹤管不认车。", "装错一车要报废，还有安全风险。",
            "CHEM-12", (1, 3), "上罐作业由每天多次降到每周一次，装错为零", 55, 20, 14,
        ),
    ),
    "auto": (
        _Found(
            "涂胶靠人看，胶线断了要到淋雨试验才漏出来，返修一台要四个小时，去年返修{big}台；每班换型{few}次。",
            "quality", "intelligent", "high",
            "没有在线的胶线检测，换型后参数靠人调。", "返修工时一年约一千两百小时。",
            "AUTO-01", (1, 3), "淋雨返修由每月二十六台降到五台以内", 60, 25, 12,
        ),
        _Found(
            "线边物料靠对讲机叫，等料每班停线{few}次，每次{small}分钟；仓库到线边要绕过总装通道，只能在夜里动地面。",
            "warehousing", "intelligent", "medium",
            "叫料没有系统，库位和线边存量不同步。", "每月少产约六十台。",
            "AUTO-13", (1, 2), "等料停线由每班三次降到每周一次", 80, 30, 10,
        ),
    ),
    "elec": (
        _Found(
            "贴片后目检{few}个人两班倒，漏检的虚焊到客户那里才发现，去年赔了{big}万元；小批量多，每班换线{small}次。",
            "quality", "intelligent", "high",
            "检测程序按大批量编，换线来不及调。", "一年赔付约九十万元，老客户在减单。",
            "ELEC-05", (2, 4), "客户虚焊投诉由每月六起降到一起以内", 90, 40, 15,
        ),
        _Found(
            "物料过了有效期还在线上用，追一批货要翻三天的纸；仓库和产线两套账，月底差{big}项。",
            "warehousing", "intelligent", "medium",
            "条码只到箱，不到盘；两套系统不通。", "一次错料返工约四万元，去年七次。",
            "ELEC-02", (1, 3), "追溯由三天缩短到十分钟", 30, 35, 12,
        ),
    ),
}  # fmt: skip


def write_lists(
    database: Database, diagnosis_id: int, enterprise_id: int, sector: str, *, viewer: Viewer, at: datetime, most: int = 2
) -> None:
    """What was found on site for a sector: `most` lines, with figures of this enterprise's own."""
    with database.reading() as session:
        known = set(session.scalars(select(Scenario.code)))
    # The same words for the same enterprise, each time.
    chance = random.Random(enterprise_id)
    patterns = _FOUND.get(sector, ())
    for found in chance.sample(patterns, min(most, len(patterns))):
        figures = {name: chance.choice(words) for name, words in _FIGURES.items()}
        total = (found.hardware + found.software + found.service) * _WAN
        code = found.scenario if found.scenario in known else ""
        problem = ProblemDraft(
            text=found.text.format(**figures),
            stage=found.stage,
            orientation=found.orientation,
            priority=found.priority,
            severity=found.priority,
            root_cause=found.cause,
            effect_if_unsolved=found.effect,
            scenario_code=code,
            budget_low_fen=total * 8 // 10,
            budget_high_fen=total * 12 // 10,
        )
        problem_lists.add(database, problem, enterprise_id=enterprise_id, diagnosis_id=diagnosis_id, viewer=viewer, at=at)
        if not code:
            continue
        need = ScenarioNeedDraft(code, *found.levels, found.expected, found.priority)
        scenario_needs.add(database, diagnosis_id, need, viewer=viewer, at=at)
        amounts = (found.hardware * _WAN, found.software * _WAN, found.service * _WAN)
        line = InvestmentDraft(code, *amounts, at.year + 1, "自有资金", None, found.priority == "high", found.priority != "high")
        investments.add(database, diagnosis_id, line, viewer=viewer, at=at)
