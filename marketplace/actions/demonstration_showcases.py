"""Showcases in the demonstration set: of the projects that were accepted, three are public (of a point, a chain and an area), one waits for
the enterprise that everybody may log in as, to agree. Everything happens through the same actions as on the pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import showcases
from marketplace.actions.showcases import Step
from marketplace.actions.showcases_text import solutions_of, typed_of
from marketplace.domain.access import Viewer
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.domain.showcases import NOMINABLE, ShowcaseRules, Side
from marketplace.records.accounts import Account, Membership, find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.projects import Project
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase, find_showcase_consents

# Title of the project → what the centre made of the draft.
_STORIES: Mapping[str, Mapping[str, str]] = {
    "循环水自动加药": {
        "title": "三家工厂共用一套水质监测，循环水不再凭经验加药",
        "summary": "在线水质监测加自动加药和排污，一年没有再因结垢停过机。",
        "problem": "循环水加药靠化验员手感，早晚各测一次，夜里水质变了没有人知道。换热器一年结垢停两次，每次要停两天清洗，药剂却越用越多。",
        "approach": "先用一个月记下原来的加药量和停机次数，作为以后比较的底数。\n在三家工厂的循环水池各装一组电导、浊度和药剂浓度探头，数据汇到一处。\n"
        "控制器按浓度自动加药、按电导自动排污，超限时同时提醒班长和设备员。\n前两个月人工和自动并行，逐池核对后才切到自动。",
        "experience": "探头每两周要擦洗一次，写进点检表，不然数据会慢慢飘。\n三家共用一套监测，软件和运维的花费比各装一套少一半多。",
    },
    "排产和齐套管理": {
        "title": "插单不再打乱全线：计划、物料和设备接到一起排产",
        "summary": "排产由半天变成十分钟，准交率由八成多到九成半。",
        "problem": "计划员用表格排产，一插单就要全部重来；缺料要到上线时才发现，工人等料，设备空转。",
        "approach": "把订单、库存、工艺路线和设备状态接到同一张计划上，缺料的单子先标红，不上线。\n插单时系统给出两三种排法和各自影响的交期，由计划员选。\n"
        "先在一条线上用了六周，把工时定额改准以后再推到全厂。",
        "experience": "工时定额不准，排得再快也没有用，先花六周校准。\n计划员要有最后决定权，系统给建议不替人拍板。",
    },
    "机加产线数采": {
        "title": "老机床不换，先把运行数据采上来",
        "summary": "四十多台老机床加装采集，停机原因第一次说得清。",
        "problem": "机床新旧不一，协议五花八门，停机多久、为什么停全凭班长记忆，改进无从下手。",
        "approach": "能读协议的直接读，不能读的加电流互感器和三色灯采集盒，两天一条线，不停产安装。\n停机超过五分钟要在旁边的屏上选一个原因，每周按原因排序开会。",
        "experience": "原因不要超过十个，多了没有人选。\n先让班组看到好处，再谈考核。",
    },
    "涂装三号炉改造": {
        "title": "烘炉分区控温加余热回收，气耗降下来，边角不再欠烘",
        "summary": "烘炉按车身位置分区控温，排烟余热用来预热新风。",
        "problem": "一台烘炉一年天然气费两千多万，炉温上下差二十多度，车门边角欠烘，返工的车身占百分之三。",
        "approach": "先用炉温跟踪仪走了三十趟，找出温差最大的位置。\n把原来的四个温区分成九个，每区单独调节；排烟加换热器，预热新风。\n利用年度大修的九天安装，开炉后两周逐区整定。",
        "experience": "炉温曲线先测三十趟再改，比只看仪表准得多。\n余热回收要留检修门，半年清一次。",
    },
}
# Title of the project → a word of the solution that did it, "" where it was no single one, and the scenario that it answers.
_DONE_WITH = {
    "循环水自动加药": ("", "CHEM-04"), "排产和齐套管理": ("物料", "CHEM-14"), "机加产线数采": ("数据", "AUTO-08"), "涂装三号炉改造": ("能源", "AUTO-05"),
}  # fmt: skip
# Who waits for its own answer: the enterprise that everybody may log in as.
_WAITING = "机加产线数采"


@dataclass(frozen=True)
class _Stage:
    database: Database
    rules: ShowcaseRules
    at: datetime
    today: date
    people: Mapping[str, Viewer]

    def step(self, viewer: Viewer, ago: int) -> Step:
        return Step(viewer, self.at - timedelta(days=ago), self.today - timedelta(days=ago), self.rules)


def seed_showcases(database: Database, rules: ShowcaseRules, *, at: datetime, today: date) -> None:
    """Once only, and where there are accepted projects to speak of."""
    with database.reading() as session:
        if session.scalar(select(Showcase.id).limit(1)) is not None:
            return
        accounts = {login: found.id for login in ("centre", "manager", "bureau") if (found := find_account(session, login))}
        people = {login: viewer for login, number in accounts.items() if (viewer := find_viewer(session, number))}
        rows = session.scalars(select(Project).where(Project.state.in_(NOMINABLE), Project.title.in_(_STORIES)).order_by(Project.id)).all()
        projects = [(row.id, row.title) for row in rows if row.enterprise_id is not None]
    if len(people) < 3:
        return
    stage = _Stage(database, rules, at, today, people)
    for place, (project, title) in enumerate(projects):
        ago = 34 - 6 * place
        number = _written(stage, project, title, ago)
        showcases.ask(database, number, stage.step(people["centre"], ago - 1))
        if title == _WAITING:
            _agree(stage, number, ago - 3, only=Side.PROVIDER)
            continue
        _agree(stage, number, ago - 3)
        reviewer = people["bureau" if place % 2 else "manager"]
        showcases.move(database, number, "publish", stage.step(reviewer, ago - 5))


def _written(stage: _Stage, project: int, title: str, ago: int) -> int:
    """Nominated by the centre, and the draft put into plain words."""
    step = stage.step(stage.people["centre"], ago)
    number = showcases.nominate(stage.database, project, step).id
    with stage.database.reading() as session:
        draft = typed_of(session.get_one(Showcase, number))
        word, code = _DONE_WITH[title]
        solution = next((row for row in solutions_of(session, project) if word and word in row.title), None)
        codes = tuple(session.scalars(select(Scenario.code).where(Scenario.code == code, Scenario.state == ScenarioState.PUBLISHED)))
        texts: dict[str, Any] = {**_STORIES[title], "effect_note": ""}
        draft = replace(draft, **texts, scenario_codes=codes or _code(session, draft.sector))
        draft = replace(draft, solution_id=solution.id if solution else None)
    showcases.change(stage.database, number, draft, step)
    return number


def _code(session: Session, sector: str) -> tuple[str, ...]:
    query = select(Scenario.code).where(
        Scenario.sector == sector, Scenario.kind == ScenarioKind.TYPICAL, Scenario.state == ScenarioState.PUBLISHED
    )
    return tuple(session.scalars(query.order_by(Scenario.code).limit(1)))


def _agree(stage: _Stage, number: int, ago: int, *, only: Side | None = None) -> None:
    """The parties say yes; the enterprise lets its name be read by every second one, and the amount by another."""
    with stage.database.reading() as session:
        consents = [(row.organisation_id, row.side) for row in find_showcase_consents(session, number)]
        members = {unit: _member(session, unit) for unit, _side in consents}
    for unit, side in consents:
        if only is not None and side != only:
            continue
        viewer = members[unit]
        own = side == Side.ENTERPRISE
        showcases.answer(
            stage.database, number, unit, agrees=True, show_name=own and number % 2 == 1, show_cost=own and number % 2 == 0,
            step=stage.step(viewer or stage.people["centre"], ago), way="" if viewer else "盖章回函，原件存能力中心",
        )  # fmt: skip


def _member(session: Session, unit: int) -> Viewer | None:
    """Somebody who may hand in for this organisation."""
    query = select(Membership).join(Account).where(Membership.organisation_id == unit, Account.disabled.is_(False)).order_by(Membership.id)
    chosen = next((row for row in session.scalars(query) if "submit" in row.rights), None)
    return find_viewer(session, chosen.account_id) if chosen else None
