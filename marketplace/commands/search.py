"""Search and recommendation on the command line: the contract for scripts is docs/commands.md."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from marketplace.commands.runtime import Runtime, Stop, emit, tell

if TYPE_CHECKING:
    from marketplace.api.models import MatchOut, RecommendationOut
    from marketplace.domain.access import Viewer
    from marketplace.site import Site

KINDS = ("solution", "scenario", "problem", "provider", "showcase")
STRENGTHS = {4: "匹配强", 3: "匹配较强", 2: "匹配一般", 1: "匹配弱"}
PARTS = {"fits": "符合", "assumed": "推断", "missing": "缺少", "ask": "待问"}
LONGEST = 10_000


def operator() -> Viewer:
    """Whoever may run commands on the data folder may read what is in it."""
    from marketplace.domain.access import Role, Viewer

    return Viewer(account_id=0, name="jigai", roles=frozenset({Role.ADMIN, Role.CENTRE}))


def key_of(runtime: Runtime, kind: str, word: str | None) -> str | None:
    """The pilot's key of a word; an unknown word stops with what may be meant."""
    if word is None:
        return None
    found = runtime.pilot.find(kind, word)
    if found is None:
        near = runtime.pilot.suggestions(kind, word) or tuple(
            f"{term.key}（{term.short or term.name}）" for term in runtime.pilot.terms(kind)
        )
        raise Stop(f"没有“{word}”，可填：{'、'.join(near)}。")
    return found.key


@click.command("search")
@click.argument("text")
@click.option("--kind", type=click.Choice(KINDS), default="solution", show_default=True, help="找什么 / what to look for")
@click.option("--sector", help="行业，如 chem 或 化工 / only this sector")
@click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True, help="最多几条 / how many at most")
@click.option(
    "--mode", type=click.Choice(["lexical", "dense", "hybrid"]), default="hybrid", show_default=True, help="检索方式 / which sides"
)
@click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
@click.pass_obj
def search(runtime: Runtime, text: str, kind: str, sector: str | None, limit: int, mode: str, as_json: bool) -> None:
    """搜索方案、场景、问题或服务商。 / Search by meaning and by words."""
    if len(text) > LONGEST:
        raise Stop(f"要找的文字有 {len(text):,} 个字，最多 {LONGEST:,} 个。")
    key = key_of(runtime, "sector", sector)
    site = runtime.site()
    from marketplace.api.search import SearchParameters, search_out

    asked = SearchParameters.model_validate({"q": text, "kind": kind, "mode": mode, "size": limit, "sector": key or ""})
    found = search_out(site, asked, operator())
    if as_json:
        emit(found.model_dump(mode="json"))
        return
    for hit in found.hits:
        click.echo(
            f"{hit.rank:>3}  {hit.title}" + (f" · {hit.provider}" if hit.provider and hit.provider != hit.title else "") + f"  [{hit.id}]"
        )
    tell(f"共 {found.total} 条候选，用时 {found.took_ms:.0f} 毫秒。")
    if found.dropped:
        tell(f"没有同时满足全部条件的，已放宽：{'、'.join(found.dropped)}。")
    if found.suggestion:
        tell(f"是不是“{found.suggestion}”？")
    if not found.hits:
        tell("没有找到。换个说法，或去掉条件再试。")


