"""Every Chinese source sentence has its English, and the compiled catalogue is the one that is written."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tools.translations import CATALOGUE, catalogue, compiled, missing, source_sentences

HANZI = re.compile(r"[\u4e00-\u9fff]")
# Names of things that stay Chinese in English sentences: words to type, and words of the sheets.
# 休 and 班 are what the calendar's sheet takes.
KEPT = re.compile(r"是|否|休|班|营收|利润|负债率|精馏塔|蒸汽|回流")


def test_no_sentence_lacks_english() -> None:
    assert missing(catalogue(), source_sentences()) == []


def test_english_is_english() -> None:
    for message in catalogue():
        if message.id:
            assert not HANZI.search(KEPT.sub("", str(message.string))), message.id


def test_english_fills_in_the_same_values() -> None:
    named = re.compile(r"%\((\w+)\)s|\{(\w+)[^}]*\}")
    for message in catalogue():
        if message.id:
            wanted, given = (sorted({"".join(found) for found in named.findall(str(text))}) for text in (message.id, message.string))
            assert given == wanted, message.id


def test_the_compiled_catalogue_is_up_to_date() -> None:
    assert CATALOGUE.with_suffix(".mo").read_bytes() == compiled(catalogue())


def test_what_is_said_inside_other_strings_has_its_english() -> None:
    """The extraction does not look into f-strings."""
    known = {message.id for message in catalogue()}
    calls = [
        call
        for path in sorted((Path(__file__).parents[2] / "marketplace").rglob("*.py"))
        for string in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(string, ast.JoinedStr)
        for call in ast.walk(string)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in {"say", "_"}
    ]
    said = {call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)}
    assert said
    assert said <= known
