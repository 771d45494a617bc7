"""What a version of a solution says, as the API takes and tells it; in between the same rules as for the form and the sheet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.api import models as out
from marketplace.api.operation import Model
from marketplace.domain.cases import check as check_case
from marketplace.domain.differences import Difference, differences
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import fen_from_wan
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.domain.solution_versions import Content, case_draft
from marketplace.faults import Problem, said
from marketplace.records.scenarios import Scenario
from marketplace.sheets.cases import SHEET as CASES
from marketplace.sheets.columns import Sheet
from marketplace.sheets.solutions import SHEET as SOLUTIONS
from marketplace.sheets.values import parse
from marketplace.site import current_site

Words = list[str]
_TERMS = {"sectors": "sector", "stages": "stage", "orientations": "orientation"}
_TERMS |= {"levels": "level", "enterprise_sizes": "enterprise_size", "deployments": "deployment"}
_TEXTS = ("title", "summary", "solves", "technologies", "interfaces", "certificates", "origin")
_CASE_TEXTS = ("signed", "completed", "process", "proofs")
# What the checks of the domain call a field → what the API calls it.
_NAMES = {"delivery_weeks": "weeks", "scenario_codes": "scenarios"}


class Money(Model):
    """万元, either end open."""

    low: float | None = Field(None, ge=0, le=100_000_000, allow_inf_nan=False)
    high: float | None = Field(None, ge=0, le=100_000_000, allow_inf_nan=False)


class Weeks(Model):
    low: int | None = Field(None, ge=0, le=1000)
    high: int | None = Field(None, ge=0, le=1000)


class EffectIn(Model):
    indicator: str = Field(max_length=200)
    before: float | str | None = None
    after: float | str | None = None
    unit: str | None = Field(None, max_length=50)


class VersionCaseIn(Model):
    """A case. `id`: of one that the provider has already; without it a new one. Months as YYYY-MM."""

    id: str = Field("", max_length=36)
    title: str = Field("", max_length=200)
    client_sector: str = Field("", max_length=64)
    signed: str = Field("", max_length=10)
    completed: str = Field("", max_length=10)
    cost_wan: float | None = Field(None, ge=0, le=100_000_000, allow_inf_nan=False)
    process: str = Field("", max_length=20_000)
    effects: list[EffectIn] = Field(default_factory=list, max_length=50)
    proofs: Words = Field(default_factory=list, max_length=100)


class ContentIn(Model):
    """The whole of what the next version says; what is not named is not said. Words are keys of the pilot."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "密封点泄漏检测与修复服务", "form": "service", "summary": "建立密封点台账，按频次检测，超标点当天通知维修。",
                    "solves": ["密封点台账不清"], "sectors": ["chem"], "scenarios": ["CH-16"], "price_wan": {"low": 16, "high": 60},
                    "weeks": {"low": 4, "high": 10}, "references": 3, "note": "首次提交",
                }
            ]
        }
    )  # fmt: skip
    title: str = Field(max_length=200)
    form: str = Field("", max_length=64)
    summary: str = Field("", max_length=20_000)
    solves: Words = Field(default_factory=list, max_length=100)
    sectors: Words = Field(default_factory=list, max_length=20)
    stages: Words = Field(default_factory=list, max_length=20)
    orientations: Words = Field(default_factory=list, max_length=20)
    scenarios: Words = Field(default_factory=list, max_length=20)
    price_wan: Money | None = None
    weeks: Weeks | None = None
    references: int = Field(0, ge=0, le=2_000_000_000)
    technologies: Words = Field(default_factory=list, max_length=100)
    levels: Words = Field(default_factory=list, max_length=20)
    enterprise_sizes: Words = Field(default_factory=list, max_length=20)
    deployments: Words = Field(default_factory=list, max_length=20)
    origin: str = Field("", max_length=20)
    explosion_proof: bool | None = None
    interfaces: Words = Field(default_factory=list, max_length=100)
    certificates: Words = Field(default_factory=list, max_length=100)
    cases: list[VersionCaseIn] = Field(default_factory=list, max_length=50)
    files: Words | None = Field(None, max_length=50)
    """Ids of the files that the version keeps; null: all that it has."""
    note: str = Field("", max_length=2_000)
    """For the reviewer."""


