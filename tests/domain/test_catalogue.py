"""Rules of the catalogue: the text guard, versions and their guards, differences, calls and recommended products."""

from __future__ import annotations

import json
from datetime import date
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain import calls, listings, solution_versions
from marketplace.domain.access import Role
from marketplace.domain.calls import CallDraft, CallState, check_answer
from marketplace.domain.catalogue_rules import CatalogueRules
from marketplace.domain.differences import differences, marked_pieces
from marketplace.domain.lifecycle import Refused, Table, Transition, allowed_events, decide
from marketplace.domain.listings import ListingDraft
from marketplace.domain.providers import SEARCHABLE, TAKES_NEW, ProviderState
from marketplace.domain.solution_versions import FIELDS, check_complete, check_draft, empty_content, texts_of
from marketplace.domain.solutions import SolutionState
from marketplace.domain.text_guard import Finding, examine, most_repeated
from marketplace.pilot import Pilot

DEMO = Path(__file__).parents[2] / "marketplace" / "data" / "demo"
GOOD = (
    "建立密封点台账，按频次检测，超标点当天通知维修、限期复测；历史高漏部位给出换垫片或换阀建议，报告可直接用于监管上报，并自动核算排放量。"
)


class Subject:
    """A version or a listing as the guards see it."""

    def __init__(self, provider: ProviderState = ProviderState.ADMITTED, solution: SolutionState = SolutionState.PUBLISHED) -> None:
        self.provider_state, self.solution_state = provider, solution


EXPECTED: dict[str, tuple[Table, list[str], dict[tuple[str, str], tuple[str, str]]]] = {
    "version": (
        solution_versions.TABLE,
        list(solution_versions.VersionState),
        {
            ("draft", "submit"): ("submitted", "provider"),
            ("returned", "submit"): ("submitted", "provider"),
            ("submitted", "approve"): ("approved", "manager admin"),
            ("submitted", "return"): ("returned", "manager admin"),
            **{(state, "withdraw"): ("withdrawn", "provider") for state in ("draft", "submitted", "returned")},
        },
    ),
    "call": (
        calls.TABLE,
        list(CallState),
        {("draft", "publish"): ("published", "manager centre admin"), ("published", "close"): ("closed", "manager centre admin")},
    ),
    "listing": (
        listings.TABLE,
        list(listings.ListingState),
        {
            ("proposed", "list"): ("listed", "manager bureau admin"),
            ("proposed", "refuse"): ("refused", "manager bureau admin"),
            ("listed", "remove"): ("removed", "manager bureau admin"),
        },
    ),
}


@pytest.mark.parametrize("noun", EXPECTED)
def test_every_state_event_and_role(noun: str) -> None:
    table, states, expected = EXPECTED[noun]
    events = sorted({row.event for row in table} | {"no_such_event"})
    for state, event, role in product(states, events, Role):
        to, roles = expected.get((state, event), ("", ""))
        found = decide(table, state, event, {role}, Subject())
        if to and role in roles.split():
            assert isinstance(found, Transition), (state, event, role)
            assert found.to == to
        else:
            assert isinstance(found, Refused)
            assert found.code == ("not_allowed" if to else "wrong_state")
    for state, role in product(states, Role):
        wanted = {event for (start, event), (_to, roles) in expected.items() if start == state and role in roles.split()}
        assert {row.event for row in allowed_events(table, state, {role})} == wanted


@pytest.mark.parametrize("provider", ProviderState)
@pytest.mark.parametrize("solution", SolutionState)
def test_who_may_hand_in_and_what_may_be_shown(provider: ProviderState, solution: SolutionState) -> None:
    subject = Subject(provider, solution)
    handed_in = decide(solution_versions.TABLE, "draft", "submit", {Role.PROVIDER}, subject)
    needed = SEARCHABLE if solution is SolutionState.PUBLISHED else TAKES_NEW
    may = provider in needed and solution is not SolutionState.BLOCKED
    assert isinstance(handed_in, Transition) is may
    shown = decide(solution_versions.TABLE, "submitted", "approve", {Role.MANAGER}, subject)
    assert isinstance(shown, Transition) is (provider in SEARCHABLE and solution is not SolutionState.BLOCKED)
    listed = decide(listings.TABLE, "proposed", "list", {Role.BUREAU}, subject)
    assert isinstance(listed, Transition) is (provider in SEARCHABLE and solution is SolutionState.PUBLISHED)


