"""A reason is computed: changing a price, a case or a locality changes the sentence."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.matches import Part, Reason
from marketplace.domain.ratings import TrackRecord
from recommender.ask import Ask
from recommender.evidence import Answer, Evidence
from recommender.explanation import explain
from recommender.facts import CaseFacts, Effect, SolutionFacts
from recommender.showcases import ShowcaseFacts

WAN = 1_000_000
WORDS = {"chem": "化工", "auto": "汽车", "equipment": "设备管理"}
CASE = CaseFacts(1, 7, "chem", "2024-05", 80 * WAN, (Effect("非计划停机", "12", "3", "次/年"),))
FACTS = SolutionFacts(
    solution_id=7,
    provider_id=1,
    title="机泵状态监测",
    form="solution",
    sectors=("chem",),
    stages=("equipment",),
    orientations=(),
    scenario_codes=(),
    units=("机泵状态监测", "机泵突然停机", "提前两周预警轴承故障"),
    solves=("机泵突然停机",),
    price_low_fen=45 * WAN,
    price_high_fen=90 * WAN,
    weeks_low=6,
    weeks_high=10,
    references=3,
    provider_name="甲公司",
    provider_state="admitted",
    local_office=True,
    local_commitment=False,
    declined_sectors=(),
    track=TrackRecord(),
    cases=(CASE,),
    answered=(),
)
ASK = Ask("p", "二车间机泵每月突然停机三次，一次停八小时", sector="chem", stage="equipment", budget_high_fen=100 * WAN, weeks=12)
ANSWERS = (Answer("二车间机泵每月突然停机三次", "机泵突然停机", 0.9),)


def reasons(facts: SolutionFacts = FACTS, ask: Ask = ASK, **more: object) -> dict[str, Reason]:
    found = explain(Evidence(ask, facts, ANSWERS, **more), lambda _kind, key: WORDS.get(key, key))  # type: ignore[arg-type]
    return {reason.code: reason for reason in found}


def test_says_which_words_are_answered_by_which() -> None:
    answer = reasons()["answers"]
    assert answer.sentence() == "您说的“二车间机泵每月突然停机三次”，方案对应的是“机泵突然停机”。"
    assert answer.ours is not None
    assert answer.theirs is not None
    assert [answer.theirs.text[start:end] for start, end in answer.theirs.marks]


def test_a_price_changes_the_sentence() -> None:
    assert reasons()["price_within"].sentence() == "报价 45–90 万元，在预算上限 100 万元以内。"
    partly = reasons(replace(FACTS, price_high_fen=150 * WAN))
    assert partly["partly_over_budget"].sentence() == "报价 45–150 万元，按高的一端会超过预算上限 100 万元。"
    over = reasons(replace(FACTS, price_low_fen=120 * WAN, price_high_fen=150 * WAN))["over_budget"]
    assert over.sentence() == "报价最低 120 万元，比预算上限 100 万元高 20 万元。"
    assert over.part == Part.MISSING
    assert "price_open" in reasons(replace(FACTS, price_low_fen=None, price_high_fen=None))


def test_a_showcase_is_said_of_its_solution_and_of_its_provider_in_the_same_scenario() -> None:
    own = ShowcaseFacts("a", "AL-1", 7, "chem", ("CH-01",), ("非计划停机", "12", "3", "次/年"))
    said = reasons(replace(FACTS, showcases=(own,)))["showcase"]
    assert said.sentence() == "本方案在化工行业有标杆案例 AL-1，验收实测：非计划停机 12 → 3 次/年。"
    assert (said.part, said.refers) == (Part.FITS, ("showcase", "a"))
    assert reasons(replace(FACTS, showcases=(replace(own, sector="auto"),)))["showcase"].part == Part.ASSUMED
    others = replace(FACTS, scenario_codes=("CH-01",), showcases=(replace(own, solution_id=8, effect=None),))
    assert reasons(others)["provider_showcase"].sentence() == "服务商在化工行业的同一场景有标杆案例 AL-1。"
    for apart in ({"scenario_codes": ("CH-02",)}, {"showcases": ()}):
        assert not {"showcase", "provider_showcase"} & set(reasons(replace(others, **apart)))  # type: ignore[arg-type]


def test_a_case_changes_the_sentence() -> None:
    assert reasons()["case"].sentence() == "化工行业案例（2024-05 完成）：非计划停机 12 → 3 次/年。"
    other = replace(CASE, effects=(Effect("非计划停机", "12", "1", "次/年"),))
    assert "12 → 1 次/年" in reasons(replace(FACTS, cases=(other,)))["case"].sentence()
    assert reasons(replace(FACTS, cases=()))["no_case"].sentence() == "没有化工行业的案例。"
    elsewhere = reasons(replace(FACTS, cases=(replace(CASE, client_sector="auto"),)))
    assert elsewhere["case"].part == Part.ASSUMED
    assert "no_case" in elsewhere


def test_locality_changes_the_sentence() -> None:
    assert "local_office" in reasons()
    assert reasons(replace(FACTS, local_office=False, local_commitment=True))["local_commitment"].part == Part.ASSUMED
    assert reasons(replace(FACTS, local_office=False))["no_local"].part == Part.MISSING


def test_another_sector_is_labelled() -> None:
    found = reasons(replace(FACTS, sectors=("auto",)))
    assert found["other_sector"].sentence() == "跨行业：方案写的是汽车，用到化工要先确认工况。"
    assert "same_sector" not in found


def test_a_newcomer_is_new_and_few_observations_say_so() -> None:
    assert reasons()["references"].part == Part.MISSING
    assert "new_provider" in reasons(replace(FACTS, references=0))
    few = reasons(replace(FACTS, track=TrackRecord(proposed=2, accepted=2, finished=2, on_time=1, passed=2, mean_score=81.4)))
    assert few["track_record_few"].sentence() == "平台上完工 2 个项目（样本少），按期 1 个，一次通过验收 2 个，平均 81 分。"
    assert few["track_record_few"].part == Part.FITS
    poor = reasons(replace(FACTS, track=TrackRecord(proposed=6, accepted=6, finished=6, on_time=2, passed=2, failed=1, mean_score=66.0)))
    assert poor["track_record_below"].part == Part.MISSING
    assert poor["track_record_below"].sentence().endswith("平均 66 分，低于一般水平（80 分）。")


def test_a_provider_under_warning_is_said_to_be() -> None:
    assert reasons(replace(FACTS, provider_state="warned"))["warned"].part == Part.MISSING
    assert "warned" not in reasons()


def test_asks_only_what_is_not_said() -> None:
    assert [reason for reason in reasons().values() if reason.part == Part.ASK] == []
    vague = reasons(ask=Ask("p", "质量不稳定"))
    assert [reason.code for reason in vague.values() if reason.part == Part.ASK] == ["budget", "weeks", "how_often", "how_much"]


def test_a_time_that_may_not_suffice_is_said() -> None:
    found = reasons(replace(FACTS, weeks_low=10, weeks_high=18), replace(ASK, weeks=12))
    assert found["partly_weeks_over"].sentence() == "工期 10–18 周，按长的一端会超过您要求的 12 周。"
    assert "partly_weeks_over" not in reasons(replace(FACTS, weeks_low=10, weeks_high=12), replace(ASK, weeks=12))


def test_what_rests_on_a_guess_is_an_assumption() -> None:
    said = reasons()
    guessed = reasons(ask=replace(ASK, sector=None, stage=None), guessed={"sector": "chem", "stage": "production"})
    suits = {code for code in said if code.startswith("same_sector")}
    assert suits
    assert {said[code].part for code in suits} == {Part.FITS}
    assert {reason.part for code, reason in guessed.items() if code.startswith("same_sector") or code == "case"} <= {Part.ASSUMED}
    assert any(code.startswith("same_sector") for code in guessed)
    assert "no_case" not in guessed


def test_a_guess_is_called_a_guess() -> None:
    found = reasons(ask=replace(ASK, sector=None), guessed={"sector": "chem"})
    assert found["guessed_sector"].sentence() == "您没有说行业，按文字推断为化工。"
    assert "same_sector_and_stage" in found


@given(st.text(max_size=300), st.one_of(st.none(), st.integers(0, 10**12)), st.one_of(st.none(), st.integers(0, 10**12)))
def test_every_sentence_can_be_said(text: str, low: int | None, high: int | None) -> None:
    found = reasons(replace(FACTS, price_low_fen=low, price_high_fen=high), replace(ASK, text=text))
    assert all(reason.sentence() for reason in found.values())