class VersionCaseOut(Model):
    id: str | None
    title: str
    client_sector: str
    signed: str
    completed: str
    cost_wan: float | None
    process: str
    effects: list[out.Effect]
    proofs: Words


class FileName(Model):
    id: str
    name: str


class ContentOut(Model):
    title: str
    form: str
    summary: str
    solves: Words
    sectors: Words
    stages: Words
    orientations: Words
    scenarios: Words
    price_wan: out.Span | None
    weeks: out.Span | None
    references: int
    technologies: Words
    levels: Words
    enterprise_sizes: Words
    deployments: Words
    origin: str
    explosion_proof: bool | None
    interfaces: Words
    certificates: Words
    cases: list[VersionCaseOut]
    files: list[FileName]


class DifferenceOut(Model):
    """A field that is not the same in two contents. `before` is null where there was no content to compare with."""

    field: str
    label: str
    before: Any
    after: Any


def content_out(content: Mapping[str, Any]) -> ContentOut:
    same = ("form", "stages", "orientations", "references", "levels", "enterprise_sizes", "deployments", "explosion_proof")
    told = {name: content[name] for name in (*same, *_TEXTS, "sectors")}
    return ContentOut(
        **told,
        scenarios=content["scenario_codes"],
        price_wan=out.wan_span(content["price_low_fen"], content["price_high_fen"]),
        weeks=out.span(content["weeks_low"], content["weeks_high"]),
        cases=[case_out(row) for row in content["cases"]],
        files=[FileName(id=row["file"], name=row["name"]) for row in content["files"]],
    )


def case_out(row: Mapping[str, Any]) -> VersionCaseOut:
    cost = out.wan_span(row.get("cost_fen"), row.get("cost_fen"))
    texts = {name: row.get(name) or "" for name in ("title", "client_sector", "signed", "completed", "process")}
    cost_wan, effects = cost.low if cost else None, out.plain(list(row["effects"]))
    return VersionCaseOut(**texts, id=row.get("case") or None, cost_wan=cost_wan, effects=effects, proofs=row["proofs"])


def content_from(body: ContentIn, stands: Mapping[str, Any], known_files: Mapping[str, str]) -> tuple[Content, list[Problem]]:
    """The content that was sent, and what could not be read of it. `known_files`: id → name of what is attached to the solution."""
    content, problems = dict(stands), list[Problem]()
    for name in _TEXTS:
        content[name] = _read(SOLUTIONS, name, getattr(body, name), f"body.{name}", problems)
    content["form"] = _term("form", body.form, "body.form", problems)
    for name, kind in _TERMS.items():
        keys = [_term(kind, word, f"body.{name}", problems) for word in getattr(body, name)]
        content[name] = list(dict.fromkeys(key for key in keys if key))
    content["scenario_codes"] = list(dict.fromkeys(body.scenarios))
    price, weeks = body.price_wan or Money(), body.weeks or Weeks()
    content |= {"price_low_fen": _fen(price.low), "price_high_fen": _fen(price.high), "weeks_low": weeks.low, "weeks_high": weeks.high}
    content |= {"references": body.references, "explosion_proof": body.explosion_proof}
    content["cases"] = [_case(row, f"body.cases.{place}", problems) for place, row in enumerate(body.cases)]
    if body.files is not None:
        unknown = [one for one in body.files if one not in known_files]
        problems += [Problem("body.files", "unknown_file", _("没有这个文件，可能已被去掉。")) for _one in unknown]
        content["files"] = [{"file": one, "name": known_files[one]} for one in dict.fromkeys(body.files) if one in known_files]
    return content, problems


