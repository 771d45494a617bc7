"""What is given out as open data: each set with its columns, read the way anybody without a log-in reads the pages, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import g, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from marketplace.domain.access import ANYONE
from marketplace.domain.events import PUBLIC as PUBLIC_EVENTS
from marketplace.domain.guides import PUBLIC as PUBLIC_GUIDES
from marketplace.domain.lifecycle import _
from marketplace.domain.money import exact_text
from marketplace.domain.policies import PUBLIC as PUBLIC_POLICIES
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.scenarios import ScenarioState
from marketplace.domain.showcases import ShowcaseState
from marketplace.records.events import Event
from marketplace.records.guides import Guide
from marketplace.records.policies import PolicyVersion
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase
from marketplace.records.solutions import Solution
from marketplace.scenario_texts import scenario_text
from marketplace.site import current_site
from marketplace.web.cards import published
from marketplace.web.centre import event_kind_word
from marketplace.web.language import say
from marketplace.web.outside import outside
from marketplace.web.showcases_shown import change_word, shown
from marketplace.web.wording import state as state_word
from marketplace.web.wording import term

Value = str | int | float | bool | list[Any] | None
Row = Mapping[str, Value]
AT_ONCE = 500
# Stands for a thing in the address of its kind.
PLACE = "a-thing"


@dataclass(frozen=True)
class DataSet:
    """`columns`: the key that JSON uses → the head that CSV uses, a source word. `query` finds the rows, `row` says each.
    `is_indexed`: every change of it asks the index for a new version."""

    key: str
    word: str
    columns: Mapping[str, str]
    query: Callable[[], Select[Any]]
    row: Callable[[Any], Row]
    is_indexed: bool = False

    def rows(self, session: Session) -> Iterator[Row]:
        """As they come; memory does not grow with them."""
        for one in session.scalars(self.query().execution_options(yield_per=AT_ONCE)):
            yield self.row(one)

    def count(self, session: Session) -> int:
        return session.scalar(select(func.count()).select_from(self.query().order_by(None).options().subquery())) or 0


def _address(endpoint: str, **values: str) -> str:
    """The address of a thing's page; how one of its kind looks is asked once a request."""
    ((name, ref),) = values.items()
    known: dict[str, str] = g.setdefault("open_data_addresses", {})
    if endpoint not in known:
        shape: dict[str, Any] = {name: PLACE}
        known[endpoint] = outside(url_for(endpoint, **shape))
    return known[endpoint].replace(PLACE, quote(ref))


def _word(kind: str, key: str) -> str:
    """A word of the pilot, looked up once a request: a large set says the same few words many thousand times."""
    known: dict[tuple[str, str], str] = g.setdefault("open_data_words", {})
    if (kind, key) not in known:
        known[kind, key] = term(kind, key)
    return known[kind, key]


def _words(kind: str, keys: Iterable[str]) -> list[Any]:
    return [_word(kind, key) for key in keys]


def _wan(fen: int | None) -> float | None:
    return None if fen is None else float(exact_text(fen).replace(",", ""))


def _solutions() -> Select[Any]:
    query = select(Solution).join(Solution.provider).options(contains_eager(Solution.provider))
    return query.where(*published()).order_by(Solution.id)


def _solution(one: Solution) -> Row:
    return {
        "id": one.public_id, "title": one.title, "provider": one.provider.name, "provider_id": one.provider.public_id,
        "form": _word("form", one.form), "sectors": _words("sector", one.sectors), "stages": _words("stage", one.stages),
        "orientations": _words("orientation", one.orientations), "levels": _words("level", one.levels), "scenarios": list(one.scenario_codes),
        "summary": one.summary, "solves": list(one.solves), "technologies": list(one.technologies), "price_low_wan": _wan(one.price_low_fen),
        "price_high_wan": _wan(one.price_high_fen), "weeks_low": one.weeks_low, "weeks_high": one.weeks_high,
        "address": _address("solutions.show", public_id=one.public_id),
    }  # fmt: skip


