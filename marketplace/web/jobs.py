"""The job queue, for whoever runs the site: what was given up and why, what runs, what waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.jobs import retry_job
from marketplace.domain.lifecycle import _
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.jobs import Job, JobState, count_jobs, find_job, find_jobs
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged

pages = Blueprint("jobs", __name__)
SIZE = 50
# kind → what people call it.
KINDS = {
    "daily": _("每日例行"),
    "letter": _("生成文书"),
    "mail_notices": _("发送通知"),
    "mail_digests": _("发送每日汇总"),
    "send_mail": _("发送邮件"),
    "scan": _("病毒扫描"),
    "read_text": _("读取附件文字"),
    "read_report": _("读取诊断报告"),
    "distil": _("提炼典型场景"),
    "collect_files": _("清理无主文件"),
    "adjustments": _("提出动态调整建议"),
    "brokerings": _("催办和处理未答复的对接"),
    "ratings": _("重新计算评价"),
    "exposures": _("统计曝光"),
    "certificates": _("证照到期提醒"),
    "audit_anchor": _("记下历史链的末端"),
    "agreement_document": _("生成任务书"),
    "plan_document": _("生成一企一策方案"),
    "diagnosis_report": _("生成诊断报告"),
    "performance_report": _("生成绩效评价报告"),
    "performance_yearly": _("开始年度绩效自评"),
    "search_alerts": _("核对保存的搜索"),
    "demand_alerts": _("核对需求提醒"),
    "supervision": _("核对督办期限"),
}


@dataclass(frozen=True)
class Queue:
    jobs: Sequence[Job]
    counts: Mapping[JobState, int]
    chosen: str
    paging: Paging


@pages.get("/jobs")
@permission("read", "job")
def page() -> str:
    asked = request.args.get("state", "")
    chosen = asked if asked in set(JobState) else ""
    with current_site().database.reading() as session:
        counts = count_jobs(session)
        states = [JobState(chosen)] if chosen else list(JobState)
        paging = paged(sum(counts[state] for state in states), SIZE, "jobs.page", state=chosen)
        queue = Queue(find_jobs(session, states=states, offset=paging.offset, most=SIZE), counts, chosen, paging)
        return render_template("jobs/page.html", queue=queue, states=list(JobState), kind_word=kind_word)


def kind_word(kind: str) -> str:
    return say(KINDS[kind]) if kind in KINDS else kind


@pages.post("/jobs/<public_id>/retry")
@permission("read", "job")
def retry(public_id: str) -> AnyResponse:
    """Give a dead job its attempts again."""
    with current_site().database.writing() as session:
        job = find_job(session, public_id) or not_found()
        retry_job(session, job, viewer=current_viewer(), at=now())
    flash(say("已重新排队，几秒内开始。"), "good")
    return redirect(url_for("jobs.page"), 303)
