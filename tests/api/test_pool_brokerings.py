"""Brokering by program: from a draft to a confirmed implementation by three accounts, and what each of them may read on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from marketplace.domain.problems import ProblemState, names_of
from marketplace.domain.solutions import SolutionState
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction, IntroductionMessage
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.solutions import Solution
from tests.api.pool import MISSING, Pool, done, fields, pdf, refused

TODAY = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date()
CRITERIA = [{"text": "不换主机", "kind": "essential", "weight": 60}, {"text": "同行业案例", "weight": 40}]


def own_need(pool: Pool) -> tuple[str, str, str, str]:
    """The enterprise, an open problem of it that neither provider was told of, and a solution of each provider."""
    number = next(iter(pool.viewer("enterprise").enterprise_ids))
    with pool.site.database.reading() as session:
        told = select(Disclosure.problem_id)
        query = select(Problem).where(Problem.enterprise_id == number, Problem.state == ProblemState.OPEN, Problem.id.not_in(told))
        problem = session.scalars(query.order_by(Problem.id)).first()
        assert problem is not None
        published = select(Solution.public_id).where(Solution.state == SolutionState.PUBLISHED).order_by(Solution.id)
        first, second = (
            session.scalars(published.where(Solution.provider_id.in_(pool.viewer(login).provider_ids))).first() or ""
            for login in ("provider", "provider2")
        )
        return problem.enterprise.public_id, problem.public_id, first, second


def secrets_of(pool: Pool) -> list[str]:
    """How the enterprise may be named."""
    with pool.site.database.reading() as session:
        row = session.get_one(Enterprise, next(iter(pool.viewer("enterprise").enterprise_ids)))
        return [*names_of(row.name), row.organisation.credit_code or "-", row.public_id, *pool.site.pilot.words_of_area(row.area)]


def drafted(pool: Pool) -> tuple[str, dict[str, str]]:
    """A brokering that was sent to two providers: its address, and log-in → address of its introduction."""
    enterprise, problem, *solutions = own_need(pool)
    body = {"enterprise": enterprise, "problems": [problem], "introductions": [{"solution": one} for one in solutions]}
    made = done(pool.post("centre", "/brokerings", body), 201)
    path = f"/brokerings/{made['id']}"
    ready = done(pool.put("centre", f"{path}/criteria", {"criteria": CRITERIA}, match=made["version"]))
    # What is not sent exists for the centre only.
    assert pool.get("enterprise", path).status_code == 404
    assert done(pool.get("bureau", path))["introductions"] == []
    done(pool.post("centre", f"{path}/steps", {"event": "send"}, match=ready["version"]))
    late = pool.post("centre", f"{path}/steps", {"event": "compare"}, match=made["version"])
    assert refused(late) == (412, "changed_meanwhile")
    offers = done(pool.get("centre", path))["offers"]
    own = {one["solution"]["id"]: f"/introductions/{one['id']}" for one in offers}
    return path, dict(zip(("provider", "provider2"), (own[one] for one in solutions), strict=True))


def test_from_a_draft_to_a_confirmed_implementation(pool: Pool) -> None:
    path, (mine, other) = (found := drafted(pool))[0], found[1].values()
    secrets = secrets_of(pool)
    # Before both accepted: no name, no place, no exact budget; and nothing of the other provider.
    for address in (mine, f"/introductions?brokering={path.rpartition('/')[2]}"):
        told = pool.get("provider", address).text
        assert [one for one in secrets if one in told] == []
    hidden = done(pool.get("provider", mine))
    assert hidden["enterprise"] is None
    assert [one["budget_wan"] for one in hidden["needs"]] == [None]
    assert refused(pool.post("provider", f"{mine}/messages", {"text": "请问何时可以看现场"})) == (409, "not_talking_yet")
    for person in ("provider", "provider2"):
        assert pool.get(person, path).status_code == 404
    assert pool.get("provider", other).status_code == 404
    assert pool.post("provider", f"{other}/answer", {"side": "provider", "accepts": True}).status_code == 404
    # Nobody answers for the other side; to decline takes a reason of one's own side.
    assert refused(pool.post("provider", f"{mine}/answer", {"side": "enterprise", "accepts": True}))[0] == 403
    no = {"side": "provider", "accepts": False, "reason": "function"}
    assert fields(pool.post("provider", f"{mine}/answer", no)) == [("body.reason", "no_reason_chosen")]
    for address, login in ((mine, "provider"), (other, "provider2")):
        done(pool.post("enterprise", f"{address}/answer", {"side": "enterprise", "accepts": True, "text": "我们是" + secrets[0]}))
        assert secrets[0] not in pool.get(login, address).text
        done(pool.post(login, f"{address}/answer", {"side": "provider", "accepts": True}))
    open_ = done(pool.get("provider", mine))
    assert (open_["state"], open_["enterprise"]["name"]) == ("talking", secrets[0])

    # The talks are the two sides' own; a message sent twice with one key is one.
    before = pool.count(IntroductionMessage)
    for _time in range(2):
        done(pool.post("provider", f"{mine}/messages", {"text": "下周二到厂里"}, headers={"Idempotency-Key": "once"}), 201)
    assert pool.count(IntroductionMessage) == before + 1
    assert [one["text"] for one in done(pool.get("enterprise", mine))["messages"]] == ["下周二到厂里"]
    bureau = done(pool.get("bureau", mine))
    assert (bureau["messages"], bureau["proposals"], bureau["needs"][0]["budget_wan"]) == ([], [], None)
    assert done(pool.get("provider2", other))["messages"] == []

    offer: dict[str, Any] = {"price_wan": 48.5, "weeks": 12, "scope": "软件和安装", "valid_until": str(TODAY + timedelta(days=60))}
    assert fields(pool.post("provider", f"{mine}/proposals", offer)) == [("body.answers", "criterion_open")] * 2
    strange = {**offer, "answers": [{"criterion": 7, "meets": "yes"}]}
    assert fields(pool.post("provider", f"{mine}/proposals", strange)) == [("body.answers.0.criterion", "unknown_criterion")]
    offer["answers"] = [{"criterion": 1, "meets": "yes", "text": "不停机"}, {"criterion": 2, "meets": "partly"}]
    done(pool.post("provider", f"{mine}/proposals", offer), 201)
    done(pool.post("provider2", f"{other}/proposals", {**offer, "price_wan": 61.0, "weeks": 9}), 201)
    assert "61.0" not in pool.get("provider", mine).text

    done(pool.post("centre", f"{path}/steps", {"event": "compare"}))
    assert refused(pool.post("provider", f"{mine}/proposals", offer)) == (409, "quoting_over")
    scores = {"scores": [{"criterion": 1, "score": 9}, {"criterion": 2, "score": 5}]}
    done(pool.put("enterprise", f"{mine}/scores", scores))
    table = done(pool.get("enterprise", f"{path}/comparison"))
    assert [(one["price_wan"], one["cheapest"], one["fastest"], one["total"]) for one in table["columns"]] == [
        (48.5, True, False, 74.0),
        (61.0, False, True, None),
    ]
    assert '"score"' not in pool.get("provider", mine).text
    assert fields(pool.post("enterprise", f"{path}/award", {"introduction": MISSING, "why": "价低"})) == [
        ("body.introduction", "nobody_chosen")
    ]
    chosen = {"introduction": mine.rpartition("/")[2], "why": "价低，案例齐"}
    done(pool.post("enterprise", f"{path}/award", chosen, match=table["version"]))
    # Why another one was chosen is not told to who was not.
    lost = pool.get("provider2", other)
    assert (done(lost)["state"], "价低" in lost.text) == ("not_chosen", False)
    done(pool.post("centre", f"{other}/steps", {"event": "feedback", "why": "工期占优，报价偏高"}))
    assert done(pool.get("provider2", other))["feedback"] == "工期占优，报价偏高"

    form = {"amount_wan": "47", "signed": str(TODAY), "starts": str(TODAY), "ends": str(TODAY + timedelta(days=90))}
    wrong = pool.post("enterprise", f"{path}/contract", data={**form, "signed": "昨天", "scan": pdf("合同")})
    assert fields(wrong) == [("body.signed", "date_parsing")]
    signed = done(pool.post("enterprise", f"{path}/contract", data={**form, "scan": pdf("合同")}))
    assert signed["state"] == "contracted"
    (scan,) = done(pool.get("enterprise", path))["contract"]["files"]
    readers = {person: pool.get(person, f"/files/{scan['id']}").status_code for person in ("enterprise", "provider", "provider2", "bureau")}
    assert readers == {"enterprise": 200, "provider": 200, "provider2": 404, "bureau": 404}
    hidden_from = done(pool.get("bureau", path))
    assert (hidden_from["contract"]["amount_wan"], hidden_from["contract"]["files"], hidden_from["reason"]) == (None, [], None)

    done(pool.post("enterprise", f"{path}/start", {"started": str(TODAY)}, match=signed["version"]))
    assert done(pool.get("provider", mine))["due"] == form["ends"]
    work = {"finished": str(TODAY), "effect": "停机减少", "indicator": "月停机", "unit": "小时", "baseline": 26.0, "target": 10.0}
    assert fields(pool.post("provider", f"{mine}/finish", work)) == [("body.measured", "figures_missing")]
    done(pool.post("provider", f"{mine}/finish", {**work, "measured": 9.0}))
    end = done(pool.post("enterprise", f"{path}/confirm", {"result": "passed", "rating": 5, "remark": "按期"}))
    assert end["state"] == "finished"
    whole = done(pool.get("enterprise", path))
    assert (whole["implementation"]["rating"], whole["lane"], whole["contract"]["amount_wan"]) == (5, "", 47.0)


def test_the_board_by_its_filters_and_each_side_its_own(shared_pool: Pool) -> None:
    everything = shared_pool.items("centre", "/brokerings")
    states = {row["state"] for row in everything}
    assert {"draft", "open", "comparing", "awarded", "contracted", "reserve", "implementing", "finished", "withdrawn"} <= states
    for lane in ("draft", "answers", "talks", "decided", ""):
        rows = shared_pool.items("bureau", f"/brokerings?lane={lane}")
        assert {row["id"] for row in rows} == {row["id"] for row in everything if row["lane"] == lane}
    late = shared_pool.items("centre", "/brokerings?late=true")
    assert late
    assert all(row["waits_due"] < str(TODAY + timedelta(days=1)) for row in late)
    sector = everything[0]["sector"]
    assert {row["sector"] for row in shared_pool.items("centre", f"/brokerings?sector={sector}")} == {sector}
    own = shared_pool.items("enterprise", "/brokerings")
    assert len({row["enterprise"]["id"] for row in own}) == 1
    assert {row["state"] for row in own}.isdisjoint({"draft"})
    # A provider has introductions; of all of them it reads its own, and a name only where both accepted.
    assert shared_pool.items("provider", "/brokerings") == []
    received = shared_pool.items("provider", "/introductions")
    assert len({row["provider"]["id"] for row in received}) == 1
    assert {row["enterprise"] is not None for row in received} == {True, False}
    for row in received:
        mutual = all(one["answer"] == "accepted" for one in row["answers"])
        assert (row["enterprise"] is not None) == mutual, row["id"]
    unsent = {row["id"] for row in shared_pool.items("centre", "/introductions")} - {
        row["id"] for row in shared_pool.items("bureau", "/introductions")
    }
    with shared_pool.site.database.reading() as session:
        assert unsent == set(session.scalars(select(Introduction.public_id).where(Introduction.sent_at.is_(None))))
    assert unsent


def test_an_inquiry_is_answered_and_declined_and_a_brokering_ended(pool: Pool) -> None:
    _enterprise, problem, solution, second = own_need(pool)
    body = {"solution": solution, "problem": problem, "question": "能接 2012 年的压机吗"}
    assert fields(pool.post("enterprise", "/inquiries", {**body, "wanted": "2020-01-01"})) == [("body.wanted", "date_past")]
    assert fields(pool.post("enterprise", "/inquiries", {**body, "problem": MISSING})) == [("body.problem", "no_problem")]
    assert pool.post("enterprise", "/inquiries", {**body, "solution": MISSING}).status_code == 404
    begun = done(pool.post("enterprise", "/inquiries", body), 201)
    path = f"/brokerings/{begun['id']}"
    (row,) = pool.items("provider", f"/introductions?brokering={begun['id']}")
    assert (row["place"], row["answers"][0]["answer"]) == ("inquiry", "accepted")
    told = pool.get("provider", f"/introductions/{row['id']}")
    assert done(told)["inquiry"]["question"] == body["question"]
    assert [one for one in secrets_of(pool) if one in told.text] == []
    done(pool.post("provider", f"/introductions/{row['id']}/answer", {"side": "provider", "accepts": True}))
    back = {"side": "provider", "reason": "capacity", "text": "排满到明年"}
    assert done(pool.post("provider", f"/introductions/{row['id']}/step-back", back))["state"] == "declined"
    # The centre brings another one in, reminds it, takes it out; nothing is left, and the enterprise ends it.
    done(pool.post("centre", f"{path}/introductions", {"introductions": [{"solution": second}]}))
    again = pool.post("centre", f"{path}/introductions", {"introductions": [{"solution": second}]})
    assert fields(again) == [("body.introductions", "introduced_already")]
    done(pool.post("centre", f"{path}/steps", {"event": "send"}))
    new = next(one for one in pool.items("centre", f"/introductions?brokering={begun['id']}") if one["state"] == "sent")
    done(pool.post("centre", f"/introductions/{new['id']}/steps", {"event": "remind", "side": "provider"}))
    assert fields(pool.post("centre", f"/introductions/{new['id']}/steps", {"event": "take_out"})) == [("body", "required")]
    done(pool.post("centre", f"/introductions/{new['id']}/steps", {"event": "take_out", "why": "企业改期"}))
    assert refused(pool.post("centre", f"{path}/end", {"event": "none_suitable", "why": ""}))[1] == "invalid"
    assert done(pool.post("enterprise", f"{path}/end", {"event": "withdraw", "why": "明年再改"}))["state"] == "withdrawn"
    # What the centre writes down for a side needs a proof, which is brought on the page.
    waiting = next(one for one in pool.items("centre", "/introductions?state=sent"))
    side = next(one["side"] for one in waiting["answers"] if one["answer"] == "pending")
    assert refused(pool.post("centre", f"/introductions/{waiting['id']}/answer", {"side": side, "accepts": True}))[0] == 409
    officer = done(pool.get("centre", f"/brokerings/{waiting['brokering']}"))["officer"]
    assert officer
    assert fields(pool.put("centre", f"/brokerings/{waiting['brokering']}/officer", {"officer": MISSING})) == [
        ("body.officer", "no_officer")
    ]
