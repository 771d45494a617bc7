"""Dynamic adjustment in the demonstration set: cases and appeals in every state, as people and rules would have brought them there.

Everything happens through the same actions as on the pages, on days before today, so nothing stands there that could not have
come about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import adjustments, appeals, providers
from marketplace.actions import adjustments_rectification as rectification
from marketplace.actions.accounts import open_account
from marketplace.actions.adjustments_effect import Step
from marketplace.actions.demonstration import LOGINS, PASSWORD
from marketplace.domain.access import Role, Viewer
from marketplace.domain.adjustment_rules import AdjustmentRules
from marketplace.domain.adjustments import TWO_PERSONS, AdjustmentKind
from marketplace.domain.providers import ProviderState
from marketplace.domain.solutions import SolutionState
from marketplace.records.accounts import Account, find_account, find_viewer
from marketplace.records.adjustments import Adjustment
from marketplace.records.database import Database
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution

ACTOR = "jigai demo"
STORIES = 11
_K = AdjustmentKind


def seed_adjustments(database: Database, rules: AdjustmentRules, *, at: datetime, today: date) -> bool:
    """Once only; False where there is a case already, or too few providers or people to tell the stories of."""
    with database.reading() as session:
        if session.scalar(select(func.count()).select_from(Adjustment)):
            return False
        found = _people(session)
        chosen = quietest(session)
    if found is None or len(chosen) < STORIES:
        return False
    stage = _Stage(database, rules, at, today, found, chosen)
    for tell in (_waiting, _under_way, _ended, _out, _own_wish):
        tell(stage)
    return True


@dataclass
class _Stage:
    """Where the stories play. `people`: by log-in; `chosen`: providers, the quietest first."""

    database: Database
    rules: AdjustmentRules
    at: datetime
    today: date
    people: dict[str, Viewer]
    chosen: list[int]
    members: dict[int, Viewer] = field(default_factory=dict)

    def step(self, person: str | int, days_ago: int) -> Step:
        """Somebody's step some days ago: a person of the staff by log-in, or the member of a provider."""
        viewer = self.people[person] if isinstance(person, str) else self.member(person)
        return Step(viewer, self.at - timedelta(days=days_ago), self.today - timedelta(days=days_ago), self.rules)

    def member(self, provider_id: int) -> Viewer:
        """Somebody who acts for a provider; an account is opened for it where it has none."""
        if provider_id not in self.members:
            with self.database.writing() as session:
                unit = session.get_one(Provider, provider_id).organisation
                login = f"{unit.credit_code or unit.id}".lower()
                row: object = find_account(session, login)
                if row is None:
                    roles = [(unit.id, Role.PROVIDER)]
                    name = f"{unit.name[:20]}成员"
                    row = open_account(session, login, PASSWORD, name=name, memberships=roles, now=self.at, actor=ACTOR)
                assert isinstance(row, Account), row
                viewer = find_viewer(session, row.id)
                assert viewer is not None
                self.members[provider_id] = viewer
        return self.members[provider_id]

    def propose(self, provider: int, kind: AdjustmentKind, why: str, evidence: str, ago: int, *, conduct: str = "") -> int:
        step = self.step("manager", ago)
        return adjustments.propose(self.database, provider, kind, step, why=why, evidence=evidence, conduct=conduct).id

    def decided(self, provider: int, kind: AdjustmentKind, why: str, evidence: str, ago: int, *, conduct: str = "") -> int:
        """Proposed, and two days later decided, by two persons where that is needed."""
        case = self.propose(provider, kind, why, evidence, ago, conduct=conduct)
        step = self.step("bureau", ago - 2)
        if kind in TWO_PERSONS:
            adjustments.put_forward(self.database, case, step, why="事实清楚，依据充分。")
            adjustments.confirm(self.database, case, self.step("admin", ago - 2), why="同意。")
        else:
            adjustments.decide(self.database, case, step, why="事实清楚，依据充分。")
        return case


def _people(session: Session) -> dict[str, Viewer] | None:
    found = {}
    for login in ("manager", "bureau", "admin"):
        account = find_account(session, login)
        viewer = find_viewer(session, account.id) if account is not None else None
        if viewer is None:
            return None
        found[login] = viewer
    return found


def quietest(session: Session) -> list[int]:
    """Providers of the pool with the fewest solutions, so that the demonstration loses little; not those that somebody logs in as."""
    offered = select(Solution.provider_id, func.count().label("count")).where(Solution.state == SolutionState.PUBLISHED)
    counted = offered.group_by(Solution.provider_id).subquery()
    spoken_for = {code for _role, code in LOGINS.values() if code}
    query = select(Provider.id).join(Organisation, Organisation.id == Provider.organisation_id)
    query = query.outerjoin(counted, counted.c.provider_id == Provider.id)
    query = query.where(Provider.state == ProviderState.ADMITTED, Organisation.credit_code.not_in(spoken_for))
    query = query.order_by(func.coalesce(counted.c.count, 0), Organisation.credit_code).limit(STORIES)
    return list(session.scalars(query))