def test_the_sentence_says_why(pilot: Pilot) -> None:
    suspended = solution_versions.may_be_handed_in(Subject(ProviderState.SUSPENDED))
    rectifying = solution_versions.may_be_handed_in(Subject(ProviderState.RECTIFYING, SolutionState.DRAFT))
    assert suspended is not None
    assert rectifying is not None
    assert "不在资源池内" in suspended.sentence()
    assert "限期整改" in rectifying.sentence()
    assert solution_versions.may_be_handed_in(Subject(ProviderState.RECTIFYING, SolutionState.PUBLISHED)) is None


def guard(pilot: Pilot, **texts: str | list[str]) -> tuple[Finding, ...]:
    given_texts = {"summary": GOOD, **texts}
    return examine({key: [value] if isinstance(value, str) else value for key, value in given_texts.items()}, pilot.catalogue)


def codes(found: tuple[Finding, ...]) -> set[tuple[str, str, bool]]:
    return {(one.field, one.refused.code, one.hard) for one in found}


def test_no_demonstration_solution_is_refused_or_hinted(pilot: Pilot) -> None:
    """Measured: what is written as usual must pass, or the bounds are wrong."""
    rows = [json.loads(line) for line in (DEMO / "solutions.jsonl").read_text(encoding="utf-8").splitlines()]
    cases = [json.loads(line)["process"] for line in (DEMO / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 170
    found = {}
    for row in rows:
        texts = {"title": [row["title"]], "summary": [row["summary"]], "solves": row["solves"], "technologies": row["technologies"]}
        if findings := examine(texts, pilot.catalogue):
            found[row["id"]] = [one.refused.sentence() for one in findings]
    assert found == {}
    assert not [text for text in cases if examine({"cases": [text]}, pilot.catalogue)]


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("详询 13812345678", "13812345678"),
        ("详询 138-1234-5678", "138-1234-5678"),
        ("详询 +86 138 1234 5678", "+86 138 1234 5678"),
        ("详询１３８１２３４５６７８", "13812345678"),
        ("详询一三八一二三四五六七八", "一三八一二三四五六七八"),
        ("电话 022-25112233", "022-25112233"),
        ("电话 (022)25112233", "(022)25112233"),
        ("热线 400-800-1234", "400-800-1234"),
        ("邮箱 sales@example.com.cn", "sales@example.com.cn"),
        ("见 https://example.org/a?b=1", "https://example.org/a?b=1"),
        ("官网 www.example.com", "www.example.com"),
        ("官网 example.cn", "example.cn"),
        ("微信：jigai-2024", "微信:jigai-2024"),
        ("加V jigai2024", "加V jigai2024"),
        ("QQ群 123456789", "QQ群 123456789"),
        ("扣扣12345678", "扣扣12345678"),
    ],
)
def test_contact_data_is_refused_and_quoted(pilot: Pilot, text: str, quote: str) -> None:
    for field in ("summary", "solves", "cases"):
        found = [one for one in guard(pilot, **{field: [f"{GOOD}{text}。"]}) if one.refused.code == "contact_data"]
        assert [one.refused.values["quote"] for one in found] == [quote]
        assert any(one.hard for one in found)
        assert quote in found[0].refused.sentence()


@pytest.mark.parametrize(
    "text",
    [
        "2023 年 5 月投用，合同 1280 万元，编号 GB/T 4754-2017，图号 20231108001234567",
        "告警推送到微信小程序和企业微信机器人",
        "支持 ASP.NET、OPC UA、Modbus/TCP，地址 192.168.10.254",
        "每物料一个唯一编码，第一阶段只接三台，第一个月出报表，第一次停机后复盘",
        "最佳工况由模型给出，绝对压力不超过 3 兆帕，最高每分钟一百二十件",
        "技术先进与否由验收数据说话",
        "国家级专精特新企业，具备万能角度尺校准能力",
    ],
)
def test_words_of_the_trade_pass(pilot: Pilot, text: str) -> None:
    assert guard(pilot, summary=f"{GOOD}{text}。") == ()