def _case(row: VersionCaseIn, path: str, problems: list[Problem]) -> dict[str, Any]:
    found: dict[str, Any] = {"case": row.id, "title": " ".join(row.title.split()), "cost_fen": _fen(row.cost_wan)}
    for name in _CASE_TEXTS:
        found[name] = _read(CASES, name, getattr(row, name), f"{path}.{name}", problems)
    found["client_sector"] = _term("sector", row.client_sector, f"{path}.client_sector", problems)
    found["effects"] = _read(CASES, "effects", [one.model_dump() for one in row.effects], f"{path}.effects", problems)
    problems += [Problem(f"{path}.{name}", one.code, one.message, one.values) for name, one in check_case(case_draft(found))]
    if not found["process"] and not found["effects"]:
        problems.append(Problem(f"{path}.process", "required", _("实施过程和实施效果至少填一项。")))
    return found


def unknown_scenarios(session: Session, codes: Sequence[str], stands: Sequence[str]) -> list[Problem]:
    """Codes that are on no list. What stood there before, from a sheet for instance, may stay."""
    own = select(Scenario.code).where(Scenario.kind == ScenarioKind.INDIVIDUAL, Scenario.state == ScenarioState.PUBLISHED)
    known = {scenario.code for scenario in current_site().pilot.scenarios} | set(session.scalars(own)) | set(stands)
    message = _("没有编号为“{code}”的公开场景。")
    return [Problem("body.scenarios", "unknown_scenario", message, {"code": code[:40]}) for code in codes if code not in known]


def problem_of(field: str, refused: Refused) -> Problem:
    """What a check of the domain says, at the field as the API calls it."""
    return Problem(f"body.{_NAMES.get(field, field)}", refused.code, refused.message, refused.values)


def difference_outs(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[DifferenceOut]:
    return [_difference(one) for one in differences(before, after)]


def _difference(one: Difference) -> DifferenceOut:
    name = _NAMES.get(one.field.key, one.field.key)
    before = None if one.before is None else _value(one.field.key, one.before)
    return DifferenceOut(field=name, label=said(one.field.label, {}), before=before, after=_value(one.field.key, one.after))


def _value(key: str, values: tuple[Any, ...]) -> Any:
    """A value as ContentOut tells it."""
    if key == "price_wan":
        return (found := out.wan_span(*values)) and found.model_dump()
    if key == "delivery_weeks":
        return (found := out.span(*values)) and found.model_dump()
    if key == "cases":
        return [case_out(row).model_dump() for row in values[0] or ()]
    return [row["name"] for row in values[0] or ()] if key == "files" else values[0]


def clashes(stands: Mapping[str, Any], sent: Mapping[str, Any]) -> Iterator[Problem]:
    """Where what was sent differs from what somebody else has saved meanwhile, so that both can be read side by side."""
    for one in difference_outs(stands, sent):
        values = {"now": _short(one.before), "sent": _short(one.after)}
        yield Problem(f"body.{one.field}", "differs", _("现在是“{now}”，您写的是“{sent}”。"), values)


def _short(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:200]


def _fen(wan: float | None) -> int | None:
    return None if wan is None else fen_from_wan(wan)


def _term(kind: str, word: str, path: str, problems: list[Problem]) -> str:
    if not word:
        return ""
    found = current_site().pilot.find(kind, word)
    if found is None:
        problems.append(Problem(path, "unknown_word", _("没有“{value}”这个词，请用试点配置里的键。"), {"value": word[:40]}))
    return found.key if found else ""


def _read(sheet: Sheet, name: str, raw: Any, path: str, problems: list[Problem]) -> Any:
    column = sheet.column(name)
    try:
        return parse(column, raw, "", current_site().pilot)
    except RefusedError as error:
        problems.append(Problem(path, error.refused.code, error.refused.message, error.refused.values))
        return parse(column, None, "", current_site().pilot)
