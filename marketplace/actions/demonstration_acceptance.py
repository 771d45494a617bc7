"""Works that are nearly over in the demonstration set: an earlier batch of central projects, paid and reported on for months. One is in the
formal review, one in acceptance, one before the bureau, one failed and puts things right, three passed, one is finished, one was ended.
Everything happens through the same actions as on the pages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import select

from marketplace.actions import acceptance_decisions, acceptance_reports, acceptances, project_changes, project_closing
from marketplace.actions.demonstration_days import worked
from marketplace.actions.demonstration_funds import pay_rest, recover_all, seed_batch
from marketplace.actions.demonstration_progress import Watch, play_evidence, play_reports
from marketplace.actions.demonstration_projects import Stage, close_past
from marketplace.actions.demonstration_selection import Play, open_play
from marketplace.actions.project_health import WatchStep
from marketplace.domain.acceptances import CHECKS, DecisionDraft, FormDraft, Measure, ReportDraft, RequestDraft
from marketplace.domain.access import Role, Viewer
from marketplace.domain.adjustment_rules import AdjustmentRules
from marketplace.domain.inspection_rules import InspectionRules, SupervisionRules
from marketplace.domain.project_changes import ChangeDraft, ChangeKind
from marketplace.domain.project_plans import Direction
from marketplace.domain.project_reviews import ProjectReviewRules
from marketplace.domain.rating_rules import RatingRules
from marketplace.files.store import BlobStore
from marketplace.records.acceptances import find_targets
from marketplace.records.experts import ReviewExpert
from marketplace.records.projects import Project, find_suppliers

# When the agreement of the early batch was signed, its plan issued and its acceptance asked for: days ago.
_SIGNED, _PLANNED, _ASKED = 228, 215, 40
_PAPERS = ("audit", "effect", "purchase", "invoice", "paid")


@dataclass(frozen=True)
class Works:
    """The early batch: what each project has come to is told by its place."""

    stage: Stage
    play: Play
    watch: Watch
    numbers: tuple[int, ...]

    def step(self, viewer: Viewer, ago: int) -> WatchStep:
        at, today = worked(self.stage.at, self.stage.today, ago, self.stage.calendar)
        return replace(self.watch.step(viewer, ago), at=at, today=today)

    def applicant(self, number: int) -> Viewer:
        return self.stage.step_of(number, 0).viewer

    def officer(self, number: int, ago: int) -> WatchStep:
        with self.stage.database.reading() as session:
            area = session.get_one(Project, number).area
        return self.step(self.stage.officer(area, 0).viewer, ago)


def seed_works(
    stage: Stage,
    panel: ProjectReviewRules,
    rules: tuple[InspectionRules, SupervisionRules, RatingRules, AdjustmentRules],
    *,
    files: BlobStore,
) -> Works | None:
    """Selected, agreed, paid and in work since long; None where there are too few people."""
    early = replace(stage, early=True)
    play = open_play(early, panel)
    if play is None:
        return None
    numbers = []
    for place in range(9):
        own = early.enterprises[(place + 1) % len(early.enterprises)]
        level = {4: "cluster", 7: "chain"}.get(place, "point")
        # The last one takes longer than planned.
        numbers.append(replace(early, late=place == 8).recommended(place, "past", 296, enterprise=own, level=level))
    close_past(stage)
    for number in numbers:
        if not play.ranked(number, 280, (84, 80, 86)):
            return None
        play.approved(number, 262)
        play.agreed(number, _SIGNED)
    database, at, today = stage.database, stage.at, stage.today
    seed_batch(database, stage.rules, "第一批", at=at, today=today, ago=_PLANNED, whole=True)
    offices = {Role.MANAGER: [play.manager], Role.BUREAU: [stage.people["bureau"]]}
    watch = Watch(database, files, (stage.rules, *rules), at, today, offices)
    works = Works(early, play, watch, tuple(numbers))
    for place, number in enumerate(numbers):
        play_reports(watch, number, works.applicant(number), 1, until=100 if place == 5 else 0)
        play_evidence(watch, number, works.applicant(number), 10 + place, share=0.6, ago=100)
    return works


def seed_acceptance(works: Works) -> None:
    """What has become of them, in the order of their places."""
    formal, accepting, deciding, failed, passed, finished, ended, *more = works.numbers
    _change(works, formal, 25)
    for number, ago in (
        (formal, 3),
        (accepting, 12),
        (deciding, 20),
        (failed, _ASKED),
        (passed, _ASKED),
        (finished, 90),
        *((one, 70) for one in more),
    ):
        _ask(works, number, ago, bad=number == failed)
    for number, ago in (
        (accepting, 9),
        (deciding, 17),
        (failed, _ASKED - 4),
        (passed, _ASKED - 4),
        (finished, 86),
        *((one, 66) for one in more),
    ):
        answers = dict.fromkeys(CHECKS, ("yes", ""))
        acceptances.review_form(works.stage.database, number, FormDraft(answers, ""), works.officer(number, ago))
    for number, ago in ((deciding, 10), (failed, 28), (passed, 28), (finished, 78), *((one, 55) for one in more)):
        _report(works, number, ago, passes=number != failed)
    due = works.stage.today + timedelta(days=20)
    _decide(works, failed, 20, DecisionDraft("fail", "两项指标没有达到目标，请整改后再验收。", due))
    for number, ago in ((passed, 20), (finished, 70), *((one, 45) for one in more)):
        _decide(works, number, ago, DecisionDraft("pass", "验收报告依据充分，同意通过。"))
    pay_rest(works.stage.database, works.stage.rules, [finished], at=works.stage.at, today=works.stage.today, ago=60)
    project_closing.finish(works.stage.database, finished, works.stage.who("bureau", 55))
    recover_all(works.stage.database, works.stage.rules, ended, at=works.stage.at, today=works.stage.today, ago=30)
    _decide(works, ended, 25, DecisionDraft("terminate", "企业搬迁，项目不再实施，已拨付的资金按规定收回。"))


def _change(works: Works, number: int, ago: int) -> None:
    """A small change that was put on record."""
    with works.stage.database.reading() as session:
        total = session.get_one(Project, number).total_fen or 0
    draft = ChangeDraft(kind=ChangeKind.INVESTMENT, reason="设备招标价低于预算。", total_fen=total * 97 // 100)
    project_changes.request(works.stage.database, number, draft, works.step(works.applicant(number), ago))


def _ask(works: Works, number: int, ago: int, *, bad: bool) -> None:
    database, viewer = works.stage.database, works.applicant(number)
    with database.reading() as session:
        targets = find_targets(session, number)
        suppliers = [row.public_id for row in find_suppliers(session, number)]
    stars: dict[str, int | None] = {"quality": 3 if bad else 5, "schedule": 2 if bad else 4, "service": 4, "attitude": 4}
    draft = RequestDraft(
        works.step(viewer, ago + 5).today,
        "设备和系统全部上线，连续运行三十天；指标见下表，依据是台账和月度报表。",
        "",
        {one.key: Measure(one.target, "三个月平均") for one in targets},
        {key: dict(stars) for key in suppliers},
        {key: "现场响应及时" for key in suppliers[:1] if not bad},
    )
    papers = {kind: works.watch.blob(kind, f"{kind} {number}") for kind in ("self_evaluation", *_PAPERS)}
    acceptances.request(database, number, works.step(viewer, ago), draft, papers)


def _report(works: Works, number: int, ago: int, *, passes: bool) -> None:
    """With two experts that have no stake in it; where it fails, half of the way was gone."""
    database, step = works.stage.database, works.step(works.play.manager, ago)
    with database.reading() as session:
        targets = find_targets(session, number)
        experts = [
            row.id
            for row in session.scalars(
                select(ReviewExpert).where(ReviewExpert.account_id.in_(works.play.experts)).order_by(ReviewExpert.id)
            )
        ]
    acceptance_reports.name_experts(database, number, experts[: works.stage.rules.accept_experts], step)
    values = {}
    for one in targets:
        part = 1.02 if passes else 0.5
        reached = one.baseline + (one.target - one.baseline) * part
        values[one.key] = Measure(max(0.0, round(reached, 2)) if one.direction == Direction.DOWN else round(reached, 2), "现场测评")
    text = "到现场逐项测评，抽看台账和发票，访谈操作人员。" + ("指标达到任务书的要求。" if passes else "两项指标只达到目标的一半。")
    acceptance_reports.report(database, number, ReportDraft(values, "pass" if passes else "rework", text, step.today), step)


def _decide(works: Works, number: int, ago: int, draft: DecisionDraft) -> None:
    database = works.stage.database
    decision = acceptance_decisions.propose(database, number, draft, works.step(works.stage.people["bureau"], ago)).id
    acceptance_decisions.answer(database, decision, "confirm", works.step(works.play.second, ago - 1))
