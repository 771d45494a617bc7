"""The pages about money: from the budget to the bank in the browser, by the people whose turn it is; who sees what; the financing channel."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime, timedelta
from zipfile import ZipFile

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.domain.access import Role
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.guard import now
from marketplace.records.accounts import Account, Membership, find_account
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.financing import FinancingApplication
from marketplace.records.funds import LedgerEntry
from marketplace.records.payments import Payment, Reclaim
from marketplace.records.projects import Project
from marketplace.records.vouchers import Voucher
from marketplace.web.typed import local_day
from tests.opened import Browser, app, database_of, own_site
from tests.web.people import browser_of, viewer_of
from tests.web.test_catalogue import People

__all__ = ["app", "own_site"]
WAN = 1_000_000


class Office:
    """Browsers by person; `second`: another person of the bureau with the demonstration's password."""

    def __init__(self, app: Flask) -> None:
        self.app, self.database = app, database_of(app)
        self.people = People(app)
        with app.test_request_context():
            self.today = local_day(now())
        with self.database.writing() as session:
            first = find_account(session, "bureau")
            assert first is not None
            second = Account(login="bureau2", name="王复核", password_hash=first.password_hash, created=now_of(app))
            second.memberships.append(Membership(organisation=first.memberships[0].organisation, role=Role.BUREAU))
            session.add(second)
            own = next(iter(viewer_of(session, "enterprise").enterprise_ids))
            enterprise = session.get_one(Enterprise, own)
            project = Project(
                number="XM-2026-0901", project_class=ProjectClass.CENTRAL, organisation_id=enterprise.organisation_id, enterprise_id=own,
                title="反应器改造", state=ProjectState.AGREED, total_fen=1000 * WAN, amount_fen=100 * WAN, created=now_of(app),
                starts=self.today, ends=self.today + timedelta(200),
            )  # fmt: skip
            session.add(project)
            session.flush()
            self.project, self.number = project.public_id, project.id
        self.second = Browser(app.test_client())
        self.second.log_in("bureau2")

    def __getitem__(self, person: str) -> Browser:
        return self.second if person == "bureau2" else self.people[person]

    def did(self, person: str, address: str, data: Mapping[str, object] | None = None, *, form: str = "/funds", status: int = 303) -> str:
        answer = self[person].post(address, dict(data or {}), form=form)
        assert answer.status_code == status, (address, answer.status_code, answer.text[:3000])
        return str(answer.headers.get("Location", answer.text))

    def page(self, person: str, address: str, status: int = 200) -> str:
        answer = self[person].get(address)
        assert answer.status_code == status, (person, address, answer.status_code)
        return str(answer.text)

    def budget(self, source: str, wan: int) -> str:
        data = {
            "source": source, "year": self.today.year, "amount": wan, "document": f"津滨财预 {source}", "targets": "支持项目 | 10 | 个", "note": "",
        }  # fmt: skip
        place = self.did("finance", "/funds/budgets/new", data)
        self.did("finance", f"{place}/propose")
        self.did("bureau", f"{place}/approve")
        return place

    def voucher(self, data: dict[str, object], kind: str = "") -> None:
        address = f"/projects/{self.project}/funds/vouchers/{kind}" if kind else "/funds/vouchers/receipts"
        self.did(
            "finance", address, {"day": self.today.isoformat(), "year": self.today.year, "reference": "进账 1", "why": "按会议", **data}
        )
        with self.database.reading() as session:
            last = session.scalars(select(Voucher).order_by(Voucher.id.desc()).limit(1)).one().public_id
        self.did("bureau", f"/funds/vouchers/{last}/confirm")


def now_of(app: Flask) -> datetime:
    with app.test_request_context():
        return now()


@pytest.fixture
def office(app: Flask) -> Office:
    return Office(app)


def newest(database: Database, kind: type[Payment] | type[Reclaim] | type[FinancingApplication] | type[LedgerEntry]) -> str:
    with database.reading() as session:
        return str(session.scalars(select(kind.public_id).order_by(kind.id.desc()).limit(1)).one())


