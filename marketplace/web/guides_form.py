"""The form of a guide: between what is typed, what is stored and a draft that can be checked."""

from __future__ import annotations

from typing import Any

from flask import request

from marketplace.domain.guides import AMOUNTS, FLAGS, KEYS, GuideDraft, Rule
from marketplace.records.guides import Guide
from marketplace.site import current_site
from marketplace.web.diagnosis_lists import wan
from marketplace.web.typed import typed_day
from marketplace.web.typed_numbers import typed_fen, typed_number

LINES = ("project_class", "title", "text", "budget_wan", "opens", "closes", "free", "least_total", "most_total", "finish_by")
_KINDS = {"levels": "level", "sectors": "sector", "orientations": "orientation"}
_SETS = ("levels", "sectors", "orientations", "documents", *(f"rule_{rule}" for rule in KEYS), "flags")
Typed = dict[str, Any]


def empty() -> Typed:
    return {**dict.fromkeys(LINES, ""), **{name: [] for name in _SETS}, "project_class": "central"}


def typed_form() -> Typed:
    form = request.form
    return {**{name: form.get(name, "").strip() for name in LINES}, **{name: form.getlist(name) for name in _SETS}}


def typed_of(guide: Guide) -> Typed:
    """A stored guide as its form shows it."""
    typed = empty() | {
        "project_class": str(guide.project_class),
        "title": guide.title,
        "text": guide.text,
        "budget_wan": wan(guide.budget_fen),
    }
    typed |= {"opens": guide.opens.isoformat(), "closes": guide.closes.isoformat(), "documents": list(guide.documents)}
    typed |= {name: list(getattr(guide, name)) for name in _KINDS}
    free = []
    for row in guide.conditions:
        rule, value = str(row.get("rule")), row.get("value")
        if rule == Rule.TEXT:
            free.append(str(row.get("text", "")))
        elif rule in FLAGS:
            typed["flags"] = [*typed["flags"], rule]
        elif rule in KEYS:
            typed[f"rule_{rule}"] = list(value or [])
        elif rule in typed:
            typed[rule] = f"{value:g}" if isinstance(value, float) else str(value)
    return typed | {"free": "\n".join(free)}


def draft_of(typed: Typed) -> GuideDraft:
    """What was typed, as a draft; a condition whose value cannot be read stays in it, to be refused at its field."""
    rows: list[dict[str, Any]] = []
    for rule in sorted(AMOUNTS):
        if typed[rule]:
            rows.append({"rule": str(rule), "value": typed_number(typed[rule]) or 0})
    for rule, kind in KEYS.items():
        chosen = [found.key for key in typed[f"rule_{rule}"] if (found := current_site().pilot.find(kind, key))]
        if chosen:
            rows.append({"rule": str(rule), "value": chosen})
    if typed["finish_by"]:
        rows.append({"rule": str(Rule.FINISH_BY), "value": typed["finish_by"]})
    rows += [{"rule": flag, "value": None} for flag in typed["flags"] if flag in FLAGS]
    rows += [{"rule": str(Rule.TEXT), "text": line.strip()} for line in typed["free"].splitlines() if line.strip()]
    chosen_keys = {
        name: tuple(found.key for key in typed[name] if (found := current_site().pilot.find(kind, key))) for name, kind in _KINDS.items()
    }
    budget = typed_fen(typed["budget_wan"]) if typed["budget_wan"] else None
    return GuideDraft(
        project_class=typed["project_class"],
        title=typed["title"],
        text=typed["text"],
        conditions=tuple(rows),
        documents=tuple(typed["documents"]),
        budget_fen=-1 if typed["budget_wan"] and budget is None else budget,
        opens=typed_day(typed["opens"]),
        closes=typed_day(typed["closes"]),
        **chosen_keys,
    )


def place_of(draft: GuideDraft, field: str) -> str:
    """The field of the form that a fault of the draft belongs to."""
    number, _dot, _part = field.partition(".")
    if number.isdigit():
        rule = str(draft.conditions[int(number)].get("rule"))
        return "free" if rule == Rule.TEXT else f"rule_{rule}" if rule in KEYS else rule
    return "budget_wan" if field == "budget" else field
