"""The money of the journey: one funding plan for both projects, first payments by two persons and finance, the rest after acceptance."""

from __future__ import annotations

from sqlalchemy import select

from marketplace.domain.funds import LedgerAccount
from marketplace.domain.payments import PaymentPart, PaymentState
from marketplace.records.funds import NO_PROJECT, LedgerBalance, LedgerEntry, LedgerLine, find_balances, summed_lines, uneven_entries
from marketplace.records.payments import Payment
from tests.journeys.pool import Window
from tests.journeys.project import ASKED, BAD, BUDGET, GOOD, Projects

FEN = 1_000_000


def are_funded(journey: Projects) -> None:
    """The plan with the number of the minutes puts both projects to work."""
    bureau = journey.at("bureau", "/funds/plans")
    bureau.follow("编制资金计划")
    bureau.fill({"title": "2026 年第三次下达（行程）", "minutes": "党组纪要〔2026〕31 号", "held": journey.day(-1)})
    for which in (GOOD, BAD):
        row = bureau.page.locator("main tr").filter(has_text=journey.record(which).number)
        for box in row.locator("input[name=line]").all():
            box.check()
    bureau.press("保存")
    bureau.press("报请复核")
    second = journey.at("bureau2", bureau.page.url.removeprefix(journey.served.address))
    second.press("复核下达")
    journey.stands(second, "funding_plan", "issued")
    second.person.picture("project-plan")
    for which in (GOOD, BAD):
        journey.state_is(second, which, "implementing")


def is_paid(journey: Projects, which: str, part: PaymentPart) -> None:
    """Every line of this part that is still to be paid: prepared by one, checked by another, released and booked by finance."""
    bureau = journey.at("bureau", journey.of(which, "funds"))
    assert any(line.endswith(f":{part}") for line, _left in offered(bureau)), bureau.page.locator("main").inner_text()
    while wait := [row for row in offered(bureau) if row[0].endswith(f":{part}")]:
        line, left = wait[0]
        bureau.fill(
            {"line": line, "amount": left, "payee": f"{journey.enterprise(which).name} 6222 0000"}, 'form[action$="/funds/payments"]'
        )
        bureau.press("报请复核", inside=bureau.page.locator('form[action$="/funds/payments"]'))
        address = f"/funds/payments/{prepared(journey, which)}"
        journey.at("bureau2", address).press("复核")
        finance = journey.at("finance", address)
        finance.press("放款")
        finance.fill({"day": journey.day(0), "reference": f"流水 {prepared(journey, which, PaymentState.RELEASED)[:12]}"})
        finance.press("登记到账")
        journey.stands(finance, "payment", "paid")
        bureau.person.go(journey.of(which, "funds"))
    if (which, part) == (BAD, PaymentPart.REST):
        bureau.person.look("project-funds")


def offered(window: Window) -> list[tuple[str, str]]:
    """Line and part of what may be paid, and how many 万元 of it are left."""
    options = window.page.locator("#pay-line option").all()
    found = [(one.get_attribute("value") or "", one.inner_text()) for one in options]
    return [(line, text.split("还可拨付")[1].strip().split(" ")[0].replace("万元", "").replace(",", "")) for line, text in found]


def prepared(journey: Projects, which: str, state: PaymentState = PaymentState.PREPARED) -> str:
    with journey.served.site.database.reading() as session:
        query = select(Payment.public_id).where(Payment.project_id == journey.record(which).id, Payment.state == state)
        return session.scalars(query).one()


def central_arrives(journey: Projects, amount: str) -> None:
    """The second instalment: without it no rest of central money is paid."""
    finance = journey.at("finance", "/funds/vouchers")
    form = {
        "source": "central",
        "year": "2026",
        "amount": amount,
        "day": journey.day(0),
        "reference": "进账单（行程）",
        "why": "终期评价后的第二次下达",
    }
    finance.fill(form)
    finance.press("报请复核")
    second = journey.at("bureau", "/funds/vouchers")
    second.open("到账")
    second.press("复核入账")
    journey.stands(second, "voucher", "posted")


def pot(journey: Projects) -> dict[str, int]:
    """What the accounts of this year's central money hold, of all projects together."""
    with journey.served.site.database.reading() as session:
        rows = session.scalars(select(LedgerBalance).where(LedgerBalance.source == "central", LedgerBalance.year == 2026)).all()
        held: dict[str, int] = {}
        for row in rows:
            held[str(row.account)] = held.get(str(row.account), 0) + row.fen
        return held


def balances(journey: Projects, before: dict[str, int]) -> None:
    """Every entry sums to nothing, balances are the sums of their lines, and each fen of the budget is where it should be."""
    with journey.served.site.database.reading() as session:
        assert uneven_entries(session) == []
        kept = {(row.account, row.source, row.year, row.project_key): row.fen for row in session.scalars(select(LedgerBalance)) if row.fen}
        lines = {(row.account, row.source, row.year, row.project_id or NO_PROJECT): row.fen for row in summed_lines(session) if row.fen}
        assert kept == lines
        for which in (GOOD, BAD):
            number = journey.record(which).id
            assert {row.account: row.fen for row in find_balances(session, number) if row.fen} == {LedgerAccount.PAID: ASKED * FEN}
            paid = session.execute(
                select(Payment.part, Payment.fen).where(Payment.project_id == number, Payment.state == PaymentState.PAID)
            )
            assert sorted(tuple(row) for row in paid) == [("first", ASKED * FEN // 2), ("rest", ASKED * FEN // 2)]
        # Two persons stand behind every entry that moved their money.
        numbers = [journey.record(which).id for which in (GOOD, BAD)]
        entries = select(LedgerEntry.made_by, LedgerEntry.confirmed_by).join(LedgerLine).where(LedgerLine.project_id.in_(numbers))
        assert [persons for persons in session.execute(entries) if None in persons or persons[0] == persons[1]] == []
    moved = {account: fen - before.get(account, 0) for account, fen in pot(journey).items()}
    both = 2 * ASKED
    wanted = {"budget": -BUDGET, "available": BUDGET - both, "committed": 0, "paid": both, "expected": -both, "received": both}
    assert {account: fen for account, fen in moved.items() if fen} == {name: fen * FEN for name, fen in wanted.items() if fen}