def _scenarios() -> Select[Any]:
    query = select(Scenario).where(Scenario.state == ScenarioState.PUBLISHED)
    return query.options(joinedload(Scenario.enterprise)).order_by(Scenario.code)


def _scenario(one: Scenario) -> Row:
    def text(words: str) -> str:
        return scenario_text(one, words, ANYONE, current_site().pilot)

    return {
        "code": one.code, "name": text(one.name), "kind": _word("scenario_kind", one.kind), "sector": _word("sector", one.sector),
        "stage": _word("stage", one.stage), "orientations": _words("orientation", one.orientations), "description": text(one.description),
        "typical_problems": [text(words) for words in one.typical_problems],
        "typical_solutions": [text(words) for words in one.typical_solutions],
        "address": _address("scenarios.show", key=one.code),
    }  # fmt: skip


def _providers() -> Select[Any]:
    return select(Provider).where(Provider.state.in_(SEARCHABLE)).order_by(Provider.id)


def _provider(one: Provider) -> Row:
    return {
        "id": one.public_id, "name": one.name, "credit_code": one.organisation.credit_code or "", "kind": _word("provider_kind", one.kind),
        "region": one.region, "sectors": _words("sector", one.sectors), "local_office": one.local_office, "summary": one.summary,
        "admitted_on": one.admitted_on.isoformat() if one.admitted_on else "",
        "address": _address("providers.show", public_id=one.public_id),
    }  # fmt: skip


def _showcases() -> Select[Any]:
    query = select(Showcase).where(Showcase.state == ShowcaseState.PUBLISHED)
    return query.options(joinedload(Showcase.enterprise)).order_by(Showcase.id)


def _showcase(row: Showcase) -> Row:
    one = shown(row, ANYONE)
    effects = [{"name": e.name, "unit": e.unit, "before": e.before, "after": e.after, "change": change_word(e)} for e in one.effects]
    return {
        "number": row.number, "title": one.title, "enterprise": one.whose, "sector": _word("sector", row.sector),
        "level": _word("level", row.level), "scenarios": list(row.scenario_codes), "problem": one.problem, "approach": one.approach,
        "effects": effects, "effect_note": one.effect_note, "experience": one.experience, "cost": one.cost,
        "published_on": row.published_on.isoformat() if row.published_on else "",
        "address": _address("showcases.show", public_id=row.public_id),
    }  # fmt: skip


def _guides() -> Select[Any]:
    return select(Guide).where(Guide.state.in_(PUBLIC_GUIDES)).order_by(Guide.id)


def _guide(one: Guide) -> Row:
    return {
        "number": one.number, "title": one.title, "text": one.text, "opens": one.opens.isoformat(), "closes": one.closes.isoformat(),
        "levels": _words("level", one.levels), "sectors": _words("sector", one.sectors), "budget_wan": _wan(one.budget_fen),
        "state": state_word("guide", one.state)[0], "address": _address("guides.show", public_id=one.public_id),
    }  # fmt: skip


def _policies() -> Select[Any]:
    return select(PolicyVersion).where(PolicyVersion.state.in_(PUBLIC_POLICIES)).order_by(PolicyVersion.policy_id, PolicyVersion.version)


def _policy(one: PolicyVersion) -> Row:
    def day(value: Any) -> str:
        return value.isoformat() if value else ""

    return {
        "title": one.title, "number": one.number, "version": one.version, "issuer": one.issuer, "issued": day(one.issued),
        "valid_from": day(one.valid_from), "valid_until": day(one.valid_until), "summary": one.summary,
        "state": state_word("policy_version", one.state)[0], "address": _address("policies.show", public_id=one.public_id),
    }  # fmt: skip


def _events() -> Select[Any]:
    return select(Event).where(Event.state.in_(PUBLIC_EVENTS)).order_by(Event.id)