def _waiting(stage: _Stage) -> None:
    """A proposal that waits for the bureau, one that waits for a second person, one about which nothing is done."""
    one, two = stage.chosen[8], stage.chosen[9]
    stage.propose(one, _K.WARN, "本季度两次没有在 2 个工作日内答复企业咨询。", "2 份咨询记录", 3)
    dropped = stage.propose(two, _K.WARN, "一个项目比计划晚 6 天验收。", "XM-2026 验收单", 30)
    adjustments.drop(stage.database, dropped, stage.step("bureau", 28), why="晚交因企业停产检修，已约谈，不予处理。")
    conduct = stage.rules.conduct[0].key
    retire = stage.propose(two, _K.RETIRE, "申报材料中的一份用户证明经核实不是该企业出具。", "企业书面说明", 4, conduct=conduct)
    adjustments.put_forward(stage.database, retire, stage.step("bureau", 1), why="企业已书面否认，材料虚假属实。")


def _under_way(stage: _Stage) -> None:
    """Two rectifications: one asks for more time, one has handed in."""
    late, done = stage.chosen[3], stage.chosen[4]
    case = stage.decided(late, _K.RECTIFY, "两个在施项目的进度连续两月没有上报。", "2026-09、2026-10 月报核对表", 20)
    rectification.ask_extension(stage.database, case, stage.step(late, 2), why="一家企业停产检修，现场数据要到下月才能补采。")
    case = stage.decided(done, _K.RECTIFY, "检查发现现场没有按承诺派驻工程师。", "2026-10-20 现场检查记录", 30)
    rectification.hand_in(stage.database, case, stage.step(done, 1), text="已派驻两名工程师，考勤附后；建立周报，企业已签字确认。")


def _ended(stage: _Stage) -> None:
    """A warning that was lifted after a dismissed appeal, a rectification that passed, a decision that fell by an appeal."""
    warned, passed, wronged = stage.chosen[5], stage.chosen[6], stage.chosen[7]
    case = stage.decided(warned, _K.WARN, "两个项目验收延期，平均晚 18 个工作日。", "2 份验收单", 220)
    filed = appeals.file(stage.database, case, stage.step(warned, 214), text="延期因企业变更需求，请撤销警示。").id
    appeals.dismiss(stage.database, filed, stage.step("admin", 205), why="变更单只涉及其中一个项目，维持决定。")
    stage.decided(warned, _K.CLEAR, "警示满 6 个月，其后 3 个项目按期通过验收。", "3 份验收单", 20)
    case = stage.decided(passed, _K.RECTIFY, "《本地化服务承诺》约定的备件库没有建立。", "2026-08-12 现场检查记录", 90)
    rectification.ask_extension(stage.database, case, stage.step(passed, 60), why="备件采购周期长。")
    rectification.extend(stage.database, case, stage.step("bureau", 58), why="同意。")
    rectification.hand_in(stage.database, case, stage.step(passed, 50), text="备件库已建成，清单和照片附后。")
    rectification.accept(stage.database, case, stage.step("bureau", 45), why="现场核实，备件齐全。")
    case = stage.decided(wronged, _K.RECTIFY, "被投诉未经同意更换项目经理。", "投诉材料", 60)
    filed = appeals.file(stage.database, case, stage.step(wronged, 55), text="更换前已征得企业书面同意，见附件。").id
    appeals.uphold(stage.database, filed, stage.step("admin", 50), why="企业书面同意属实，撤销决定。")


def _out(stage: _Stage) -> None:
    """One suspended after a rectification that failed, its appeal open; one retired, its rectification at rest; one whose appeal stays it."""
    suspended, retired = stage.chosen[0], stage.chosen[1]
    case = stage.decided(suspended, _K.RECTIFY, "三个项目验收未通过。", "3 份验收意见", 80)
    rectification.hand_in(stage.database, case, stage.step(suspended, 40), text="已更换实施团队。")
    rectification.fail(stage.database, case, stage.step("bureau", 35), why="团队没有到位，问题依旧。")
    with stage.database.reading() as session:
        query = select(Adjustment.id).where(Adjustment.provider_id == suspended, Adjustment.kind == _K.SUSPEND)
        following = session.scalars(query).one()
    adjustments.put_forward(stage.database, following, stage.step("bureau", 10), why="整改未通过，暂停。")
    adjustments.confirm(stage.database, following, stage.step("admin", 9), why="同意。")
    appeals.file(stage.database, following, stage.step(suspended, 5), text="新团队已于本月到位，请重新核查。")
    stage.decided(retired, _K.RECTIFY, "合同价高于公开报价。", "合同与报价对照表", 70)
    conduct = stage.rules.conduct[3].key
    case = stage.decided(retired, _K.RETIRE, "查明将合同主体工作转包给第三方。", "转包合同", 50, conduct=conduct)
    filed = appeals.file(stage.database, case, stage.step(retired, 46), text="系劳务分包，不是转包。").id
    appeals.withdraw(stage.database, filed, stage.step(retired, 44), why="核对合同后撤回。")
    stayed = stage.chosen[10]
    case = stage.decided(stayed, _K.WARN, "一个项目的成效数据与企业台账不一致。", "数据核对表", 14)
    filed = appeals.file(stage.database, case, stage.step(stayed, 8), text="台账口径不同，已与企业核对一致。").id
    appeals.stay(stage.database, filed, stage.step("bureau", 6), why="口径问题需要复核，复核期间暂停执行。")


def _own_wish(stage: _Stage) -> None:
    """One has left of its own wish, one takes a break."""
    left, resting = stage.chosen[2], stage.chosen[6]
    providers.leave(stage.database, left, stage.step(left, 12), why="公司业务调整，不再承接本地项目。")
    providers.set_no_orders_until(stage.database, resting, stage.step(resting, 1), until=stage.today + timedelta(days=45))
