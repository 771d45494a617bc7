"""All pages: their blueprints, and what every template may use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, request, url_for

from marketplace.attachments import may_go_out
from marketplace.domain.access import Viewer, may
from marketplace.domain.matches import Part
from marketplace.guard import current_viewer, degraded, now
from marketplace.sentences import retold, told_value
from marketplace.site import current_site
from marketplace.web import (
    acceptances,
    adjustments,
    agreements,
    answer_links,
    application_sections,
    applications,
    applications_shown,
    ask,
    assets,
    brokerings,
    brokerings_new,
    brokerings_sheet,
    budgets,
    calendar,
    calls,
    cards,
    catalogue,
    catalogue_parts,
    catalogue_review,
    catalogue_writing,
    certificates,
    complaints,
    coverage,
    demands,
    diagnoses,
    diagnosis_lists,
    diagnosis_sections,
    distillations,
    enterprise_file,
    enterprises,
    evaluations,
    events_form,
    evidence,
    experts,
    exposure,
    figures,
    figures_entry,
    figures_open,
    figures_pictures,
    files,
    financing_offers,
    first_reviews,
    foreign,
    fund_budgets,
    funding_plans,
    funds_projects,
    funds_shown,
    group_plans,
    groups,
    guides,
    health,
    help,
    history,
    home,
    index_queue,
    inquiries,
    inspections,
    introductions,
    investments,
    jobs,
    language,
    letter_texts,
    listings,
    marking,
    meetings,
    meetings_choice,
    meetings_day,
    meetings_form,
    meetings_out,
    members,
    notices,
    open_answers,
    open_data,
    open_demand_choices,
    open_demands,
    open_demands_form,
    orientation_wishes,
    outside_grades,
    payments,
    performance,
    performance_form,
    performance_items,
    performance_out,
    performance_outlook,
    pilot_data,
    plan_choices,
    plan_issues,
    plans,
    policies,
    policies_writing,
    problem_lists,
    problems,
    progress,
    project_changes,
    project_publicity,
    project_reviews,
    project_scores,
    project_sections,
    project_selections,
    project_words,
    projects,
    providers,
    publicity,
    ranking_choice,
    ratings,
    reasons,
    rectifications,
    registrations,
    report_imports,
    resources,
    reviews,
    reviews_decisions,
    reviews_expert,
    saved,
    scenario_lists,
    scenario_needs,
    scenarios,
    search,
    showcases,
    showcases_writing,
    solutions,
    statistics,
    supervision,
    talents,
    tasks,
    tasks_calendar,
    terms,
    topics,
    vouchers,
    windows,
    wording,
    work_items_form,
)
from marketplace.web.language import say

BLUEPRINTS = (
    home,
    ask,
    search,
    solutions,
    providers,
    scenarios,
    enterprises,
    plans,
    plan_choices,
    plan_issues,
    problems,
    demands,
    help,
    ranking_choice,
    index_queue,
    assets,
    health,
    files,
    history,
    members,
    registrations,
    jobs,
    notices,
    tasks,
    tasks_calendar,
    calls,
    catalogue,
    catalogue_parts,
    catalogue_review,
    catalogue_writing,
    listings,
    windows,
    applications,
    application_sections,
    calendar,
    experts,
    publicity,
    reviews,
    reviews_decisions,
    reviews_expert,
    saved,
    ratings,
    evaluations,
    certificates,
    exposure,
    coverage,
    figures_entry,
    figures_open,
    figures_pictures,
    figures,
    statistics,
    adjustments,
    diagnoses,
    diagnosis_sections,
    outside_grades,
    diagnosis_lists,
    distillations,
    group_plans,
    groups,
    investments,
    orientation_wishes,
    problem_lists,
    report_imports,
    scenario_lists,
    scenario_needs,
    brokerings_new,
    brokerings_sheet,
    brokerings,
    introductions,
    inquiries,
    open_demands_form,
    open_demands,
    open_answers,
    open_demand_choices,
    answer_links,
    meetings,
    meetings_choice,
    meetings_day,
    meetings_form,
    meetings_out,
    guides,
    projects,
    project_reviews,
    project_scores,
    project_selections,
    project_publicity,
    agreements,
    project_sections,
    first_reviews,
    evidence,
    progress,
    inspections,
    rectifications,
    supervision,
    acceptances,
    project_changes,
    funds_projects,
    fund_budgets,
    performance,
    performance_form,
    performance_items,
    performance_out,
    performance_outlook,
    vouchers,
    funding_plans,
    payments,
    pilot_data,
    letter_texts,
    financing_offers,
    work_items_form,
    events_form,
    resources,
    enterprise_file,
    talents,
    topics,
    showcases_writing,
    showcases,
    policies_writing,
    policies,
    complaints,
    open_data,
)


@dataclass(frozen=True)
class Item:
    """One entry of a navigation. `current` marks the page that is open."""

    word: str
    address: str
    current: bool


@dataclass(frozen=True)
class Navigation:
    """What everybody may use, what this person works with, and the pages beside the open one."""

    main: list[Item]
    work: list[Item]
    beside: list[Item]
    beside_word: str


Entry = tuple[str, str, str]
PUBLIC_NOTICES = (
    "guides",
    "windows",
    "publicity",
    "project_publicity",
    "calls",
    "open_demands",
    "listings",
    "scenario_lists",
    "financing",
    "figures_open",
    "showcases",
    "policies",
)

# What the capability centre offers to everybody.
CENTRE_PAGES = ("events", "resources", "talents", "topics")


def navigation(viewer: Viewer) -> Navigation:
    """All ways on from the open page: what this person can use, no more."""
    main = [
        (say("找方案"), url_for("search.page"), "search"),
        (say("说说您的难题"), url_for("ask.page"), "ask"),
        (say("场景库"), url_for("scenarios.library"), "scenarios"),
        (say("服务商"), url_for("search.page", kind="provider"), "providers"),
    ]
    notices = [
        (say("申报指南"), url_for("guides.index"), "guides"),
        (say("申报通知"), url_for("windows.index"), "windows"),
        (say("公示"), url_for("publicity.index"), "publicity"),
        (say("项目公示"), url_for("project_publicity.index"), "project_publicity"),
        (say("方案征集"), url_for("calls.index"), "calls"),
        (say("公开需求"), url_for("open_demands.index"), "open_demands"),
        (say("推荐产品"), url_for("listings.index"), "listings"),
        (say("场景清单"), url_for("scenario_lists.index"), "scenario_lists"),
        (say("专项融资"), url_for("financing.index"), "financing"),
        (say("试点成效"), url_for("figures_open.page"), "figures_open"),
        (say("标杆案例"), url_for("showcases.index"), "showcases"),
        (say("政策库"), url_for("policies.index"), "policies"),
    ]
    offers = [
        (say("培训与活动"), url_for("events.index"), "events"),
        (say("公共服务资源"), url_for("resources.index"), "resources"),
        (say("人才供需"), url_for("talents.index"), "talents"),
        (say("课题研究"), url_for("topics.index"), "topics"),
    ]
    here = _noun()
    work = _items([*_of_a_side(viewer), *_of_staff(viewer)], here)
    # What this person works with is led to from there.
    in_notices = here in PUBLIC_NOTICES and not any(item.current for item in work)
    items = [*_items(main, here), Item(say("能力中心"), url_for("events.index"), here in CENTRE_PAGES)]
    items.append(Item(say("通知公告"), url_for("windows.index"), in_notices))
    if here in CENTRE_PAGES:
        return Navigation(items, work, _items(offers, here), say("能力中心"))
    return Navigation(items, work, _items(notices, here) if in_notices else [], say("通知公告"))


def _items(entries: Sequence[Entry], here: str) -> list[Item]:
    return [Item(word, address, noun == here) for word, address, noun in entries]


def _of_a_side(viewer: Viewer) -> Iterator[Entry]:
    """What an enterprise, a provider or an expert works with."""
    if viewer.enterprise_ids:
        yield say("一企一策"), url_for("enterprises.mine"), "enterprises"
        yield say("本企业的场景"), url_for("scenario_lists.consents"), "scenario_consents"
        yield say("群组"), url_for("groups.index"), "groups"
    if may(viewer, "read_own", "brokering"):
        yield say("我的对接"), url_for("brokerings.index"), "brokerings"
        yield say("公开需求"), url_for("open_demands.index"), "open_demands"
        yield say("对接会"), url_for("meetings.index"), "meetings"
    if may(viewer, "read_own", "diagnosis"):
        yield say("评估诊断"), url_for("diagnoses.index"), "diagnoses"
    if viewer.enterprise_ids or viewer.applicant_ids or viewer.areas:
        yield say("项目"), url_for("projects.index"), "projects"
    if may(viewer, "read_own", "performance"):
        yield say("绩效评价"), url_for("performance.index"), "performance"
    if may(viewer, "write_own", "application"):
        yield say("我的申报"), url_for("applications.mine"), "applications"
    if viewer.provider_ids:
        yield say("我的产品目录"), url_for("catalogue.desk"), "catalogue"
        yield say("适合我的需求"), url_for("demands.page"), "demands"
        yield say("我的评价"), url_for("ratings.index"), "ratings"
        if adjustments.has_cases(viewer):
            yield say("整改与申诉"), url_for("adjustments.index"), "adjustments"
    if may(viewer, "score_own", "review"):
        yield say("我的评审"), url_for("reviews_expert.mine"), "reviews_expert"
        yield say("我的现场检查"), url_for("inspections.index"), "inspections"
    if may(viewer, "score_own", "project"):
        yield say("项目评审"), url_for("project_scores.mine"), "project_scores"
    if viewer.is_known:
        yield say("我的收藏"), url_for("saved.page"), "saved"
    if may(viewer, "manage_own", "member"):
        yield say("本单位"), url_for("members.page"), "members"


def _of_staff(viewer: Viewer) -> Iterator[Entry]:
    """What the offices work with."""
    if may(viewer, "read_own", "figure") and viewer.areas:
        yield say("工作成效"), url_for("figures.index"), "figures"
    for verb, noun, word, endpoint in (
        ("read", "figure", say("工作成效"), "figures.index"),
        ("list", "enterprise", say("企业"), "enterprises.index"),
        ("read", "brokering", say("对接"), "brokerings.index"),
        ("read", "brokering", say("公开需求"), "open_demands.index"),
        ("read", "meeting", say("对接会"), "meetings.index"),
        ("look_at", "project", say("项目"), "projects.index"),
        ("supervise", "project", say("督办"), "supervision.index"),
        ("supervise", "project", say("抽查核验"), "inspections.index"),
        ("read", "diagnosis", say("评估诊断"), "diagnoses.index"),
        ("read", "group", say("群组"), "groups.index"),
        ("read", "application", say("服务商申报"), "applications.index"),
        ("decide", "review", say("入库评审"), "reviews.index"),
        ("review", "catalogue", say("方案审核"), "catalogue_review.desk"),
        ("read", "rating", say("评价"), "ratings.index"),
        ("read", "coverage", say("供需缺口"), "coverage.page"),
        ("read", "fund", say("专项资金"), "funds.index"),
        ("read", "performance", say("绩效评价"), "performance.index"),
        ("read", "adjustment", say("动态调整"), "adjustments.index"),
        ("handle", "complaint", say("投诉建议"), "complaints.desk"),
        ("decide", "registration", say("注册核对"), "registrations.index"),
        ("run", "import", say("导入"), "imports.choose"),
        ("manage", "account", say("账号管理"), "accounts_staff.index"),
        ("read", "history", say("历史"), "history.page"),
        ("read", "pilot", say("试点数据"), "pilot_data.page"),
        ("read", "index", say("索引"), "index_queue.page"),
        ("read", "job", say("后台任务"), "jobs.page"),
        ("read", "work_item", say("工作台账"), "work_items.index"),
        ("read", "statistics", say("运行统计"), "statistics.page"),
    ):
        if may(viewer, verb, noun):
            yield word, url_for(endpoint), endpoint.partition(".")[0]


def _noun() -> str:
    """The entry under which the open page belongs."""
    here = (request.endpoint or "").partition(".")[0]
    if request.endpoint == "scenario_lists.consents":
        return "scenario_consents"
    if here == "search" and request.args.get("kind") == "provider":
        return "providers"
    return {
        "figures_entry": "figures",
        "figures_pictures": "figures",
        "fund_budgets": "funds",
        "performance_form": "performance",
        "performance_items": "performance",
        "performance_out": "performance",
        "performance_outlook": "performance",
        "vouchers": "funds",
        "funding_plans": "funds",
        "payments": "funds",
        "persons": "accounts_staff",
        "plans": "enterprises",
        "plan_choices": "enterprises",
        "plan_issues": "enterprises",
        "enterprise_file": "enterprises",
        "diagnosis_sections": "diagnoses",
        "diagnosis_lists": "diagnoses",
        "scenario_needs": "diagnoses",
        "showcases_writing": "showcases",
        "policies_writing": "policies",
        "investments": "diagnoses",
        "problem_lists": "enterprises",
        "report_imports": "enterprises",
        "orientation_wishes": "enterprises",
        "distillations": "scenario_lists",
        "outside_grades": "diagnoses",
        "project_sections": "projects",
        "project_reviews": "projects",
        "project_selections": "projects",
        "agreements": "projects",
        "first_reviews": "projects",
        "evidence": "projects",
        "progress": "projects",
        "acceptances": "projects",
        "changes": "projects",
        "rectifications": "inspections",
        "solutions": "search",
        "brokerings_new": "brokerings",
        "introductions": "brokerings",
        "inquiries": "brokerings",
        "open_demands_form": "open_demands",
        "open_answers": "open_demands",
        "open_demand_choices": "open_demands",
        "meetings_choice": "meetings",
        "meetings_day": "meetings",
        "meetings_form": "meetings",
        "meetings_out": "meetings",
        "catalogue_parts": "catalogue",
        "catalogue_writing": "catalogue",
        "application_sections": "applications",
        "experts": "reviews",
        "evaluations": "ratings",
        "certificates": "ratings",
        "exposure": "ratings",
        "reviews_decisions": "reviews",
    }.get(here, here)


def register(app: Flask) -> None:
    language.register(app)
    foreign.register(app)
    for module in BLUEPRINTS:
        app.register_blueprint(module.pages)
    app.jinja_env.globals.update({word.__name__: word for word in (*wording.WORDS, *applications_shown.WORDS, *funds_shown.WORDS)})
    app.jinja_env.globals.update(
        terms_of=wording.terms,
        until_of=terms.until_of,
        left_words=terms.left_words,
        condition_word=search.condition_word,
        scenario_word=scenarios.word,
        told=scenarios.told,
        pilot_terms=lambda kind: current_site().pilot.terms(kind),
        shares=reasons.shares,
        in_pool=cards.in_pool,
        own=lambda number: number in current_viewer().enterprise_ids,
        may_change=problem_lists.may_change,
        may_plan=lambda: may(current_viewer(), "read", "plan"),
        marked=marking.marked,
        hits=marking.hits,
        spans=marking.spans,
        say=say,
        told_value=told_value,
        retold=retold,
        parts=reasons.parts,
        reasons_of=reasons.shown,
        sentence=reasons.sentence,
        rests_on=reasons.rests_on,
        source=reasons.source,
        Part=Part,
        may_go_out=may_go_out,
        scan_note=files.scan_note,
        size_text=files.size_text,
        upload_help=files.upload_help,
        verdict=budgets.verdict,
        standing_line=project_words.standing_line,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def of_every_page() -> dict[str, Any]:
        site = current_site()
        return {
            "lang": language.language(),
            "degraded": degraded,
            "other_language": language.other_address(),
            "canonical": open_data.canonical(),
            "city": site.pilot.city.name if language.language() == "zh" else site.pilot.city.name_en,
            "demo": site.settings.demo,
            "navigation": navigation(current_viewer()),
            "now_text": wording.day(now()),
            "waiting": tasks.waiting,
        }
