"""The form of a showcase: between what is typed, what is stored and a draft that can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from marketplace.domain.money import exact_text
from marketplace.domain.showcases import ShowcaseDraft
from marketplace.records.showcases import Showcase
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.typed import typed_day
from marketplace.web.typed_numbers import typed_fen, typed_number
from marketplace.web.wording import sep

LINES = (
    "title",
    "summary",
    "level",
    "sector",
    "codes",
    "problem",
    "approach",
    "experience",
    "effect_note",
    "cost_wan",
    "starts",
    "finished",
)
EFFECT = ("name", "unit", "before", "after")
# Rows beside those that are filled.
SPARE = 3
Typed = dict[str, Any]


def typed_form() -> Typed:
    form = request.form
    typed: Typed = {name: form.get(name, "").strip() for name in (*LINES, "templates")}
    columns = [form.getlist(f"effect_{key}")[:60] for key in EFFECT]
    rows = [dict(zip(EFFECT, (cell.strip() for cell in cells), strict=True)) for cells in zip(*columns, strict=False)]
    typed["solution"] = form.get("solution", "")
    return typed | {"orientations": form.getlist("orientations"), "effects": [row for row in rows if any(row.values())]}


def typed_of(row: Showcase) -> Typed:
    """A stored showcase as its form shows it."""
    typed: Typed = {name: getattr(row, name) for name in LINES if name not in ("codes", "cost_wan", "starts", "finished")}
    typed |= {"starts": row.starts.isoformat() if row.starts else "", "finished": row.finished.isoformat() if row.finished else ""}
    typed |= {"codes": "、".join(row.scenario_codes), "cost_wan": exact_text(row.cost_fen) if row.cost_fen else ""}
    typed |= {"orientations": list(row.orientations), "solution": row.solution.public_id if row.solution else ""}
    typed["effects"] = [{key: _plain(one.get(key, "")) for key in EFFECT} for one in row.effects]
    typed["templates"] = "\n".join(sep("：").join(part for part in (one["name"], one.get("use", "")) if part) for one in row.templates)
    return typed


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def draft_of(typed: Typed, solutions: Mapping[str, int]) -> ShowcaseDraft:
    """`solutions`: public id → id of what may be chosen. What cannot be read stays in the draft as something that is refused at its field."""
    pilot = current_site().pilot
    level, sector = pilot.find("level", typed["level"]), pilot.find("sector", typed["sector"])
    cost = typed_fen(typed["cost_wan"]) if typed["cost_wan"] else None
    codes = typed["codes"].replace("，", "、").replace(",", "、").replace(" ", "、").split("、")
    templates = []
    for line in typed["templates"].splitlines():
        if line.strip():
            name, _mark, use = line.replace(":", "：").partition("：")
            templates.append({"name": name.strip(), "use": use.strip()})
    effects = []
    for row in typed["effects"]:
        figures = {key: typed_number(row[key]) for key in ("before", "after")}
        effects.append({"name": row["name"], "unit": row["unit"], **{key: _whole(value) for key, value in figures.items()}})
    return ShowcaseDraft(
        title=typed["title"],
        summary=typed["summary"],
        level=level.key if level else "",
        sector=sector.key if sector else "",
        orientations=tuple(found.key for key in typed["orientations"] if (found := pilot.find("orientation", key))),
        scenario_codes=tuple(dict.fromkeys(code.strip()[:32] for code in codes if code.strip()))[:20],
        problem=typed["problem"],
        approach=typed["approach"],
        experience=typed["experience"],
        effects=tuple(effects),
        effect_note=typed["effect_note"],
        cost_fen=-1 if typed["cost_wan"] and cost is None else cost,
        starts=typed_day(typed["starts"]),
        finished=typed_day(typed["finished"]),
        templates=tuple(templates),
        solution_id=solutions.get(typed["solution"]),
    )


def _whole(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() and abs(value) < 10**15 else value


def place_of(field: str) -> str:
    return "cost_wan" if field == "cost" else field


def compared(row: Showcase, typed: Typed) -> list[tuple[str, str, str]]:
    """(label, stored, typed) for whoever lost a race."""
    there = typed_of(row)
    labels = {
        "title": say("标题"), "summary": say("一句话介绍"), "problem": say("要解决的问题"), "approach": say("怎样做的"),
        "experience": say("可以推广的经验"), "effect_note": say("成效说明"), "cost_wan": say("投资额（万元）"), "codes": say("场景编号"),
        "templates": say("模板清单"),
    }  # fmt: skip
    rows = [(label, str(there[name]), str(typed[name])) for name, label in labels.items()]
    return [*rows, (say("前后对比"), _lines(there["effects"]), _lines(typed["effects"]))]


def _lines(rows: list[dict[str, str]]) -> str:
    return "\n".join(" ".join(row.values()) for row in rows)
