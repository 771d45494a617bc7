"""The form of a solution and of a case: what is typed becomes a content by the same columns that read a sheet, and back again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import wan_from_fen
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.domain.solution_versions import FIELDS, Content
from marketplace.faults import said
from marketplace.records.scenarios import Scenario
from marketplace.sheets.cases import SHEET as CASES
from marketplace.sheets.columns import Sheet
from marketplace.sheets.solutions import SHEET as SOLUTIONS
from marketplace.sheets.values import parse
from marketplace.site import current_site
from marketplace.web.scenarios import told
from marketplace.web.wording import term

Typed = dict[str, Any]
Faults = list[tuple[str, Refused]]
# One line of the form → the key of a content; the columns of the sheet read it.
_LINES = {"price_low_wan": "price_low_fen", "price_high_wan": "price_high_fen", "weeks_low": "weeks_low", "weeks_high": "weeks_high"}
_TEXTS = ("title", "summary", "references", "solves", "technologies", "interfaces", "certificates", "origin", "explosion_proof")
_TERMS = ("sectors", "stages", "orientations", "levels", "enterprise_sizes", "deployments")
_CASE_TEXTS = ("signed", "completed", "cost_wan", "process", "proofs")
EFFECTS = ("indicator", "before", "after", "unit")
# Rows of effects that a case's form offers; more come by sheet.
EFFECT_ROWS = 6


@dataclass(frozen=True)
class ScenarioChoice:
    code: str
    name: str


def typed_content() -> Typed:
    """The fields of the request, as they were typed: kept whatever is wrong with them."""
    form = request.form
    single = {name: form.get(name, "") for name in (*_LINES, *_TEXTS, "form", "note")}
    return single | {name: form.getlist(name) for name in (*_TERMS, "scenario_codes")}


def typed_of(content: Content, note: str = "") -> Typed:
    """A content as the form shows it."""
    typed: Typed = {name: content[name] for name in ("title", "summary", "form", "origin", *_TERMS, "scenario_codes")}
    typed |= {name: _wan(content[key]) if name.endswith("_wan") else _plain(content[key]) for name, key in _LINES.items()}
    typed |= {name: "、".join(content[name]) for name in ("technologies", "interfaces", "certificates")}
    flag = content["explosion_proof"]
    typed |= {"solves": "\n".join(content["solves"]), "references": _plain(content["references"] or None), "note": note}
    return typed | {"explosion_proof": "" if flag is None else "是" if flag else "否"}


def content_from(typed: Typed, stands: Content) -> tuple[Content, Faults]:
    """The content that was typed, and what could not be read of it. Cases and files stay as they stand."""
    content, faults = dict(stands), Faults()
    for name in (*_TEXTS, *_LINES):
        value = _read(SOLUTIONS, name, typed[name], faults)
        content[_LINES.get(name, name)] = 0 if name == "references" and value is None else value
    pilot = current_site().pilot
    kinds = {field.key: field.kind for field in FIELDS if field.kind}
    chosen = pilot.find("form", typed["form"])
    content["form"] = chosen.key if chosen else ""
    for name in _TERMS:
        content[name] = list(dict.fromkeys(found.key for key in typed[name] if (found := pilot.find(kinds[name], key))))
    content["scenario_codes"] = list(dict.fromkeys(typed["scenario_codes"]))
    return content, faults


def typed_case() -> Typed:
    form = request.form
    rows = [{name: form.get(f"{name}-{place}", "") for name in EFFECTS} for place in range(EFFECT_ROWS)]
    return {name: form.get(name, "") for name in ("title", "client_sector", *_CASE_TEXTS)} | {"effects": rows}


def typed_of_case(row: dict[str, Any]) -> Typed:
    rows = [{name: _plain(effect.get(name)) for name in EFFECTS} for effect in row["effects"]][:EFFECT_ROWS]
    rows += [dict.fromkeys(EFFECTS, "") for _place in range(EFFECT_ROWS - len(rows))]
    typed = {name: row.get(name) or "" for name in ("title", "client_sector", "signed", "completed", "process")}
    return typed | {"cost_wan": _wan(row["cost_fen"]), "proofs": "、".join(row["proofs"]), "effects": rows}


def case_from(typed: Typed, stands: dict[str, Any]) -> tuple[dict[str, Any], Faults]:
    """The case that was typed; effects beyond the rows of the form stay as they stand."""
    row, faults = dict(stands), Faults()
    for name in _CASE_TEXTS:
        row["cost_fen" if name == "cost_wan" else name] = _read(CASES, name, typed[name], faults)
    row["title"] = " ".join(typed["title"].split())
    sector = current_site().pilot.find("sector", typed["client_sector"])
    row["client_sector"] = sector.key if sector else ""
    written = [effect for effect in typed["effects"] if any(text.strip() for text in effect.values())]
    effects = [{name: effect[name].strip() or None for name in EFFECTS} for effect in written]
    row["effects"] = (_read(CASES, "effects", effects, faults) or []) + list(stands["effects"][EFFECT_ROWS:])
    return row, faults


def empty_case() -> dict[str, Any]:
    texts = dict.fromkeys(("case", "title", "client_sector", "signed", "completed", "process"), "")
    return {**texts, "cost_fen": None, "effects": [], "proofs": []}


def scenario_choices(session: Session) -> tuple[dict[str, list[ScenarioChoice]], list[ScenarioChoice]]:
    """Typical scenarios by sector, and enterprises' own published ones, which do not say whose they are."""
    typical: dict[str, list[ScenarioChoice]] = {}
    for scenario in current_site().pilot.scenarios:
        typical.setdefault(scenario.sector, []).append(ScenarioChoice(scenario.code, term("scenario", scenario.code)))
    own = select(Scenario).where(Scenario.kind == ScenarioKind.INDIVIDUAL, Scenario.state == ScenarioState.PUBLISHED)
    rows = session.scalars(own.options(joinedload(Scenario.enterprise)).order_by(Scenario.code))
    return typical, [ScenarioChoice(row.code, told(row, row.name)) for row in rows]


def unknown_scenarios(session: Session, codes: Iterable[str], stands: Iterable[str]) -> Faults:
    """Codes that are on no list: a form can send anything. What stood there before, from a sheet for instance, may stay."""
    typical, own = scenario_choices(session)
    known = {choice.code for group in (*typical.values(), own) for choice in group} | set(stands)
    unknown = [code for code in codes if code not in known]
    message = _("没有编号为“{code}”的公开场景。")
    return [("scenario_codes", Refused("unknown_scenario", message, {"code": code})) for code in unknown]


def sentences(faults: Sequence[tuple[str, Refused]]) -> dict[str, str]:
    """Field → the first sentence about it, in the language of the page."""
    found: dict[str, str] = {}
    for field, refused in faults:
        found.setdefault(field, said(refused.message, refused.values))
    return found


def _read(sheet: Sheet, name: str, raw: Any, faults: Faults) -> Any:
    column = sheet.column(name)
    try:
        return parse(column, raw, "", current_site().pilot)
    except RefusedError as error:
        faults.append((column.group or name, error.refused))
        return parse(column, None, "", current_site().pilot)


def _wan(fen: int | None) -> str:
    return "" if fen is None else format(Decimal(wan_from_fen(fen)), "f")


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
