"""What may be reworded in a letter of the platform, and what must stay: the places that a decision fills in.

A place is written in braces, by its Chinese name for people, e.g. {截止日期}, and by its key in the form and in the records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text

# What every letter may name, whatever it is about.
USUAL = ("organisation", "city", "bureau", "manager", "centre", "number", "date")
# Key → the name by which people write it. None may stand in two keys.
NAMES: Mapping[str, str] = {
    "organisation": "收文单位", "city": "城市", "bureau": "工信部门", "manager": "管理机构", "centre": "能力中心名称", "number": "发文编号",
    "date": "发文日期", "thing": "所涉事项", "until": "截止日期", "reason": "理由", "reasons": "各项理由", "no": "序号", "item": "一项理由",
    "publicity": "公示期", "no_publicity": "没有公示", "reapply_from": "可重新申报日期", "decision": "原决定", "outcome": "处理结果",
    "judgement": "验收意见", "passed": "整改通过", "failed": "整改没有通过", "round": "评估轮次", "result": "评估结果", "score": "得分",
    "comment": "评估意见", "days": "整改天数", "code": "核验码",
}  # fmt: skip
_KEYS = {name: key for key, name in NAMES.items()}
_PLACE = re.compile(r"\{([^{}]*)\}")
LONGEST, LONGEST_LINE = 2_000, 100


@dataclass(frozen=True)
class LetterText:
    """The words of a letter; `parts` in the order of its form, "" for one that is left out (tables have no words: always "")."""

    title: str
    parts: tuple[str, ...]
    sign_off: str


@dataclass(frozen=True)
class PartRule:
    """One paragraph of a form. `when`: it stands only where this value is; `each`: it is repeated for the items of this list;
    `table`: the heads of a table, which has no words of its own."""

    when: str = ""
    each: str = ""
    table: tuple[str, ...] = ()
    is_heading: bool = False


def places_of(text: str) -> list[str]:
    """The places of a text, in their order, each once."""
    return list(dict.fromkeys(_PLACE.findall(text)))


def told(text: str) -> str:
    """As people read and write it: places by their Chinese names."""
    return _PLACE.sub(lambda found: f"{{{NAMES.get(found[1], found[1])}}}", text)


def understood(text: str) -> str:
    """As it is kept: places by their keys. Full-width braces are braces."""
    text = text.replace("｛", "{").replace("｝", "}").replace("\r\n", "\n").strip()
    return _PLACE.sub(lambda found: f"{{{_KEYS.get(found[1].strip(), found[1].strip())}}}", text)


def allowed_in(rule: PartRule | None, shipped: LetterText) -> list[str]:
    """What a paragraph may name (None: title and signature): what every letter may, what this letter's own words name anywhere, and
    in a repeated paragraph the number and the words of the item."""
    own = [key for text in (shipped.title, shipped.sign_off, *shipped.parts) for key in places_of(text) if key not in ("no", "item")]
    repeated = ("no", "item") if rule is not None and rule.each else ()
    return list(dict.fromkeys((*repeated, *own, *USUAL)))


def check(draft: LetterText, shipped: LetterText, rules: Sequence[PartRule]) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal); nothing when the letter can be written with these words."""
    yield from check_text("title", _("标题"), draft.title, most=LONGEST_LINE, required=True)
    yield from check_text("sign_off", _("落款"), draft.sign_off, most=LONGEST_LINE, required=True)
    yield from _check_places("title", draft.title, shipped.title, allowed_in(None, shipped))
    yield from _check_places("sign_off", draft.sign_off, "", allowed_in(None, shipped))
    for number, (rule, text, own) in enumerate(zip(rules, draft.parts, shipped.parts, strict=True), 1):
        if rule.table:
            continue
        field = f"part_{number}"
        yield from check_text(field, _("这一段"), text, most=LONGEST)
        yield from _check_places(field, text, own, allowed_in(rule, shipped))
    if not any(text.strip() for text in draft.parts) and not any(rule.table for rule in rules):
        yield "part_1", Refused("empty_letter", _("正文至少要有一段。"))


def _check_places(field: str, text: str, shipped: str, allowed: Sequence[str]) -> Iterator[tuple[str, Refused]]:
    found = places_of(text)
    if "{" in _PLACE.sub("", text) or "}" in _PLACE.sub("", text):
        yield field, Refused("braces", _("花括号不成对。花括号只用来写要填入的内容，例如 {example}。"), {"example": "{收文单位}"})
        return
    if strange := [key for key in found if key not in allowed]:
        listed = "、".join(f"{{{NAMES.get(key, key)}}}" for key in allowed)
        values = {"name": f"{{{NAMES.get(strange[0], strange[0])}}}", "allowed": listed}
        yield field, Refused("strange_place", _("这里不能用 {name}，填不出内容。可以用：{allowed}。"), values)
    if missing := [key for key in places_of(shipped) if key not in found]:
        values = {"name": f"{{{NAMES.get(missing[0], missing[0])}}}"}
        yield field, Refused("missing_place", _("少了 {name}：这一项由办理结果填入，必须保留。"), values)