def test_from_the_budget_to_the_bank(office: Office) -> None:
    assert "还没有下达的预算" in office.page("finance", "/funds")
    budget = office.budget("central", 300)
    office.budget("city", 300)
    home = f"/projects/{office.project}/funds"
    office.voucher({"source": "central", "amount": "100.000001"}, "commitment")
    assert "有 1 个项目已安排资金" in office.page("bureau", "/funds/plans")
    form = office.page("bureau", "/funds/plans/new")
    assert 'value="50.000001"' in form
    assert 'value="50"' in form
    key = f"{office.number}:central:{office.today.year}"
    data = {
        "title": "第一批",
        "minutes": "纪要 12 号",
        "held": office.today.isoformat(),
        "line": key,
        f"first:{key}": "50.000001",
        f"rest:{key}": "50",
    }
    plan = office.did("bureau", "/funds/plans/new", data)
    office.did("bureau", f"{plan}/propose")
    assert "须由另一人复核" in office.did("bureau", f"{plan}/issue", status=422)
    office.did("bureau2", f"{plan}/issue")
    assert "纪要 12 号" in office.page("finance", plan)
    assert "还可拨付" in office.page("bureau", home)
    with office.database.reading() as session:
        line = session.scalars(select(Project).where(Project.id == office.number)).one()
        assert line.state == ProjectState.IMPLEMENTING
    option = office.page("bureau", home).split('<option value="', 1)[1].split('"', 1)[0]
    order = {"line": option, "amount": "60", "payee": "滨海化工 6222", "key": "form-1"}
    assert "还可以拨付 50.000001 万元" in office.did("bureau", f"{home}/payments", order, status=422)
    for _press in range(3):
        office.did("bureau", f"{home}/payments", order | {"amount": "50.000001"})
    payment = f"/funds/payments/{newest(office.database, Payment)}"
    office.did("bureau2", f"{payment}/check")
    assert "您没有办理这一步的权限" in office.did("bureau", f"{payment}/release", status=422)
    office.did("finance", f"{payment}/release")
    receipt = {"day": office.today.isoformat(), "reference": "流水 20261"}
    for _press in range(3):
        office.did("finance", f"{payment}/pay", receipt)
    assert "已登记到账" in office.did("finance", f"{payment}/pay", receipt | {"reference": "另一笔"}, status=409)
    shown = office.page("finance", home)
    assert "王复核" in shown
    assert shown.count("50.000001 万元") >= 2
    assert "流水 20261" in office.page("finance", payment)
    # Of the key performance evaluation.
    target = office.page("finance", budget).split('action="/funds/targets/', 1)[1].split('"', 1)[0]
    assert "评价说明没有填" in office.did("finance", f"/funds/targets/{target}", {"actual": "8", "note": ""}, status=422)
    office.did("finance", f"/funds/targets/{target}", {"actual": "8", "note": "两个项目推迟"})
    assert "80 %" in office.page("finance", budget)
    for address in ("/funds", "/funds/budgets", "/funds/ledger", "/funds/statement", "/funds/payments", "/funds/vouchers"):
        assert "账上有对不上的地方" not in office.page("finance", address)
    assert (
        office.page("finance", f"/funds/ledger?kind=payment&project=XM-2026-0901&year={office.today.year}").count("XM-2026-0901</a>") == 2
    )
    assert "没有这样的分录" in office.page("finance", "/funds/ledger?project=none&since=2026-13-01&account=x")


def test_reclaim_reversal_and_statement(office: Office) -> None:
    office.budget("central", 300)
    office.budget("city", 300)
    office.voucher({"source": "central", "amount": "20"}, "commitment")
    entry = f"/funds/ledger/{newest(office.database, LedgerEntry)}"
    office.did("finance", f"{entry}/reversal", {"why": "记错项目"})
    with office.database.reading() as session:
        last = session.scalars(select(Voucher).order_by(Voucher.id.desc()).limit(1)).one().public_id
    assert "须由另一人复核" in office.did("finance", f"/funds/vouchers/{last}/confirm", status=422)
    office.did("bureau", f"/funds/vouchers/{last}/confirm")
    assert "这一笔已冲销" in office.page("finance", entry)
    assert "已经冲销过" in office.did("finance", f"{entry}/reversal", {"why": "再来"}, status=409)
    month = f"{office.today:%Y-%m}"
    assert "300 万元" in office.page("finance", f"/funds/statement?month={month}")
    for address in (f"/funds/statement/sheet?month={month}", "/funds/ledger/sheet", "/funds/budgets/sheet", "/funds/payments/sheet"):
        answer = office["finance"].get(address)
        assert answer.status_code == 200
        assert "xl/workbook.xml" in ZipFile(io.BytesIO(answer.data)).namelist()