@click.command("recommend")
@click.option("--problem", help="一个问题，用自己的话说 / a problem in one's own words")
@click.option("--problem-id", help="已有问题的编号 / a stored problem")
@click.option("--enterprise", help="企业的统一社会信用代码：整张问题清单的一企一策 / plan for an enterprise")
@click.option("--sector", help="行业，如 chem 或 化工 / sector of the problem")
@click.option(
    "--by", type=click.Choice(["solution", "provider"]), default="solution", show_default=True, help="按方案或服务商列出 / list by"
)
@click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True, help="最多几条 / how many at most")
@click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
@click.pass_obj
def recommend(
    runtime: Runtime,
    problem: str | None,
    problem_id: str | None,
    enterprise: str | None,
    sector: str | None,
    by: str,
    limit: int,
    as_json: bool,
) -> None:
    """为问题推荐方案和服务商，并说明理由。 / Solutions and providers for a problem, with reasons."""
    given = [value for value in (problem, problem_id, enterprise) if value is not None]
    if len(given) != 1:
        raise Stop("--problem、--problem-id、--enterprise 要写一个，也只能写一个。")
    if problem is not None and (not problem.strip() or len(problem) > LONGEST):
        raise Stop(f"问题应有 1 至 {LONGEST:,} 个字，现在是 {len(problem.strip()):,} 个。")
    if sector is not None and problem is None:
        raise Stop("--sector 只和 --problem 一起用；已有的问题和企业自带行业。")
    key = key_of(runtime, "sector", sector)
    site = runtime.site()
    if enterprise is not None:
        _plan(site, enterprise, limit=limit, as_json=as_json)
        return
    from marketplace.api.recommendations import recommend_out
    from recommender.recommend import Ask

    ask = Ask(key="0", text=problem.replace("\0", " "), sector=key) if problem is not None else _stored(site, problem_id or "")
    found = recommend_out(site, [ask], limit=limit, viewer=operator()).results[0]
    if as_json:
        emit(found.model_dump(mode="json"))
    elif by == "provider":
        _say_providers(found)
    else:
        _say_matches(found.matches)
        _say_open(found)


def _stored(site: Site, key: str) -> Any:
    from marketplace.api.enterprises import ask_of
    from marketplace.records.problems import find_problem

    with site.database.reading() as session:
        row = find_problem(session, key)
        if row is None:
            raise Stop(f"没有编号为“{key}”的问题。")
        return ask_of(row)


def _plan(site: Site, code: str, *, limit: int, as_json: bool) -> None:
    from marketplace.api.enterprises import plan_out
    from marketplace.records.enterprises import find_enterprise

    today = datetime.now(ZoneInfo(site.pilot.city.zone)).date()
    with site.database.reading() as session:
        row = find_enterprise(session, code)
        if row is None:
            raise Stop(f"没有统一社会信用代码为“{code}”的企业。")
        number = row.id
    found = plan_out(site, number, budget_fen=None, limit=limit, viewer=operator(), day=today)
    if as_json:
        whole = found.model_dump(mode="json")
        emit(
            {
                "enterprise": whole.pop("enterprise"),
                "enterprise_code": whole.pop("enterprise_code"),
                "problems": whole.pop("problems"),
                "plan": whole,
            }
        )
        return
    click.echo(found.enterprise)
    for one in found.problems:
        click.echo(f"\n{one.ref or one.id}　{one.text}")
        _say_matches(one.matches[:3])
        if one.uncovered:
            click.echo(f"     未覆盖：{one.uncovered}")
    click.echo("\n服务商组合：")
    for chosen in found.providers:
        click.echo(f"  {chosen.provider}：{len(chosen.takes)} 条问题")
    tell(f"最低合计 {found.cost_low_wan:g} 万元，{found.unknown_prices} 项价格面议；离最优的差距 {found.gap:.1%}。")


def _say_matches(matches: list[MatchOut]) -> None:
    for match in matches:
        click.echo(f"{match.rank:>3}  {STRENGTHS[match.strength]}  {match.title} · {match.provider}  [{match.solution}]")
        for reason in match.reasons:
            click.echo(f"       {PARTS[reason.part]}　{reason.text}")
    if not matches:
        tell("没有找到能解决的方案。补充现场情况再试，或邀请服务商补缺。")


def _say_providers(found: RecommendationOut) -> None:
    for provider in found.providers:
        word = STRENGTHS[provider.strength]
        click.echo(f"{provider.rank:>3}  {word}  {provider.provider}  {provider.solutions} 个方案适合，最好的是 [{provider.best}]")
    _say_open(found)


def _say_open(found: RecommendationOut) -> None:
    for reason in found.open_questions:
        tell(f"待问　{reason.text}")