def _event(one: Event) -> Row:
    def moment(value: datetime) -> str:
        return value.astimezone(ZoneInfo(current_site().pilot.city.zone)).isoformat(timespec="minutes")

    return {
        "number": one.number, "title": one.title, "kind": event_kind_word(one.kind), "text": one.text, "place": one.place, "host": one.host,
        "starts": moment(one.starts), "ends": moment(one.ends), "sign_up_until": moment(one.sign_up_until), "seats": one.seats,
        "state": state_word("event", one.state)[0], "address": _address("events.show", public_id=one.public_id),
    }  # fmt: skip


_ADDRESS = {"address": _("网址")}
SETS: tuple[DataSet, ...] = (
    DataSet("solutions", _("方案"), {
        "id": _("标识"), "title": _("标题"), "provider": _("服务商"), "provider_id": _("服务商标识"), "form": _("形式"), "sectors": _("行业"),
        "stages": _("环节"), "orientations": _("转型方向"), "levels": _("层面"), "scenarios": _("场景编号"), "summary": _("简介"),
        "solves": _("解决的痛点"), "technologies": _("用到的技术"), "price_low_wan": _("报价下限（万元）"), "price_high_wan": _("报价上限（万元）"),
        "weeks_low": _("工期下限（周）"), "weeks_high": _("工期上限（周）"), **_ADDRESS,
    }, _solutions, _solution, is_indexed=True),
    DataSet("scenarios", _("场景"), {
        "code": _("编号"), "name": _("名称"), "kind": _("类别"), "sector": _("行业"), "stage": _("环节"), "orientations": _("转型方向"),
        "description": _("说明"), "typical_problems": _("典型问题"), "typical_solutions": _("常用做法"), **_ADDRESS,
    }, _scenarios, _scenario, is_indexed=True),
    DataSet("providers", _("在库服务商"), {
        "id": _("标识"), "name": _("名称"), "credit_code": _("统一社会信用代码"), "kind": _("类型"), "region": _("地区"), "sectors": _("行业"),
        "local_office": _("本地场地"), "summary": _("简介"), "admitted_on": _("入库日期"), **_ADDRESS,
    }, _providers, _provider, is_indexed=True),
    DataSet("showcases", _("标杆案例"), {
        "number": _("编号"), "title": _("标题"), "enterprise": _("企业"), "sector": _("行业"), "level": _("层面"), "scenarios": _("场景编号"),
        "problem": _("要解决的问题"), "approach": _("怎样做的"), "effects": _("前后对比"), "effect_note": _("成效说明"),
        "experience": _("可以推广的经验"), "cost": _("投资额"), "published_on": _("发布日期"), **_ADDRESS,
    }, _showcases, _showcase, is_indexed=True),
    DataSet("guides", _("申报指南"), {
        "number": _("编号"), "title": _("标题"), "text": _("正文"), "opens": _("开始日期"), "closes": _("截止日期"), "levels": _("层面"),
        "sectors": _("行业"), "budget_wan": _("资金总额（万元）"), "state": _("状态"), **_ADDRESS,
    }, _guides, _guide),
    DataSet("policies", _("政策"), {
        "title": _("标题"), "number": _("文号"), "version": _("版本"), "issuer": _("发文机关"), "issued": _("发文日期"),
        "valid_from": _("施行日期"), "valid_until": _("失效日期"), "summary": _("要点"), "state": _("状态"), **_ADDRESS,
    }, _policies, _policy),
    DataSet("events", _("培训与活动"), {
        "number": _("编号"), "title": _("标题"), "kind": _("类别"), "text": _("内容"), "place": _("地点"), "host": _("主办单位"),
        "starts": _("开始时间"), "ends": _("结束时间"), "sign_up_until": _("报名截止时间"), "seats": _("名额"), "state": _("状态"), **_ADDRESS,
    }, _events, _event),
)  # fmt: skip


def heads(found: DataSet) -> list[str]:
    return [say(word) for word in found.columns.values()]