def test_who_sees_the_money(office: Office, app: Flask) -> None:
    home = f"/projects/{office.project}/funds"
    assert office.page("enterprise", home)
    assert "记账" not in office.page("enterprise", home).split("<main", 1)[1]
    for person in ("provider", "centre", "manager", "area", "expert"):
        answer = office[person].get(home)
        assert answer.status_code in (403, 404), person
    other = browser_of(app, "enterprise2").get(home)
    assert other.status_code == 404
    for person in ("enterprise", "provider", "centre", "manager", "area"):
        for address in (
            "/funds",
            "/funds/ledger",
            "/funds/budgets",
            "/funds/plans",
            "/funds/payments",
            "/funds/vouchers",
            "/funds/statement",
        ):
            assert office[person].get(address).status_code == 403, (person, address)
    for address in (
        "/funds/budgets/none",
        "/funds/plans/none",
        "/funds/payments/none",
        "/funds/ledger/none",
        "/funds/reclaims/none",
        "/funds/vouchers/none",
    ):
        office.page("finance", address, 404)
    office.did("bureau", f"{home}/vouchers/receipt", {}, status=404)


def test_two_edit_one_budget(office: Office) -> None:
    data = {"source": "city", "year": office.today.year, "amount": "5", "document": "文一", "targets": "支持项目 | 10 | 个", "note": ""}
    place = office.did("finance", "/funds/budgets/new", data)
    form = office.page("finance", f"{place}/edit")
    seen = form.split('name="seen" value="', 1)[1].split('"', 1)[0]
    office.did("bureau", f"{place}/edit", data | {"document": "文二", "seen": seen})
    lost = office.did("finance", f"{place}/edit", data | {"amount": "6", "seen": seen}, status=409)
    assert "现在存着的" in lost
    wrong = office.did("finance", "/funds/budgets/new", {**data, "amount": "五", "targets": "只有名称"}, status=422)
    assert "只有名称" in wrong


def test_an_offer_and_an_application(office: Office, app: Flask) -> None:
    empty = office.did("centre", "/financing/offers/new", {"institution": "滨海农商行"}, status=422)
    assert "滨海农商行" in empty
    offer = office.did("centre", "/financing/offers/new", {
        "institution": "滨海农商行", "product": "技改贷", "kind": "loan", "low": "100", "high": "2000", "rate": "LPR 加 30 个基点", "conditions": "有任务书", "contact": "李经理 022",
    })  # fmt: skip
    anyone = Browser(app.test_client())
    assert anyone.get(offer).status_code == 404
    office.did("centre", f"{offer}/publish")
    assert "技改贷" in anyone.get("/financing").text
    assert anyone.get(f"{offer}/apply").status_code in (302, 303, 401)
    assert "金额没有填" in office.did(
        "enterprise", f"{offer}/apply", {"amount": "", "purpose": "买设备", "project": office.project}, status=422
    )
    asked = office.did("enterprise", f"{offer}/apply", {"amount": "300", "purpose": "买设备", "project": office.project})
    assert office.page("centre", asked, 404)
    wrong = {
        "amount": "300",
        "purpose": "买设备",
        "project": office.project,
        "paper": "foreign",
        "consent": "yes",
        "until": (office.today + timedelta(3)).isoformat(),
    }
    assert "不是这个项目的" in office.did("enterprise", f"{asked}/edit", wrong, status=422)
    assert office["enterprise"].get(f"{asked}/papers/none").status_code == 404
    office.did("enterprise", f"{asked}/send")
    assert "请写明机构的答复" in office.did("centre", f"{asked}/offer", {"amount": "200", "answer": ""}, status=422)
    office.did("centre", f"{asked}/offer", {"amount": "200", "answer": "同意，先放一半"})
    assert "同意，先放一半" in office.page("enterprise", asked)
    assert browser_of(app, "enterprise2").get(asked).status_code == 404
    assert "您没有办理这一步的权限" in office.did("enterprise", f"{asked}/take", {"answer": "x"}, status=422)
    office.did("centre", f"{asked}/take", {"answer": "已签约"})
    assert "不能这样办理" in office.did("enterprise", f"{asked}/withdraw", status=409)
