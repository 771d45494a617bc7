"""Reviews of the demonstration set: a pool of experts, and applications at every step of the review.

Everything happens through the same actions as on the pages, so nothing stands there that could not have come about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.accounts import open_account
from marketplace.actions.admission import answer_decision, propose_decision
from marketplace.actions.demonstration import PASSWORD
from marketplace.actions.experts import enter_expert, move_expert
from marketplace.actions.objections import answer_objection, raise_objection
from marketplace.actions.reviews import accept, close_review, send_back
from marketplace.actions.reviews_experts import draw_experts, release
from marketplace.actions.reviews_scores import confirm_joint, declare_clear, dissent, hand_in_sheet, recuse, save_sheet, write_joint
from marketplace.domain.access import Role, Viewer
from marketplace.domain.experts import ExpertDraft, lot
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.reviews import YES, JointDraft, ScoreSheet
from marketplace.records.accounts import Account, find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.decisions import find_waiting_decisions
from marketplace.records.experts import ReviewExpert
from marketplace.records.organisations import Organisation
from marketplace.records.reviews import Review, find_review

UNIT = "评审专家（示例）"
# Log-in → name, unit, what the draw has to know.
REVIEWERS: Mapping[str, tuple[str, str]] = {
    "expert": ("林评（示例）", "滨海大学（示例）"),
    "expert2": ("周审（示例）", "滨海大学（示例）"),
    "expert3": ("吴衡（示例）", "智能制造研究院（示例）"),
    "expert4": ("郑断（示例）", "智能制造研究院（示例）"),
    "expert5": ("冯量（示例）", "化工学会（示例）"),
    "expert6": ("陈察（示例）", "汽车工程学会（示例）"),
}
_SCORES = ((82, 76, 80, 74, 70, 60), (78, 84, 77, 80, 72, 65), (75, 72, 70, 78, 80, 70))
_FAR_APART = ((90, 88, 85, 80, 75, 70), (62, 60, 64, 66, 61, 60), (78, 75, 72, 70, 74, 68))
_LOW = ((55, 50, 58, 60, 52, 40), (58, 54, 57, 62, 50, 45), (52, 56, 55, 61, 55, 40))


@dataclass(frozen=True)
class _Stage:
    """Where the story plays: the application, the people and the rules."""

    database: Database
    application: int
    rules: ReviewRules
    at: datetime
    people: Mapping[str, Viewer]
    correction_days: int

    @property
    def manager(self) -> Viewer:
        return self.people["manager"]

    @property
    def bureau(self) -> Viewer:
        return self.people["bureau"]

    def before(self, days: int) -> datetime:
        return self.at - timedelta(days=days)


def seed_reviews(
    database: Database, *, applications: Sequence[int], sectors: Sequence[str], rules: ReviewRules, correction_days: int, at: datetime
) -> None:
    """Take applications that were handed in (ids) through the review, each to another step; a second time changes nothing.

    `at` is in the pilot's zone. The first ones get the steps that matter most, so a shorter list tells a shorter story.
    """
    with database.reading() as session:
        if session.scalar(select(ReviewExpert.id).limit(1)) is not None:
            return
    _open_accounts(database, at)
    people = _viewers(database)
    _fill_pool(database, people["manager"], sectors, at)
    for application, tell in zip(applications, STORY, strict=False):
        tell(_Stage(database, application, rules, at, people, correction_days))


def _open_accounts(database: Database, at: datetime) -> None:
    with database.writing() as session:
        unit = session.scalar(select(Organisation).where(Organisation.name == UNIT)) or Organisation(name=UNIT)
        session.add(unit)
        session.flush()
        for login, (name, _unit) in REVIEWERS.items():
            if find_account(session, login) is None:
                account = open_account(
                    session, login, PASSWORD, name=name, memberships=[(unit.id, Role.EXPERT)], now=at, actor="jigai demo"
                )
                assert isinstance(account, Account), account


def _viewers(database: Database) -> dict[str, Viewer]:
    found = {}
    with database.reading() as session:
        for login in ("manager", "bureau", "admin", *REVIEWERS):
            account = find_account(session, login)
            assert account is not None, login
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            found[login] = viewer
    return found


def _fill_pool(database: Database, manager: Viewer, sectors: Sequence[str], at: datetime) -> None:
    """Six who can be drawn; and one each who is paused, has no account, is away, knows another field or avoids somebody."""
    for login, (name, unit) in REVIEWERS.items():
        draft = ExpertDraft(name=name, title="教授级高工", unit=unit, login=login, fields=list(sectors))
        expert = enter_expert(database, draft, viewer=manager, at=at)
        with database.writing() as session:
            session.get_one(ReviewExpert, expert.id).public_id = _expert_id(login)
    others = (
        ExpertDraft(name="赵停（示例）", unit="检测中心（示例）", fields=list(sectors), note="本年度出国进修"),
        ExpertDraft(name="孙远（示例）", unit="软件协会（示例）", fields=list(sectors)),
        ExpertDraft(
            name="李假（示例）", unit="设计院（示例）", fields=list(sectors), away_from=at.date(), away_until=at.date() + timedelta(days=60)
        ),
        ExpertDraft(name="王旁（示例）", unit="物流研究所（示例）", fields=["warehouse"]),
    )
    for draft in others:
        expert = enter_expert(database, draft, viewer=manager, at=at)
        if draft.name.startswith("赵停"):
            move_expert(database, expert.id, "pause", viewer=manager, at=at, why="本年度出国进修")


# ---------------------------------------------------------------- steps that several stories share


def _accept(stage: _Stage, days: int) -> None:
    answers = {check.key: YES for check in stage.rules.form_checks}
    accept(stage.database, stage.application, answers=answers, remarks={}, rules=stage.rules, viewer=stage.manager, at=stage.before(days))


def _draw(stage: _Stage, days: int, *, wanted: int = 3) -> None:
    """A draw like any other; of many possible seeds one by which the expert whom everybody can log in as comes first."""
    ids = [_expert_id(login) for login in REVIEWERS]
    seeds = (f"demo-{stage.application}-{number}" for number in count())
    seed = next(seed for seed in seeds if min(ids, key=lambda one: lot(seed, one)) == ids[0])
    draw_experts(
        stage.database, stage.application, wanted=wanted, rules=stage.rules, viewer=stage.manager, at=stage.before(days), seed=seed
    )


def _expert_id(login: str) -> str:
    """The same at every loading, so that the same experts are drawn."""
    return str(uuid5(NAMESPACE_URL, f"jigai:demo:{login}"))


def _parts(stage: _Stage) -> list[tuple[int, Viewer]]:
    """The parts of the review and their experts, in the order of the draw."""
    by_account = {viewer.account_id: viewer for viewer in stage.people.values()}
    with stage.database.reading() as session:
        review = _review(session, stage)
        return [(one.id, by_account[one.expert.account_id]) for one in review.assignments]


def _review(session: Session, stage: _Stage) -> Review:
    review = find_review(session, stage.application)
    assert review is not None
    return review


def _sheet(rules: ReviewRules, scores: Sequence[int], opinion: str) -> ScoreSheet:
    keys = [criterion.key for criterion in rules.criteria]
    return ScoreSheet(
        scores=dict(zip(keys, scores, strict=True)),
        remarks={
            key: "见申报材料和佐证。" if 60 <= score < 100 else "佐证不足，按实际情况给分。"
            for key, score in zip(keys, scores, strict=True)
        },
        answers={check.key: YES for check in rules.checklist},
        opinion=opinion,
    )


def _score(stage: _Stage, days: int, sheets: Sequence[Sequence[int]]) -> None:
    for (part, expert), scores in zip(_parts(stage), sheets, strict=True):
        declare_clear(stage.database, part, rules=stage.rules, viewer=expert, at=stage.before(days + 1))
        sheet = _sheet(stage.rules, scores, "案例真实，本地服务安排具体。" if scores[0] >= 60 else "案例与行业关联弱，本地团队不足。")
        hand_in_sheet(stage.database, part, sheet, rules=stage.rules, viewer=expert, at=stage.before(days), version=0)


def _join(stage: _Stage, days: int, sheets: Sequence[Sequence[int]]) -> None:
    keys = [criterion.key for criterion in stage.rules.criteria]
    means: dict[str, int | None] = {
        key: round(sum(column) / len(column)) for key, column in zip(keys, zip(*sheets, strict=True), strict=True)
    }
    draft = JointDraft(means, "各位专家意见一致，按联合评分上报。", "对分差较大的项逐条核对佐证后取得一致。")
    write_joint(stage.database, stage.application, draft, rules=stage.rules, viewer=stage.manager, at=stage.before(days))


def _finish(stage: _Stage, days: int, sheets: Sequence[Sequence[int]] = _SCORES) -> None:
    """From acceptance to the end of the review."""
    _accept(stage, days + 9)
    _draw(stage, days + 8)
    _score(stage, days + 4, sheets)
    _join(stage, days + 2, sheets)
    for part, expert in _parts(stage):
        confirm_joint(stage.database, part, revision=1, rules=stage.rules, viewer=expert, at=stage.before(days + 1))
    close_review(stage.database, stage.application, rules=stage.rules, viewer=stage.manager, at=stage.before(days))


def _propose(stage: _Stage, event: str, days: int, why: str) -> None:
    propose_decision(stage.database, stage.application, event, why=why, rules=stage.rules, viewer=stage.manager, at=stage.before(days))


def _confirm(stage: _Stage, days: int) -> None:
    with stage.database.reading() as session:
        [decision] = find_waiting_decisions(session, "application", stage.application)
        number = decision.id
    answer_decision(stage.database, number, "confirm", why="", rules=stage.rules, viewer=stage.bureau, at=stage.before(days))


def _publish(stage: _Stage, days: int) -> None:
    _propose(stage, "publish", days + 1, "评审达到入库分数线，材料齐全。")
    _confirm(stage, days)


def _object(stage: _Stage, days: int, text: str) -> int:
    with stage.database.reading() as session:
        number = _review(session, stage).id
    return raise_objection(
        stage.database,
        number,
        name="某企业职工（示例）",
        contact="example@example.com",
        text=text,
        address=f"192.0.2.{stage.application % 250}",
        rules=stage.rules,
        at=stage.before(days),
    ).id


# ---------------------------------------------------------------- the stories


def _under_way(stage: _Stage) -> None:
    """Drawn; one has stepped back, one was replaced, one is scoring, others have not answered yet."""
    _accept(stage, 5)
    _draw(stage, 5, wanted=4)
    (first, one), (second, two), (third, _three), _last = _parts(stage)
    declare_clear(stage.database, first, rules=stage.rules, viewer=one, at=stage.before(4))
    draft = _sheet(stage.rules, _SCORES[0], "")
    save_sheet(stage.database, first, draft, rules=stage.rules, viewer=one, at=stage.before(3), version=0)
    recuse(stage.database, second, why="近三年与申报单位有合作项目", rules=stage.rules, viewer=two, at=stage.before(4))
    release(stage.database, third, why="两次联系未答复", rules=stage.rules, viewer=stage.manager, at=stage.before(1))


def _publicity(stage: _Stage) -> None:
    """The notice runs, and an objection waits."""
    _finish(stage, 4)
    _publish(stage, 2)
    _object(stage, 1, "该单位第二个案例的上线时间与我厂实际情况不符，请核实合同和验收报告。")


def _admitted(stage: _Stage) -> None:
    """An objection did not hold, and the applicant entered the pool."""
    _finish(stage, 24)
    _publish(stage, 22)
    number = _object(stage, 20, "听说该单位没有本地团队，请核实其本地化服务承诺。")
    answer_objection(
        stage.database, number, "dismiss", why="已实地核实承诺中的驻场人员和联系电话，属实。", viewer=stage.bureau, at=stage.before(15)
    )
    _propose(stage, "admit", 3, "评审达到入库分数线，公示异议已核实不成立。")
    _confirm(stage, 2)


def _refused(stage: _Stage) -> None:
    """Below the mark."""
    _finish(stage, 6, _LOW)
    _propose(stage, "refuse", 5, "行业案例和本地服务保障不足，未达到入库要求。")
    _confirm(stage, 4)


def _to_confirm(stage: _Stage) -> None:
    """Reviewed; the first person has proposed, the second one is asked."""
    _finish(stage, 3)
    _propose(stage, "publish", 1, "评审达到入库分数线，材料齐全。")


def _to_join(stage: _Stage) -> None:
    """All scores are in and lie far apart: the joint opinion waits."""
    _accept(stage, 8)
    _draw(stage, 8)
    _score(stage, 2, _FAR_APART)


def _to_agree(stage: _Stage) -> None:
    """A joint opinion that one has confirmed and another one does not share."""
    _accept(stage, 9)
    _draw(stage, 9)
    _score(stage, 3, _SCORES)
    _join(stage, 2, _SCORES)
    (first, one), (second, two), _third = _parts(stage)
    confirm_joint(stage.database, first, revision=1, rules=stage.rules, viewer=one, at=stage.before(1))
    dissent(
        stage.database, second, why="案例一项偏高，合同金额与验收不一致。", revision=1, rules=stage.rules, viewer=two, at=stage.before(1)
    )


def _sent_back(stage: _Stage) -> None:
    """To be corrected."""
    reasons = {"cases": "第二个案例缺少验收报告或用户证明。", "finance": "补交上一年度利润表。"}
    days = stage.correction_days
    send_back(stage.database, stage.application, reasons=reasons, days=days, viewer=stage.manager, at=stage.before(1))


def _to_decide(stage: _Stage) -> None:
    """Reviewed; nobody has proposed anything yet."""
    _finish(stage, 1)


def _to_draw(stage: _Stage) -> None:
    """Accepted; the experts are still to be drawn."""
    _accept(stage, 1)


def _published_over(stage: _Stage) -> None:
    """The notice is over: the decision waits for its first person."""
    _finish(stage, 20)
    _publish(stage, 18)


def _upheld(stage: _Stage) -> None:
    """An objection that holds."""
    _finish(stage, 16)
    _publish(stage, 14)
    number = _object(stage, 12, "该单位提供的软件著作权证书登记人是另一家公司，请核实。")
    answer_objection(stage.database, number, "uphold", why="证书登记人与申报单位不一致，属实。", viewer=stage.bureau, at=stage.before(8))


STORY: tuple[Callable[[_Stage], None], ...] = (
    _under_way, _publicity, _admitted, _refused, _to_confirm, _to_join, _to_agree, _sent_back, _to_decide, _to_draw, _published_over, _upheld,
)  # fmt: skip
