"""From the words of a report to the problems that it may state: split, told apart from the rest, each with how sure that is.

Rules, not a model: what is proposed is corrected by a person, and why a line was taken must be plain to see.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from marketplace.domain.problem_clarity import COST, OFTEN, PLACE, SYMPTOM

# A heading under which problems stand, and one that ends it.
_PROBLEMS = re.compile(r"问题清单|存在的?问题|主要问题|突出问题|短板|痛点|难点|不足|需求清单|改造需求|诊断发现|发现的?问题")
_OTHERS = re.compile(
    r"建议|方案|措施|对策|路线图|投入清单|投资|预期|目标|基本情况|企业概况|简介|概述|结论|附件|附录|目录|致谢|参考|场景清单"
)
_HEADING = re.compile(
    r"^(?:第[一二三四五六七八九十]+[章节部分]|[一二三四五六七八九十]+、|[(（][一二三四五六七八九十]+[)）]|\d+(?:\.\d+)*[.、\s])?\s*(.{2,24}?)[:：]?$"
)
_BULLET = re.compile(
    r"^\s*(?:[-–•·●○◆■▪*]|[(（]?\d{1,3}[)）.、．]|[(（][一二三四五六七八九十]{1,3}[)）]|[一二三四五六七八九十]{1,3}、|[①-⑳])\s*"
)
_CELLS = re.compile(r"\t+| \| ")
_SENTENCE = re.compile(r"[^。！？!?；;\n]+[。！？!?；;]?")
_ADVICE = re.compile(r"^(?:建议|应当?|需要?|可以?|通过|拟|计划|推荐|采用|引入|部署|建设|实施|上线|搭建|预计|目标|力争|到20\d\d)")
_PRAISE = re.compile(
    r"成立于|位于|注册资本|占地|员工|主营|荣获|获评|领先|拥有|通过了|高新技术企业|专精特新|年产|产值|股东|董事|始建|创建于|感谢|诊断组|本报告"
)
SHORTEST, LONGEST = 8, 400
# From how much on a line is proposed at all, and from how much on with its tick.
LEAST, TICKED = 2.0, 3.0
MOST_LINES = 20_000
# A shorter line ends by itself, not because the paper does.
WRAPPED = 24


@dataclass(frozen=True)
class Candidate:
    """A line that may state a problem. `score`: the more, the surer; `take`: proposed with its tick; `under`: its heading."""

    text: str
    score: float
    take: bool
    under: str = ""


def candidates(text: str, *, most: int) -> list[Candidate]:
    """The problems that a report may state, in its order; beyond `most` the surest ones."""
    seen: set[str] = set()
    found = []
    for line, under, in_list in _lines(text):
        key = re.sub(r"\W+", "", line)
        if key in seen or not SHORTEST <= len(line) <= LONGEST:
            continue
        seen.add(key)
        # What stands under such a heading is proposed whatever its words, unless it gives advice; its tick it must earn.
        listed = in_list and not _ADVICE.match(line) and not _PRAISE.search(line)
        score = likeness(line) + (LEAST if listed else 0.0)
        if score >= LEAST:
            found.append(Candidate(line, score, score >= TICKED, under))
    if len(found) > most:
        least = sorted((one.score for one in found), reverse=True)[most - 1]
        found = [one for one in found if one.score >= least][:most]
    return found


def likeness(line: str) -> float:
    """How much a line reads like a problem: a symptom, at a place, with a cost or how often; advice and introductions do not."""
    symptoms = len(set(SYMPTOM.findall(line)))
    score = min(symptoms, 3) * 0.75
    if not symptoms:
        return 0.0
    score += 0.5 * bool(PLACE.search(line)) + 0.75 * bool(COST.search(line)) + 0.75 * bool(OFTEN.search(line))
    score -= 2.0 * bool(_ADVICE.match(line)) + 1.5 * len(set(_PRAISE.findall(line)))
    return score


def _lines(text: str) -> Iterator[tuple[str, str, bool]]:
    """(line, its heading, whether it stands under a heading of problems); a table's cells and a paragraph's sentences each."""
    under, in_list, bulleted = "", False, False
    for line in _unwrapped(text):
        heading = _heading(line)
        if heading:
            under, bulleted = heading, False
            in_list = bool(_PROBLEMS.search(heading)) and not _OTHERS.search(heading)
            continue
        is_point = bool(_BULLET.match(line))
        # After numbered points, a paragraph without a number is no point any more.
        in_list = in_list and (is_point or not bulleted)
        bulleted = bulleted or is_point
        for cell in _CELLS.split(line):
            cell = _BULLET.sub("", cell).strip()
            # A point of a list is one problem, whatever its sentences; a paragraph is taken apart.
            parts = [cell] if in_list and len(cell) <= LONGEST / 2 else _pieces(cell)
            for part in parts:
                yield part, under, in_list


def _unwrapped(text: str) -> Iterator[str]:
    """The paragraphs of a text: a PDF breaks its lines where the paper ends, in the middle of a sentence."""
    kept = ""
    for raw in text.splitlines()[:MOST_LINES]:
        line = raw.strip()
        goes_on = len(kept) >= WRAPPED and kept[-1] not in "。！？!?；;：:" and not _BULLET.match(line) and not _heading(line)
        if line and kept and goes_on and len(kept) < 4 * LONGEST:
            kept += line
            continue
        if kept:
            yield kept
        kept = line
    if kept:
        yield kept


def _pieces(paragraph: str) -> list[str]:
    """Sentences; one that is short or begins by pointing back belongs to the one before."""
    found: list[str] = []
    for part in (one.strip() for one in _SENTENCE.findall(paragraph)):
        if not part:
            continue
        if (
            found
            and (len(part) < SHORTEST * 2 or re.match(r"这|因此|所以|导致|造成|结果|其中|同时|另外也", part))
            and len(found[-1]) + len(part) < LONGEST
        ):
            found[-1] += part
        else:
            found.append(part)
    return found


def _heading(line: str) -> str:
    """The words of a heading; "" for a line of text."""
    if not line or len(line) > 30 or line[-1:] in "。；;，,、！？":
        return ""
    match = _HEADING.match(line)
    words = match[1] if match else ""
    return words if _PROBLEMS.search(words) or _OTHERS.search(words) else ""
