"""Dynamic adjustment in the browser: the whole way from a proposal to retirement, each page by who may and by who may not."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.domain.adjustments import TABLE, AdjustmentKind, AdjustmentState
from marketplace.domain.providers import ProviderState
from marketplace.pilot import Pilot
from marketplace.records.accounts import find_account
from marketplace.records.adjustments import Adjustment, Appeal, find_clients
from marketplace.records.files import find_attachments
from marketplace.records.matches import Outcome
from marketplace.records.providers import Provider
from marketplace.records.tasks import Task
from marketplace.site import Site
from tests.files.samples import GOOD
from tests.opened import Browser
from tests.web.people import PEOPLE, Counted, Things, viewer_of

STAFF = {"centre", "manager", "bureau", "admin"}
P = ProviderState


@pytest.fixture
def provider(own_demo: Site, things: Things) -> str:
    """The provider whose member the log-in `provider` is; it has running work here."""
    with own_demo.database.writing() as session:
        row = session.scalars(select(Provider).where(Provider.public_id == things.own_provider)).one()
        for outcome in session.scalars(select(Outcome).where(Outcome.provider_id == row.id).order_by(Outcome.id)).all()[:2]:
            outcome.acceptance, outcome.decision = None, type(outcome.decision)("accepted")
    return things.own_provider


def state_of(site: Site, public_id: str) -> ProviderState:
    with site.database.reading() as session:
        return session.scalars(select(Provider.state).where(Provider.public_id == public_id)).one()


def latest(site: Site) -> dict[str, Any]:
    """The newest case."""
    with site.database.reading() as session:
        case = session.scalars(select(Adjustment).order_by(Adjustment.id.desc())).first()
        assert case is not None
        return {name: getattr(case, name) for name in ("id", "public_id", "number", "kind", "state", "due", "reason", "conduct")}


def propose(browser: Browser, provider: str, kind: str, **more: Any) -> TestResponse:
    data = {"kind": kind, "why": "两个项目超期", "evidence": "2026-11-03 检查记录", **more}
    return browser.post(f"/providers/{provider}/adjustments", data, form=f"/providers/{provider}/adjustments/new")


def press(browser: Browser, public_id: str, event: str, **data: Any) -> TestResponse:
    """Press a button of the case's page, with what the page's own form carries."""
    page = browser.get(f"/adjustments/{public_id}").text
    seen = {name: found[1] for name in ("seen", "appeal_seen") if (found := re.search(rf'name="{name}" value="(\d+)"', page))}
    return browser.post(f"/adjustments/{public_id}/{event}", {**seen, **data}, form=f"/adjustments/{public_id}")


def decided(browsers: dict[str, Browser], site: Site, provider: str, kind: str, **more: Any) -> str:
    assert propose(browsers["manager"], provider, kind, **more).status_code == 303
    case = str(latest(site)["public_id"])
    if kind in ("suspend", "retire"):
        assert press(browsers["bureau"], case, "put_forward", why="事实清楚").status_code == 303
        assert press(browsers["admin"], case, "confirm").status_code == 303
    else:
        assert press(browsers["bureau"], case, "decide", why="事实清楚").status_code == 303
    return case


def test_the_whole_way_from_a_warning_to_retirement(own_demo: Site, own_browsers: dict[str, Browser], provider: str) -> None:
    people = own_browsers
    # A warning: the provider and staff see it, nobody else.
    decided(people, own_demo, provider, "warn")
    page = f"/providers/{provider}"
    assert "警示" in people["provider"].get(page).text
    assert "警示" in people["centre"].get(page).text
    for person in ("anyone", "enterprise", "provider2"):
        assert "警示" not in people[person].get(page).text
    # A rectification: one extension, material handed in, not accepted.
    case = decided(people, own_demo, provider, "rectify")
    assert "整改与申诉" in people["provider"].get("/").text
    assert press(people["provider"], case, "ask_extension", why="设备到货晚").status_code == 303
    assert "申请延期（只能一次）" not in people["provider"].get(f"/adjustments/{case}").text
    first = latest(own_demo)["due"]
    assert press(people["bureau"], case, "extend", why="同意").status_code == 303
    assert latest(own_demo)["due"] > first
    pdf = (io.BytesIO(GOOD["pdf"]), "整改报告.pdf")
    assert press(people["provider"], case, "hand_in", why="已换项目经理", file=pdf).status_code == 303
    with own_demo.database.reading() as session:
        number = session.scalars(select(Adjustment.id).where(Adjustment.public_id == case)).one()
        [file] = find_attachments(session, "adjustment", number)
        address = f"/files/{file.public_id}"
    for person, status in (("provider", 200), ("bureau", 200), ("provider2", 404), ("enterprise", 404)):
        with people[person].get(address) as answer:
            assert answer.status_code == status, person
    assert press(people["bureau"], case, "fail", why="现场没有变化").status_code == 303
    # What follows is proposed by itself and decided by two.
    suspend = latest(own_demo)
    assert (suspend["kind"], suspend["state"]) == (AdjustmentKind.SUSPEND, AdjustmentState.PROPOSED)
    assert press(people["bureau"], suspend["public_id"], "put_forward", why="整改未通过").status_code == 303
    assert press(people["bureau"], suspend["public_id"], "confirm").status_code == 409
    assert press(people["admin"], suspend["public_id"], "confirm").status_code == 303
    assert state_of(own_demo, provider) == P.SUSPENDED
    for person, status in (("anyone", 404), ("enterprise2", 404), ("provider", 200), ("bureau", 200)):
        assert people[person].get(page).status_code == status
    # Appealed, dismissed by somebody who had not decided it, and out.
    assert press(people["provider"], suspend["public_id"], "file", why="与事实不符").status_code == 303
    assert press(people["bureau"], suspend["public_id"], "appeal/dismiss", why="充分").status_code == 409
    assert press(people["admin"], suspend["public_id"], "appeal/dismiss", why="证据充分").status_code == 303
    decided(people, own_demo, provider, "retire")
    assert state_of(own_demo, provider) == P.RETIRED
    text = people["provider"].get(page).text
    assert "已退出资源池" in text
    assert "起可以再次申报入库" in text
    with own_demo.database.reading() as session:
        row = session.scalars(select(Provider).where(Provider.public_id == provider)).one()
        assert find_clients(session, row.id)
        flagged = session.scalars(select(Outcome.flag).where(Outcome.provider_id == row.id, Outcome.flag.is_not(None))).all()
        assert len(flagged) == 2
        assert not session.scalars(select(Task.id).where(Task.noun == "adjustment", Task.done_at.is_(None))).all()


def test_what_one_sees_before_deciding(own_demo: Site, own_browsers: dict[str, Browser], provider: str) -> None:
    form = own_browsers["manager"].get(f"/providers/{provider}/adjustments/new").text
    for word in ("会影响什么", "在施项目", "在办对接", "在架方案", "一票否决情形", "商业贿赂"):
        assert word in form
    propose(own_browsers["manager"], provider, "rectify")
    page = own_browsers["bureau"].get(f"/adjustments/{latest(own_demo)['public_id']}").text
    assert "2 个在施项目将标记" in page
    with own_demo.database.reading() as session:
        row = session.scalars(select(Provider).where(Provider.public_id == provider)).one()
        names = [enterprise.name for enterprise in find_clients(session, row.id)]
    assert names
    assert all(name in page for name in names)


@pytest.mark.parametrize("person", PEOPLE)
def test_who_sees_the_board_and_a_case(own_demo: Site, own_browsers: dict[str, Browser], provider: str, person: str) -> None:
    propose(own_browsers["manager"], provider, "warn")
    case = latest(own_demo)["public_id"]
    browser = own_browsers[person]
    board, page, form = (
        browser.get(f"/{path}") for path in ("adjustments", f"adjustments/{case}", f"providers/{provider}/adjustments/new")
    )
    if person in STAFF:
        assert (board.status_code, page.status_code) == (200, 200)
        assert latest(own_demo)["number"] in board.text
        assert form.status_code == (403 if person == "centre" else 200)
        assert ("作出决定" in page.text) == (person in ("bureau", "admin"))
    elif person in ("provider", "provider2"):
        # A provider has a page of its own cases; one that is only proposed is as absent as a foreign one.
        assert board.status_code == 200
        assert latest(own_demo)["number"] not in board.text
        assert page.status_code == 404
        assert form.status_code == 403
    else:
        assert {board.status_code, page.status_code, form.status_code} <= {303, 403}


@pytest.mark.parametrize("person", PEOPLE)
def test_who_may_press_what(own_demo: Site, own_browsers: dict[str, Browser], provider: str, person: str) -> None:
    """Every step of both tables by everybody: whoever may not is refused, and nothing happens."""
    case = decided(own_browsers, own_demo, provider, "rectify")
    before = latest(own_demo)
    events = sorted({row.event for row in TABLE} - {"pause", "resume", "revoke"})
    steps = [*events, "file", "appeal/withdraw", "appeal/stay", "appeal/uphold", "appeal/dismiss"]
    mine = {"hand_in", "ask_extension", "file"} if person == "provider" else set()
    for event in steps:
        if event in mine:
            continue
        answer = own_browsers[person].post(
            f"/adjustments/{case}/{event}", {"why": "x"}, form="/account" if person != "anyone" else "/login"
        )
        # No appeal yet: there is nothing to decide about; the office's own steps do not fit this state.
        allowed = {303} if person == "anyone" else {403, 404, 409}
        assert answer.status_code in allowed, (person, event)
        if person == "anyone":
            assert answer.headers["Location"].startswith("/login")
    assert latest(own_demo) == before
    assert state_of(own_demo, provider) == P.RECTIFYING


def test_a_foreign_case_looks_like_a_missing_one(own_demo: Site, own_browsers: dict[str, Browser], provider: str) -> None:
    case = decided(own_browsers, own_demo, provider, "rectify")

    def plain(answer: TestResponse, key: str) -> str:
        assert answer.status_code == 404
        return re.sub(r"编号 [0-9a-f]+|\d{4}-\d\d-\d\d \d\d:\d\d|csrf_token\" value=\"[^\"]+", "", answer.text.replace(key, ""))

    missing = "00000000-0000-4000-8000-000000000000"
    rival = own_browsers["provider2"]
    assert plain(rival.get(f"/adjustments/{case}"), case) == plain(rival.get(f"/adjustments/{missing}"), missing)
    assert rival.post(f"/adjustments/{case}/hand_in", {"why": "x"}, form="/account").status_code == 404


def test_two_at_one_page_one_is_told_and_keeps_what_was_typed(own_demo: Site, own_browsers: dict[str, Browser], provider: str) -> None:
    propose(own_browsers["manager"], provider, "warn")
    case = latest(own_demo)["public_id"]
    page = own_browsers["admin"].get(f"/adjustments/{case}").text
    seen = re.search(r'name="seen" value="(\d+)"', page)
    assert seen
    assert press(own_browsers["bureau"], case, "decide", why="事实清楚").status_code == 303
    late = own_browsers["admin"].post(f"/adjustments/{case}/drop", {"seen": seen[1], "why": "证据不足，建议约谈"}, form="/account")
    assert late.status_code == 409
    assert "您打开后" in late.text
    assert latest(own_demo)["state"] == AdjustmentState.DECIDED


def test_what_was_typed_is_kept(own_demo: Site, own_browsers: dict[str, Browser], provider: str) -> None:
    answer = propose(own_browsers["manager"], provider, "retire", why="很长的理由" * 10)
    assert answer.status_code == 422
    assert "淘汰之前须先限期整改或暂停" in answer.text
    assert "很长的理由" * 10 in answer.text
    assert "2026-11-03 检查记录" in answer.text
    propose(own_browsers["manager"], provider, "rectify")
    case = latest(own_demo)["public_id"]
    answer = press(own_browsers["bureau"], case, "decide", why="理由在此", days="999")
    assert answer.status_code == 422
    assert "理由在此" in answer.text
    assert 'value="999"' in answer.text
    exe = (io.BytesIO(b"MZ" + b"\0" * 200), "证据.pdf")
    answer = press(own_browsers["bureau"], case, "decide", why="理由在此", file=exe)
    assert answer.status_code == 422
    assert latest(own_demo)["state"] == AdjustmentState.PROPOSED


def test_an_appeal_by_the_provider_and_a_stay(own_demo: Site, own_browsers: dict[str, Browser], provider: str) -> None:
    case = decided(own_browsers, own_demo, provider, "retire", conduct="bribery")
    text = own_browsers["provider"].get(f"/adjustments/{case}").text
    assert "申诉一次" in text
    # Who in the office did what is not the provider's to read.
    assert "复核人" not in text
    assert press(own_browsers["provider"], case, "file", why="与事实不符").status_code == 303
    assert press(own_browsers["bureau"], case, "appeal/stay", why="影响重大").status_code == 303
    assert state_of(own_demo, provider) == P.ADMITTED
    assert own_browsers["anyone"].get(f"/providers/{provider}").status_code == 200
    assert press(own_browsers["admin"], case, "appeal/uphold", why="证据不足").status_code == 303
    with own_demo.database.reading() as session:
        assert session.scalars(select(Appeal.state)).all() == ["upheld"]
    assert state_of(own_demo, provider) == P.ADMITTED


def test_the_rules_at_the_press_of_a_button(own_browsers: dict[str, Browser]) -> None:
    answer = own_browsers["manager"].post("/adjustments/rules", form="/adjustments")
    assert answer.status_code == 303
    assert "按规则检查完毕" in own_browsers["manager"].get("/adjustments").text
    assert own_browsers["centre"].post("/adjustments/rules", form="/account").status_code == 403


def test_a_break_and_leaving(own_demo: Site, own_browsers: dict[str, Browser], provider: str) -> None:
    mine, page = own_browsers["provider"], f"/providers/{provider}"
    for text, status in (("gibberish", 422), ("2001-01-01", 422), ("2999-01-01", 422)):
        answer = mine.post(f"{page}/orders", {"until": text}, form=page)
        assert answer.status_code == status
        assert text in answer.text
    soon = own_demo.recommender._today().replace(month=12, day=31).isoformat()
    assert mine.post(f"{page}/orders", {"until": soon}, form=page).status_code == 303
    assert "暂不接新单至" in own_browsers["anyone"].get(page).text
    for person in ("provider2", "enterprise", "bureau"):
        assert own_browsers[person].post(f"{page}/orders", {"until": soon}, form="/account").status_code in (403, 404)
        assert own_browsers[person].get(f"{page}/leave").status_code in (403, 404)
        assert own_browsers[person].post(f"{page}/leave", {"sure": "yes"}, form="/account").status_code in (403, 404)
    assert mine.post(f"{page}/orders", {"again": "1"}, form=page).status_code == 303
    text = mine.get(f"{page}/leave").text
    assert "在施项目 2 个按合同继续做完" in text
    assert mine.post(f"{page}/leave", {}, form=f"{page}/leave").status_code == 422
    assert mine.post(f"{page}/leave", {"sure": "yes"}, form=f"{page}/leave").status_code == 303
    assert state_of(own_demo, provider) == P.LEFT
    assert "已退出资源池" in mine.get(page).text
    assert own_browsers["anyone"].get(page).status_code == 404


def test_the_board_asks_the_same_number_of_questions(own_demo: Site, own_browsers: dict[str, Browser], provider: str, pilot: Pilot) -> None:
    def statements(count: Callable[[], object]) -> int:
        with Counted(own_demo) as counted:
            count()
        return len(counted.statements)

    browser = own_browsers["bureau"]
    propose(own_browsers["manager"], provider, "warn")
    browser.get("/adjustments")
    few = statements(lambda: browser.get("/adjustments"))
    with own_demo.database.reading() as session:
        others = session.scalars(select(Provider.public_id).where(Provider.state == P.ADMITTED, Provider.public_id != provider)).all()
    for other in others[:12]:
        propose(own_browsers["manager"], other, "rectify")
        if other in others[:6]:
            press(browser, latest(own_demo)["public_id"], "decide", why="事实清楚")
    assert statements(lambda: browser.get("/adjustments")) <= few + 1
    assert pilot.thresholds.page_size > 12


def test_members_who_are_told(own_demo: Site, own_browsers: dict[str, Browser], provider: str) -> None:
    decided(own_browsers, own_demo, provider, "rectify")
    assert "整改并提交材料" in own_browsers["provider"].get("/inbox").text
    assert "责令限期整改" in own_browsers["provider"].get("/notices").text
    assert "责令限期整改" not in own_browsers["provider2"].get("/notices").text
    with own_demo.database.reading() as session:
        assert find_account(session, "provider") is not None
        assert viewer_of(session, "provider").provider_ids
