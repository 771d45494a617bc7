"""What waits for me: one list of all that the platform asks of a person, by how urgent it is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, g, render_template, request, url_for
from sqlalchemy import and_, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import _
from marketplace.domain.tasks import Urgency, urgency
from marketplace.faults import said
from marketplace.guard import current_viewer, for_the_logged_in, is_api
from marketplace.records.notices import Notice
from marketplace.records.tasks import Task, count_tasks, find_tasks, waits_for
from marketplace.site import current_site
from marketplace.web.addresses import address_of
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.terms import Until, days, left_word, today, until_of
from marketplace.web.wording import day

log = logging.getLogger("jigai.tasks")
pages = Blueprint("tasks", __name__)
SIZE = 50
FIRST = 5
GROUPS = {
    Urgency.LATE: _("超期"),
    Urgency.TODAY: _("今天"),
    Urgency.WEEK: _("本周"),
    Urgency.LATER: _("以后"),
    Urgency.OPEN: _("没有期限"),
}
# What a task is about, as people call it; what is not here is called 其他.
NOUNS = {
    "application": _("入库申报"),
    "window": _("申报窗口"),
    "review": _("评审"),
    "review_assignment": _("评审"),
    "assignment": _("评审"),
    "review_expert": _("评审专家"),
    "objection": _("公示异议"),
    "solution": _("方案"),
    "own_solution": _("方案"),
    "solution_version": _("方案"),
    "solution_call": _("方案征集"),
    "product_listing": _("推荐产品"),
    "provider": _("服务商"),
    "rating": _("评价"),
    "rating_event": _("评价"),
    "evaluation": _("定期评估"),
    "evaluation_round": _("定期评估"),
    "evaluation_result": _("定期评估"),
    "certificate": _("资质证照"),
    "diagnosis": _("评估诊断"),
    "provider_certificates": _("资质证照"),
    "adjustment": _("动态调整"),
    "brokering": _("对接单"),
    "introduction": _("对接单"),
    "open_demand": _("公开需求"),
    "meeting": _("供需对接会"),
    "project": _("项目"),
    "project_assignment": _("项目评审"),
    "project_objection": _("项目公示异议"),
    "monthly_report": _("进度月报"),
    "evidence": _("佐证"),
    "evidence_finding": _("佐证"),
    "inspection": _("抽查核验"),
    "rectification": _("项目整改"),
    "supervision_order": _("督办"),
    "project_change": _("项目变更"),
    "work_item": _("工作台账"),
    "guide": _("申报指南"),
    "fund_budget": _("专项资金"),
    "voucher": _("专项资金"),
    "funding_plan": _("专项资金"),
    "payment": _("专项资金"),
    "reclaim": _("专项资金"),
    "financing_application": _("专项融资"),
    "appeal": _("申诉"),
    "registration": _("注册和认领"),
    "account": _("账号和成员"),
    "organisation": _("账号和成员"),
    "job": _("平台运行"),
    "complaint": _("投诉建议"),
    "showcase": _("标杆案例"),
    "performance_round": _("绩效评价"),
}


@dataclass(frozen=True)
class Row:
    """One task as it is shown. `until`: its term and how it was counted, None without one."""

    sentence: str
    word: str
    address: str
    urgency: Urgency
    until: Until | None

    @property
    def left(self) -> str:
        """How long is left, in working days, as the platform says it everywhere."""
        return left_word(self.until.due) if self.until else say("没有期限")

    @property
    def term(self) -> str:
        """The day itself."""
        if self.until is None or self.urgency is Urgency.TODAY:
            return ""
        words = _("应于 {date}") if self.urgency is Urgency.LATE else _("至 {date}")
        return said(words, {"date": day(self.until.due)})


@dataclass(frozen=True)
class Group:
    urgency: Urgency
    word: str
    rows: Sequence[Row]

    @property
    def size(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Inbox:
    groups: Sequence[Group]
    nouns: Sequence[tuple[str, str, int]]
    chosen: str
    total: int
    paging: Paging


@pages.get("/inbox")
@for_the_logged_in
def page() -> str:
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        return render_template("tasks/page.html", inbox=read_inbox(session, current_viewer(), request.args.get("noun", "")))


def read_inbox(session: Session, viewer: Viewer, asked: str) -> Inbox:
    counts = count_tasks(session, viewer)
    # Nouns that people call by one word are one choice, named by the first of them.
    kinds: dict[str, list[str]] = {}
    for noun in counts:
        kinds.setdefault(word_of(noun), []).append(noun)
    chosen = next((nouns for nouns in kinds.values() if asked in nouns), [])
    name, whole = (chosen[0] if chosen else ""), sum(counts.values())
    paging = paged(sum(counts[noun] for noun in chosen) if chosen else whole, SIZE, "tasks.page", noun=name)
    rows = rows_of(find_tasks(session, viewer, nouns=chosen, offset=paging.offset, most=SIZE))
    groups = [Group(key, say(GROUPS[key]), list(found)) for key, found in groupby(rows, key=lambda row: row.urgency)]
    choices = [(nouns[0], word, sum(counts[noun] for noun in nouns)) for word, nouns in kinds.items()]
    return Inbox(groups, choices, name, whole, paging)


def read_first(session: Session, viewer: Viewer) -> Sequence[Row]:
    """The most urgent ones, for the home page; nobody waits for whom nobody knows."""
    return rows_of(find_tasks(session, viewer, most=FIRST)) if viewer.is_known else []


def rows_of(tasks: Sequence[Task]) -> list[Row]:
    return [
        Row(
            sentence=said(task.message, task.values),
            word=word_of(task.noun),
            address=address_of(task.noun, task.public_ref) or url_for("tasks.page"),
            urgency=urgency(task.due, today()),
            until=until_of(task.due) if task.due else None,
        )
        for task in tasks
    ]


@dataclass(frozen=True)
class Waiting:
    """How much waits for a person, for the head of every page."""

    tasks: int = 0
    unread: int = 0


def waiting() -> Waiting:
    """One statement, once a request. A page is never lost for want of these two numbers."""
    viewer = current_viewer()
    if not viewer.is_known:
        return Waiting()
    if "waiting" not in g:
        g.waiting = Waiting()
        try:
            with current_site().database.reading() as session:
                tasks = select(func.count()).select_from(Task).where(waits_for(viewer)).scalar_subquery()
                mine = and_(Notice.account_id == viewer.account_id, Notice.read_at.is_(None))
                unread = select(func.count()).select_from(Notice).where(mine).scalar_subquery()
                g.waiting = Waiting(*session.execute(select(tasks, unread)).one())
        except SQLAlchemyError:
            log.warning("what waits for a person could not be counted", exc_info=True)
    found: Waiting = g.waiting
    return found


@pages.before_app_request
def count_before_the_page() -> None:
    """Before the view opens its own session: a page holds one connection at a time."""
    if request.method == "GET" and request.endpoint and not is_api() and not request.endpoint.endswith("static"):
        waiting()


def word_of(noun: str) -> str:
    return say(NOUNS.get(noun, _("其他")))
