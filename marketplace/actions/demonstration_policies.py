"""Policies in the demonstration set: five, of which one has two versions and one was repealed by another; and a draft of a next version."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select

from marketplace.actions import policies
from marketplace.actions.policies import Step
from marketplace.domain.policies import PolicyDraft
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.policies import Policy

_ISSUER = "津滨区工业和信息化局（示例）"
_FUNDS = """第一条 为规范试点专项资金使用，制定本办法。
第二条 资金支持点、线、面三个层面的改造，按可支持投资的比例给予补助。
第三条 补助比例不超过百分之{share}，单个项目不超过五百万元。
第四条 资金分两次拨付：任务书签订后先拨{first}，验收通过后拨付其余。
第五条 {more}
第六条 本办法由区工业和信息化局负责解释。"""
_PLAN = """一、总体目标：三年内规上企业诊断全覆盖，八成完成改造。
二、重点任务：摸清底数、梳理难题、建好资源池、组织对接、抓好示范。
三、工作机制：区级统筹，开发区和街镇初审，综合管理服务商全过程服务。
四、进度安排：每年十二月自评，期满总结。"""
_POOL = """第一条 资源池面向能提供改造服务的单位，常年受理，集中评审。
第二条 入库须有同类业绩、稳定团队和本地服务承诺。
第三条 每半年评一次，连续两次不合格的退出。
第四条 弄虚作假的立即退出，三年内不再受理。"""
_FINANCE = """一、鼓励银行和租赁机构推出面向改造的专门产品。
二、对已立项的改造，贷款贴息不超过百分之二，最长两年。
三、由能力中心汇总融资需要，每月向机构推介一次。"""
_OLD = """第一条 对设备更新按购置额的百分之十给予补助。
第二条 补助在设备到货后一次拨付。"""


def seed_policies(database: Database, *, at: datetime, today: date) -> None:
    """Once only."""
    with database.reading() as session:
        account = find_account(session, "bureau")
        viewer = find_viewer(session, account.id) if account else None
        if viewer is None or session.scalar(select(Policy.id).limit(1)) is not None:
            return

    def step(ago: int) -> Step:
        assert viewer is not None
        return Step(viewer, at - timedelta(days=ago), today - timedelta(days=ago))

    def published(draft: PolicyDraft, ago: int, policy: int | None = None) -> tuple[int, int]:
        row = policies.create(database, draft, step(ago), policy_id=policy)
        policies.publish(database, row.id, step(ago))
        return row.policy_id, row.id

    def draft(topic: str, title: str, number: str, ago: int, text: str, summary: str, note: str = "", until: int = 0) -> PolicyDraft:
        issued = today - timedelta(days=ago)
        last = today + timedelta(days=until) if until else None
        number = number.format(year=issued.year)
        return PolicyDraft(topic, title, number, _ISSUER, issued, issued + timedelta(days=30), last, summary, text, note)

    old = draft("funds", "设备更新补助暂行办法（示例）", "津滨工信〔{year}〕6 号", 700, _OLD, "设备到货后按购置额补助。")
    _old_policy, old_version = published(old, 420)
    published(
        draft("pilot", "新型技改试点实施意见（示例）", "津滨政办〔{year}〕3 号", 400, _PLAN, "三年做什么、谁来做、怎样算做成。", until=500),
        400,
    )
    title, number = "试点专项资金使用办法（示例）", "津滨工信〔{year}〕18 号"
    first = _FUNDS.format(share="二十", first="三成", more="不得用于土建和征地。")
    funds, _first = published(draft("funds", title, number, 330, first, "按可支持投资的比例补助，先拨一部分。"), 330)
    policies.repeal(database, old_version, step(328), why="改为按改造整体支持，设备不再单独补助。", successor_id=funds)
    pool = draft("pool", "服务商资源池运行规则（示例）", "津滨工信〔{year}〕21 号", 300, _POOL, "怎样入库、怎样评、怎样退出。")
    pool_policy, _pool_version = published(pool, 300)
    published(draft("finance", "金融支持技改若干措施（示例）", "津滨金〔{year}〕2 号", 20, _FINANCE, "贴息和融资推介。", until=700), 12)
    second = _FUNDS.format(share="二十五", first="四成", more="不得用于土建和征地；同一内容已获其他财政补助的不再支持。")
    note = "补助比例由百分之二十提高到二十五，首次拨付由三成提高到四成，写明不重复支持。"
    published(draft("funds", title, "津滨工信〔{year}〕9 号", 40, second, "补助比例提高，先拨四成，不重复支持。", note), 38, funds)
    # The next version of the rules of the pool is being written.
    more = _POOL + "\n第五条 连续三年优秀的，入库期延长一年。"
    policies.create(database, draft("pool", pool.title, "", 3, more, pool.summary, "增加第五条。"), step(3), policy_id=pool_policy)