@pytest.mark.parametrize(
    "text",
    [
        "行业领先的平台",
        "全国排名第一",
        "第一品牌",
        "最佳选择",
        "唯一供应商",
        "国家级产品",
        "顶级专家团队",
        "绝对可靠",
        "零风险改造",
        "国内首创",
    ],
)
def test_absolute_words_are_refused(pilot: Pilot, text: str) -> None:
    assert ("summary", "absolute_word", True) in codes(guard(pilot, summary=f"{GOOD}我们是{text}。"))


def test_other_empty_words_are_a_hint(pilot: Pilot) -> None:
    found = guard(pilot, summary=f"{GOOD}全方位赋能企业转型。")
    assert codes(found) == {("summary", "empty_praise", False)}
    assert not any(one.hard for one in found)


def test_stuffing_is_refused_and_repetition_hinted(pilot: Pilot) -> None:
    stuffed = "能耗监测" * 10 + "。" + GOOD
    assert ("summary", "keyword_stuffing", True) in codes(guard(pilot, summary=stuffed))
    spread = guard(pilot, summary=f"{GOOD}", solves=[f"泄漏检测修复{number}" for number in "甲乙丙丁戊己庚辛壬癸"])
    assert ("summary", "keyword_stuffing", True) in codes(spread) or ("solves", "keyword_stuffing", True) in codes(spread)
    words = guard(
        pilot,
        summary="能耗，监测，平台，系统，软件，方案，产品，服务，云，大数据，人工智能，物联网，数字孪生，区块链，五维，工业互联网，边缘计算，可视化",
    )
    assert ("summary", "word_list", True) in codes(words)
    names = guard(pilot, summary="MES ERP PLM WMS QMS APS LIMS IoT AI BI OEE SPC AGV DCS")
    assert ("summary", "word_list", True) in codes(names)
    english = guard(
        pilot, summary="Doses by recipe from closed bins, warns half an hour before material runs out, and keeps a record of each batch."
    )
    assert "word_list" not in {code for _field, code, _hard in codes(english)}


@pytest.mark.parametrize(("length", "code", "hard"), [(20, "too_short", True), (50, "rather_short", False)])
def test_a_short_text_says_nothing(pilot: Pilot, length: int, code: str, hard: bool) -> None:
    assert codes(guard(pilot, summary=GOOD.replace("，", "")[:length])) == {("summary", code, hard)}


def test_the_most_repeated_words_are_found_whole() -> None:
    share, word, count = most_repeated("报警管理优化，报警管理平台，报警管理系统，报警管理", 4)
    assert (word, count) == ("报警管理", 4)
    assert share == pytest.approx(16 / 22)
    assert most_repeated("", 4) == (0.0, "", 0)
    # The letters of one Latin word are no repetition, the word is.
    assert most_repeated("ABABABAB", 4) == (0.0, "", 0)


@given(st.text(max_size=300))
def test_any_text_can_be_examined(text: str) -> None:
    rules = CatalogueRules(
        summary_least=40, summary_advised=60, title_least=4, case_least=15, repeated_hard=0.3, repeated_soft=0.18, repeated_from=4,
        list_items=10, list_mean=4.5, absolute=(), praise=("赋能",), contact_words=("微信",), harmless_addresses=(), attachments_most=1,
        review_days=1, call_days_least=1,
    )  # fmt: skip
    for finding in examine({"title": [text], "summary": [text], "cases": [text]}, rules):
        assert finding.refused.sentence()


