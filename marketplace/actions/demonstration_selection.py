"""Review, selection and agreement in the demonstration set: projects of all classes at every step between recommendation and funding plan.

Everything happens through the same actions as on the pages, on the stage that demonstration_projects has opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from marketplace.actions import project_submission, projects
from marketplace.actions.agreements import add_scan
from marketplace.actions.demonstration_days import works_by
from marketplace.actions.demonstration_needs import TOTALS
from marketplace.actions.demonstration_projects import Stage
from marketplace.actions.project_objections import answer_project_objection, raise_project_objection
from marketplace.actions.project_reviews import close_project_review, draw_project_experts, write_project_joint
from marketplace.actions.project_scores import confirm_joint, declare_clear, hand_in_sheet
from marketplace.actions.project_selections import answer, propose
from marketplace.actions.project_steps import Step
from marketplace.domain.access import Viewer
from marketplace.domain.agreements import OURS, THEIRS
from marketplace.domain.project_reviews import ProjectJointDraft, ProjectReviewRules
from marketplace.domain.project_selections import SelectionDraft, most_fen
from marketplace.domain.reviews import ScoreSheet
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.enterprises import Enterprise
from marketplace.records.experts import ReviewExpert
from marketplace.records.project_reviews import find_project_review
from marketplace.records.project_selections import find_publicity
from marketplace.records.projects import Project

_GOOD, _FAIR, _LOW = (86, 82, 88), (74, 70, 77), (54, 57, 50)
_OPINIONS = ("方案可行，投资有依据，同意支持。", "指标有基线，建议按期测评。", "能耗和质量目标较实，同意支持。")


@dataclass(frozen=True)
class Play:
    """The stage with those whom only this part needs: the manager, a second person, the experts by their account."""

    stage: Stage
    panel: ProjectReviewRules
    manager: Viewer
    second: Viewer
    experts: Mapping[int, Viewer]

    def by(self, viewer: Viewer, ago: int) -> Step:
        return self.stage.step(viewer, ago)

    # ---------------------------------------------------------------- the review

    def reviewing(self, number: int, ago: int, *, more: int = 0) -> list[tuple[int, Viewer]]:
        """Experts drawn by a lot of its own, `more` than there must be; nobody where too few fit."""
        database = self.stage.database
        step = self.by(self.manager, ago)
        draw_project_experts(database, number, wanted=self.panel.least_experts + more, panel=self.panel, step=step, seed=f"示例 {number}")
        with database.reading() as session:
            review = find_project_review(session, number)
            parts = review.assignments if review is not None else []
            found = [(part.id, self.experts.get(part.expert.account_id or 0)) for part in parts]
            return [(part, expert) for part, expert in found if expert is not None]

    def score(self, part: int, expert: Viewer, ago: int, mark: int, opinion: str) -> None:
        database, step = self.stage.database, self.by(expert, ago)
        declare_clear(database, part, panel=self.panel, step=step)
        keys = [criterion.key for criterion in self.panel.criteria]
        scores: dict[str, int | None] = {key: mark + place - 2 for place, key in enumerate(keys)}
        remarks = dict.fromkeys(keys, "依据不足，见意见") if mark < 60 else {}
        sheet = ScoreSheet(scores, remarks, {check.key: "yes" for check in self.panel.checklist}, {}, opinion)
        hand_in_sheet(database, part, sheet, panel=self.panel, step=step, version=0)

    def ranked(self, number: int, ago: int, marks: tuple[int, ...] = _GOOD, part_of_bound: float = 0.9) -> bool:
        """The whole review, within six days."""
        parts = self.reviewing(number, ago)
        if len(parts) < self.panel.least_experts:
            return False
        for (part, expert), mark, opinion in zip(parts, marks, _OPINIONS, strict=True):
            low = mark < 60
            self.score(part, expert, ago - 2, mark, "指标没有基线，投资依据不足，不建议支持。" if low else opinion)
        keys = [criterion.key for criterion in self.panel.criteria]
        scores: dict[str, int | None] = dict.fromkeys(keys, sum(marks) // len(marks))
        amount = 0 if marks[0] < 60 else self.amount(number, part_of_bound)
        draft = ProjectJointDraft(scores, "经讨论，一致同意上述评分和金额。", "分差在规定之内，逐项核对后取整。", amount)
        database = self.stage.database
        write_project_joint(database, number, draft, panel=self.panel, step=self.by(self.manager, ago - 3))
        for part, expert in parts:
            confirm_joint(database, part, revision=1, panel=self.panel, step=self.by(expert, ago - 3))
        close_project_review(database, number, panel=self.panel, step=self.by(self.manager, ago - 4))
        return True

    def amount(self, number: int, part_of_bound: float) -> int:
        """Whole 万元 within the bounds."""
        with self.stage.database.reading() as session:
            project = session.get_one(Project, number)
            rules = self.stage.rules.of(project.project_class)
            bound = most_fen(rules, project.level, project.total_fen, project.asked_fen) or 0
        return max(1, int(bound * part_of_bound) // 1_000_000) * 1_000_000

    # ---------------------------------------------------------------- decisions

    def decide(self, number: int, event: str, ago: int, draft: SelectionDraft) -> None:
        """Proposed by the bureau, confirmed by another person."""
        database = self.stage.database
        waiting = propose(database, number, event, draft, panel=self.panel, step=self.stage.who("bureau", ago))
        answer(database, waiting.id, "confirm", why="", panel=self.panel, step=self.by(self.second, ago))

    def shown(self, number: int, ago: int) -> None:
        with self.stage.database.reading() as session:
            review = find_project_review(session, number)
            proposed = review.joint_amount_fen if review is not None else None
        self.decide(number, "show", ago, SelectionDraft("按排名择优支持", proposed or self.amount(number, 0.8)))

    def approved(self, number: int, ago: int) -> int:
        """On the first day after the notice; how long ago that was."""
        self.shown(number, ago)
        with self.stage.database.reading() as session:
            publicity = find_publicity(session, number)
            assert publicity is not None
            later = works_by(self.stage.today, (self.stage.today - publicity.until).days - 1, self.stage.calendar)
        self.decide(number, "approve", later, SelectionDraft("公示期满，无异议"))
        return later

    def agreed(self, number: int, ago: int) -> None:
        self.sign(number, THEIRS, ago)
        self.sign(number, OURS, ago - 1)
        self.decide(number, "agree", ago - 1, SelectionDraft("双方盖章，内容核对无误"))

    def sign(self, number: int, side: str, ago: int) -> None:
        step = self.stage.who("bureau", ago) if side == OURS else self.stage.step_of(number, ago)
        add_scan(self.stage.database, number, side, self.stage.paper, step=step)


def seed_selection(stage: Stage, panel: ProjectReviewRules, *, agreed: int = 3) -> dict[str, list[int]]:
    """What was played: state → projects, among them `agreed` of which the agreement is confirmed, so that later steps can play on with them.
    Empty where there are too few people."""
    play = open_play(stage, panel)
    if play is None:
        return {}
    own, second, third = stage.enterprises[0], stage.enterprises[1], stage.enterprises[2]
    found: dict[str, list[int]] = {}

    def note(state: str, number: int) -> int:
        found.setdefault(state, []).append(number)
        return number

    # Whoever got an account last is done: those whose log-in is told at the start still have it before them.
    parts = play.reviewing(note("reviewing", stage.recommended(5, "central", 6, enterprise=own)), 4, more=2)
    for part, expert in sorted(parts, key=lambda one: one[1].account_id or 0)[-1:]:
        play.score(part, expert, 2, _GOOD[0], _OPINIONS[0])
    if not play.ranked(note("ranked", stage.recommended(0, "central", 24, enterprise=second)), 16, _FAIR, 0.7):
        return found
    play.ranked(note("ranked", stage.recommended(6, "central", 24, enterprise=third)), 15, _LOW)
    shown = note("shown", stage.recommended(1, "central", 26, enterprise=own))
    play.ranked(shown, 14)
    play.shown(shown, 2)
    _objections(play, shown)
    number = note("approved", stage.recommended(3, "central", 45, enterprise=own))
    play.ranked(number, 40)
    play.sign(number, THEIRS, min(play.approved(number, 34) - 1, 3))
    for place in range(agreed):
        number = note("agreed", stage.recommended(7 + place, "central", 50, enterprise=stage.enterprises[place % len(stage.enterprises)]))
        play.ranked(number, 46)
        play.agreed(number, play.approved(number, 41) - 2)
    _other_classes(play, note)
    return found


def _objections(play: Play, number: int) -> None:
    """One that is answered, and one that waits."""
    database, at = play.stage.database, play.stage.at
    with database.reading() as session:
        publicity = find_publicity(session, number)
        notice = publicity.id if publicity is not None else 0
    words = (("某设备公司", "设备清单里的冲压机似乎是 2019 年已经购置的，请核实。"), ("市民", "该企业去年有过环保处罚，是否符合申报条件？"))
    raised = [
        raise_project_objection(
            database, notice, name=name, contact="022-66000000", words=text, address=f"192.0.2.{place}", panel=play.panel, at=at
        ).id
        for place, (name, text) in enumerate(words, 1)
    ]
    bureau = play.stage.people["bureau"]
    answer_project_objection(database, raised[0], "dismiss", why="核对采购合同和发票，为本年新购，异议不成立。", viewer=bureau, at=at)


def _other_classes(play: Play, note: Callable[[str, int], int]) -> None:
    """Class ②: with the city, and decided by it; class ③: shown, and waiting for its funding plan."""
    stage = play.stage
    for place, enterprise in ((0, 1), (3, 2)):
        number = _large(stage, place, 30, stage.enterprises[enterprise])
        play.decide(number, "send_to_city", 27, SelectionDraft("符合市级条件，同意推荐"))
        if enterprise == 1:
            note("city_deciding", number)
            continue
        draft = SelectionDraft("市级文件批复立项", play.amount(number, 0.9), "津工信技改〔示例〕12 号", stage.who("bureau", 6).today)
        play.decide(note("implementing", number), "city_approves", 5, draft)
    shown = note("shown", stage.recommended(2, "other", 10, enterprise=stage.enterprises[1]))
    play.shown(shown, 3)
    number = note("approved", stage.recommended(4, "other", 22, enterprise=stage.enterprises[0]))
    play.approved(number, 20)


def _large(stage: Stage, place: int, ago: int, enterprise: Enterprise) -> int:
    """The city asks for more investment than the other needs have."""
    need = stage.need(place, enterprise)
    step = stage.applicant(enterprise, ago + 7)
    project = projects.create(stage.database, stage.guides["municipal"], enterprise.organisation_id, need.title, step)
    stage.fill(project.id, enterprise, need, 1_000 + TOTALS[place], step, place=place)
    project_submission.submit(stage.database, project.id, stage.step_of(project.id, ago + 4))
    stage.review(project.id, "recommend", "符合市级条件，材料齐全，同意推荐。", ago)
    return project.id


def open_play(stage: Stage, panel: ProjectReviewRules) -> Play | None:
    with stage.database.reading() as session:
        accounts = {login: account.id for login in ("manager", "admin") if (account := find_account(session, login))}
        people = {login: viewer for login, number in accounts.items() if (viewer := find_viewer(session, number))}
        numbers = session.scalars(select(ReviewExpert.account_id).where(ReviewExpert.account_id.is_not(None))).all()
        experts = {number: viewer for number in numbers if number is not None and (viewer := find_viewer(session, number))}
    if len(people) < 2 or len(experts) < panel.least_experts:
        return None
    return Play(stage, panel, people["manager"], people["admin"], experts)
