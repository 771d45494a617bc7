"""Complaints in the demonstration set: one in each state, one overdue, one about the manager that only the bureau reads."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select

from marketplace.actions import complaints
from marketplace.actions.complaints import Step
from marketplace.domain.access import ANYONE, Viewer
from marketplace.domain.catalogue_rules import CatalogueRules
from marketplace.domain.complaints import ComplaintDraft, ComplaintRules
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.complaints import Complaint
from marketplace.records.database import Database

# Kind, about, text, days ago; then who takes it, the answer, what the writer says to it, and whether it is closed.
_ROWS: tuple[tuple[str, str, str, int, str, str, str, bool], ...] = (
    (
        "question", "funds", "去年已经买了一台设备，今年再做软件改造，还能不能申请支持？买设备的发票算不算在里面？", 40, "bureau",
        "已经完成并付清的设备不能再计入，软件改造可以单独申请，请看资金使用办法第五条。", "", True,
    ),
    (
        "complaint", "provider", "说好三天内派人来看现场，两周过去了没有人来，打电话只说在排队，耽误我们大修。", 24, "manager",
        "已核实，对方承认人手不足。已安排工程师本周到场，并把这件事记入履约记录。", "工程师来过了，可是只看了一台设备，另外两台没有看，也没有给书面的结论。", False,
    ),
    ("suggestion", "site", "希望方案可以按能不能不停产安装来筛选，我们这种连续生产的厂最关心这个。", 9, "manager", "", "", False),
    (
        "complaint", "project", "初审已经超过公布的时间，网上一直显示同一个状态，问街道说还在看，希望给个明确的时间。", 12, "bureau",
        "已查明，材料里少一页盖章，补正的短信没有送达。现已电话说明，补齐后当天转评审。", "", False,
    ),
    ("complaint", "manager", "现场检查的人对我们的工艺不熟，问的都是别的行业的事，希望换懂行的专家来。", 5, "", "", "", False),
    ("suggestion", "other", "建议把各家企业用过的验收表格做成范本公开，省得大家各写一遍。", 1, "", "", "", False),
)  # fmt: skip


def seed_complaints(database: Database, rules: ComplaintRules, words: CatalogueRules, *, at: datetime, today: date) -> None:
    """Once only, from the oldest to the newest."""
    with database.reading() as session:
        if session.scalar(select(Complaint.id).limit(1)) is not None:
            return
        accounts = {login: found.id for login in ("manager", "bureau") if (found := find_account(session, login))}
        people = {login: viewer for login, number in accounts.items() if (viewer := find_viewer(session, number))}
    if len(people) < 2:
        return

    def step(ago: int, viewer: Viewer = ANYONE) -> Step:
        return Step(viewer, at - timedelta(days=ago), today - timedelta(days=ago), rules, words, "demo")

    for kind, about, text, ago, person, answer, again, closed in sorted(_ROWS, key=lambda row: -row[3]):
        receipt = complaints.receive(database, ComplaintDraft(kind, about, text, "王先生（示例）", "示例电话"), step(ago))
        with database.reading() as session:
            number = session.scalars(select(Complaint.id).where(Complaint.number == receipt.number)).one()
        if not person:
            continue
        complaints.take(database, number, step(ago - 1, people[person]))
        if answer:
            complaints.answer(database, number, answer, step(ago - 3, people[person]))
        if again:
            complaints.ask_again(database, number, again, step(ago - 5))
        if closed:
            complaints.close(database, number, step(ago - 20, people[person]))