def test_a_draft_may_be_incomplete_but_not_wrong() -> None:
    content = empty_content()
    assert [field for field, _refused in check_draft(content)] == ["title"]
    content |= {"title": "密封点检测", "price_low_fen": 9, "price_high_fen": 3}
    assert [field for field, _refused in check_draft(content)] == ["price_wan"]
    content |= {"price_low_fen": 1}
    assert not list(check_draft(content))
    assert [field for field, _refused in check_complete(content)] == ["sectors", "form", "solves", "scenario_codes"]
    content["cases"] = [{"signed": "2024-05", "completed": "2023-01"}]
    assert [(field, refused.code) for field, refused in check_draft(content)] == [("cases", "dates_turned")]


def test_every_field_has_its_texts_and_keys() -> None:
    content = empty_content()
    assert {key for field in FIELDS for key in field.keys} == content.keys()
    assert texts_of(content)["title"] == [""]


def test_a_difference_is_told_by_field() -> None:
    old = empty_content() | {"title": "旧标题", "summary": "先采集数据。再出报表。", "price_low_fen": 100}
    new = old | {"title": "新标题", "summary": "先采集数据。再出日报。", "price_low_fen": 200}
    found = differences(old, new)
    assert [one.field.key for one in found] == ["title", "summary", "price_wan"]
    assert found[2].before == (100, None)
    assert not differences(old, dict(old))
    assert [one.field.key for one in differences(None, old)] == ["title", "summary", "price_wan"]


def test_the_words_that_differ_are_marked() -> None:
    old, new = marked_pieces("先采集数据。再出报表。最后培训。", "先采集数据。再出日报。最后培训。")
    assert "".join(piece.text for piece in old if piece.changed) == "表"
    assert "".join(piece.text for piece in new if piece.changed) == "日"


@given(st.text(alphabet="甲乙丙。，\n", max_size=80), st.text(alphabet="甲乙丙。，\n", max_size=80))
def test_the_pieces_make_up_the_texts(before: str, after: str) -> None:
    old, new = marked_pieces(before, after)
    assert "".join(piece.text for piece in old) == before
    assert "".join(piece.text for piece in new) == after
    assert "".join(piece.text for piece in old if not piece.changed) == "".join(piece.text for piece in new if not piece.changed)


def test_a_long_text_is_compared_in_time() -> None:
    text = "".join(f"第{number}条，检测并修复密封点。" for number in range(1500))
    _old, new = marked_pieces(text, text.replace("第7条", "第七条"))
    assert [piece.text for piece in new if piece.changed] == ["七"]


def test_a_call_needs_time_and_a_scenario() -> None:
    draft = CallDraft("CH-05", "征集", "要一个方案", date(2026, 11, 20), date(2026, 11, 21))
    assert [(field, refused.code) for field, refused in calls.check(draft, days_least=5)] == [("closes", "too_few_days")]
    assert {field for field, _refused in calls.check(CallDraft(), days_least=5)} == {"scenario_code", "title", "text", "opens", "closes"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"state": CallState.DRAFT}, "not_open_yet"),
        ({"today": date(2026, 11, 1)}, "not_open_yet"),
        ({"today": date(2026, 12, 1)}, "call_closed"),
        ({"state": CallState.CLOSED}, "call_closed"),
        ({"provider": ProviderState.RECTIFYING}, "takes_no_new"),
        ({"solution": SolutionState.WITHDRAWN}, "not_answerable"),
        ({"solution": SolutionState.DRAFT}, None),
        ({"today": date(2026, 11, 30)}, None),
    ],
)
def test_when_a_call_takes_answers(change: dict[str, object], code: str | None) -> None:
    asked: dict[str, object] = {
        "state": CallState.PUBLISHED, "opens": date(2026, 11, 10), "closes": date(2026, 11, 30), "today": date(2026, 11, 20),
        "provider": ProviderState.ADMITTED, "solution": SolutionState.PUBLISHED,
    }  # fmt: skip
    refused = check_answer(**{**asked, **change})  # type: ignore[arg-type]
    assert (refused.code if refused else None) == code


def test_a_listing_says_why() -> None:
    assert {field for field, _refused in listings.check(ListingDraft())} == {"batch", "advancement", "effect"}
    assert not list(listings.check(ListingDraft("2026 年第一批", "比通行做法快一倍", "三家用过")))
