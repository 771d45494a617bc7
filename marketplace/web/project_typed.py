"""The sections of a project between form and draft: what is typed, how what is stored is typed, and the rows of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain import project_plans as plans
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.project_plans import (
    TEXTS,
    BasicDraft,
    CostDraft,
    IndicatorDraft,
    Known,
    MemberDraft,
    MilestoneDraft,
    Section,
    SupplierDraft,
)
from marketplace.records.brokerings import Brokering
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction
from marketplace.records.organisations import Organisation
from marketplace.records.project_plans import find_costs, find_indicators, find_milestones
from marketplace.records.project_wholes import PROMISED, texts_of
from marketplace.records.projects import Project, find_project_members, find_project_problems, find_suppliers
from marketplace.records.providers import Provider
from marketplace.site import current_site
from marketplace.web.diagnosis_lists import wan
from marketplace.web.language import say
from marketplace.web.typed import typed_day
from marketplace.web.typed_numbers import typed_fen, typed_number, typed_whole

Typed = dict[str, Any]
Row = Mapping[str, str]
Faults = list[tuple[str, Refused]]
BASIC = ("title", "level", "area", "sector", "scenarios", "starts", "ends", "total_wan", "asked_wan")
COLUMNS: dict[Section, tuple[str, ...]] = {
    Section.MEMBERS: ("enterprise", "content", "share"),
    Section.SUPPLIERS: ("row", "provider", "role", "content", "contract_number", "contract_wan", "signed", "share"),
    Section.INDICATORS: ("name", "unit", "direction", "baseline", "target", "weight", "evidence"),
    Section.COSTS: ("year", "quarter", "kind", "item", "amount_wan", "fiscal_wan", "own_wan", "basis"),
    Section.MILESTONES: ("title", "planned"),
}
# Columns that a new row brings along by itself, so that they do not make it one that was filled in.
_USUAL = frozenset({"row", "role", "direction", "kind", "quarter", "year"})


def typed_form(section: Section) -> Typed:
    """What was typed into the form of a section."""
    form = request.form
    if section in COLUMNS:
        columns = {name: form.getlist(name) for name in COLUMNS[section]}
        count = max((len(values) for values in columns.values()), default=0)
        rows = [{name: (values[n] if n < len(values) else "").strip() for name, values in columns.items()} for n in range(min(count, 500))]
        return {"rows": [row for row in rows if any(value for name, value in row.items() if name not in _USUAL)]}
    if section is Section.BASIC:
        typed: Typed = {name: form.get(name, "").strip() for name in BASIC}
        return typed | {"orientations": form.getlist("orientations"), "promised": form.get("promised", "")}
    if section is Section.CONTENT:
        return {kind.key: form.get(kind.key, "").strip() for kind in TEXTS}
    if section is Section.PROBLEMS:
        return {"problem": form.getlist("problem")}
    return {"document": form.get("document", ""), "remove": form.get("remove", "")}


def stored(session: Session, project: Project, section: Section) -> Typed:
    """What is stored, as the form shows it."""
    if section is Section.BASIC:
        return {
            "title": project.title, "level": project.level, "area": project.area, "sector": project.sector,
            "scenarios": "、".join(project.scenario_codes), "starts": _day(project.starts), "ends": _day(project.ends),
            "total_wan": wan(project.total_fen), "asked_wan": wan(project.asked_fen), "orientations": list(project.orientations),
            "promised": "yes" if project.plan.get(PROMISED) else "",
        }  # fmt: skip
    if section is Section.CONTENT:
        return dict(texts_of(project))
    if section is Section.PROBLEMS:
        return {"problem": [row.public_id for row in find_project_problems(session, project.id)]}
    if section is Section.DOCUMENTS:
        return {"document": "", "remove": ""}
    return {"rows": _rows(session, project, section)}


def _rows(session: Session, project: Project, section: Section) -> list[dict[str, str]]:
    if section is Section.MEMBERS:
        members = find_project_members(session, project.id)
        return [{"enterprise": row.enterprise.name, "content": row.content, "share": _percent(row.share)} for row in members]
    if section is Section.SUPPLIERS:
        return [
            {
                "row": row.public_id, "provider": row.provider.name, "role": str(row.role), "content": row.content,
                "contract_number": row.contract_number, "contract_wan": wan(row.contract_fen), "signed": _day(row.signed),
                "share": _percent(row.share),
            }
            for row in find_suppliers(session, project.id)
        ]  # fmt: skip
    if section is Section.INDICATORS:
        return [
            {
                "name": row.name, "unit": row.unit, "direction": str(row.direction), "baseline": _figure(row.baseline),
                "target": _figure(row.target), "weight": str(row.weight), "evidence": row.evidence,
            }
            for row in find_indicators(session, project.id)
        ]  # fmt: skip
    if section is Section.COSTS:
        return [
            {
                "year": str(row.year), "quarter": str(row.quarter), "kind": row.kind, "item": row.item, "amount_wan": wan(row.amount_fen),
                "fiscal_wan": wan(row.fiscal_fen), "own_wan": wan(row.own_fen), "basis": row.basis,
            }
            for row in find_costs(session, project.id)
        ]  # fmt: skip
    return [{"title": row.title, "planned": _day(row.planned)} for row in find_milestones(session, project.id)]


def basic(typed: Typed, faults: Faults) -> BasicDraft:
    """A word that the pilot does not know, and a figure that is none, is a fault at its field; an empty one is left open."""
    pilot = current_site().pilot
    keys = {name: _key(name, typed[name], faults) for name in ("level", "area", "sector")}
    orientations = tuple(found.key for key in typed["orientations"] if (found := pilot.find("orientation", key)))
    codes = [
        code.strip() for code in typed["scenarios"].replace("，", "、").replace(",", "、").replace(" ", "、").split("、") if code.strip()
    ]
    if unknown := [code for code in codes if pilot.scenario(code) is None and len(code) > 32]:
        faults.append(("scenarios", Refused("unknown_scenario", _("没有编号为“{code}”的公开场景。"), {"code": unknown[0][:20]})))
    amounts = {name: _wan(name, typed[name], faults) for name in ("total_wan", "asked_wan")}
    for name in ("starts", "ends"):
        if typed[name] and typed_day(typed[name]) is None:
            faults.append((name, Refused("no_day", _("日期请写成 2026-11-20。"))))
    return BasicDraft(
        typed["title"], keys["level"] or "point", keys["area"], keys["sector"], orientations, tuple(codes[:50]), typed_day(typed["starts"]),
        typed_day(typed["ends"]), amounts["total_wan"], amounts["asked_wan"], typed["promised"] == "yes",
    )  # fmt: skip


def members(session: Session, rows: Sequence[Row], faults: Faults) -> list[MemberDraft]:
    found = []
    for number, row in enumerate(rows):
        query = select(Enterprise.id).join(Organisation)
        name = row["enterprise"]
        one = session.scalars(query.where((Organisation.name == name) | (Organisation.credit_code == name)).order_by(Enterprise.id)).first()
        if one is None:
            message = _("第 {row} 行的企业没有找到，或者写了两次。")
            faults.append((f"{number}.enterprise", Refused("unknown_member", message, {"row": number + 1})))
        found.append(MemberDraft(one or 0, row["content"], _share(row["share"], 0.0)))
    known = Known(enterprises=frozenset(row.enterprise_id for row in found))
    faults += [] if faults else list(plans.check_members(found, known, most=current_site().pilot.project.most_members))
    return found


def suppliers(session: Session, rows: Sequence[Row], faults: Faults) -> list[SupplierDraft]:
    found = []
    for number, row in enumerate(rows):
        query = select(Provider.id).join(Organisation).where(Organisation.name == row["provider"])
        one = session.scalars(query.order_by(Provider.id)).first()
        if one is None:
            message = _("第 {row} 行的服务商没有找到，请从列表里选。")
            faults.append((f"{number}.provider", Refused("unknown_provider", message, {"row": number + 1})))
        fen = _wan(f"{number}.contract_wan", row["contract_wan"], faults)
        if row["signed"] and typed_day(row["signed"]) is None:
            faults.append((f"{number}.signed", Refused("no_day", _("日期请写成 2026-11-20。"))))
        share = _share(row["share"], 1.0)
        values = (row["content"], row["contract_number"], fen, typed_day(row["signed"]), share, row["row"])
        found.append(SupplierDraft(one or 0, row["role"], *values))
    known = Known(providers=frozenset(row.provider_id for row in found))
    if not faults:
        rows_ = plans.check_suppliers(found, known, most=current_site().pilot.project.most_suppliers)
        faults += [(_named(name), refused) for name, refused in rows_]
    return found


def indicators(rows: Sequence[Row]) -> list[IndicatorDraft]:
    return [
        IndicatorDraft(
            row["name"], row["unit"], row["direction"], typed_number(row["baseline"]), typed_number(row["target"]),
            typed_whole(row["weight"]), row["evidence"],
        )
        for row in rows
    ]  # fmt: skip


def costs(rows: Sequence[Row]) -> list[CostDraft]:
    """Of public and own money one may be left out: it is the rest of the amount."""
    found = []
    for row in rows:
        amount, fiscal, own = (typed_fen(row[name]) for name in ("amount_wan", "fiscal_wan", "own_wan"))
        if amount is not None and not row["fiscal_wan"]:
            fiscal = amount - own if own is not None else 0
        if amount is not None and not row["own_wan"]:
            own = amount - (fiscal or 0)
        year, quarter = typed_whole(row["year"]), typed_whole(row["quarter"])
        found.append(CostDraft(year, quarter, row["kind"], row["item"], amount, fiscal, own, row["basis"]))
    return found


def milestones(rows: Sequence[Row]) -> list[MilestoneDraft]:
    return [MilestoneDraft(row["title"], typed_day(row["planned"])) for row in rows]


def checked(section: Section, draft: Any, faults: Faults) -> Faults:
    """The faults of a section at the fields of its form."""
    kinds = frozenset(kind.key for kind in current_site().pilot.project.costs)
    checks = {
        Section.BASIC: plans.check_basic,
        Section.CONTENT: plans.check_texts,
        Section.INDICATORS: plans.check_indicators,
        Section.COSTS: lambda rows: plans.check_costs(rows, Known(costs=kinds)),
        Section.MILESTONES: plans.check_milestones,
    }
    return [*faults, *((_named(name), refused) for name, refused in checks[section](draft))]  # type: ignore[operator]


def _named(field: str) -> str:
    """The field of the form, where amounts are typed in 万元."""
    return field.removesuffix("_fen") + "_wan" if field.endswith("_fen") else field


def known_providers(session: Session, project: Project) -> list[str]:
    """Whom the enterprise has dealt with: names to choose from. Any other provider of the pool may be typed."""
    if project.enterprise_id is None:
        return []
    query = (
        select(Organisation.name)
        .join(Provider, Provider.organisation_id == Organisation.id)
        .join(Introduction, Introduction.provider_id == Provider.id)
        .join(Brokering, Brokering.id == Introduction.brokering_id)
        .where(Brokering.enterprise_id == project.enterprise_id)
    )
    return list(session.scalars(query.distinct().order_by(Organisation.name).limit(30)))


def labels() -> dict[str, str]:
    """Name of a field → what people call it."""
    return {
        "title": say("项目名称"), "level": say("层面"), "area": say("所在园区、街道"), "sector": say("行业"), "scenarios": say("场景编号"),
        "starts": say("开工日期"), "ends": say("完工日期"), "total_wan": say("总投资（万元）"), "asked_wan": say("申请支持金额（万元）"),
        "orientations": say("转型方向"), "promised": say("不重复支持的承诺"), "problem": say("解决的问题"),
        **{kind.key: say(kind.word) for kind in TEXTS},
    }  # fmt: skip


def line(value: Any) -> str:
    return "、".join(str(one) for one in value) if isinstance(value, list) else str(value)


def lines(rows: Iterable[Row]) -> str:
    return "\n".join(" · ".join(value for name, value in row.items() if value and name != "row") for row in rows)


def _key(kind: str, text: str, faults: Faults) -> str:
    found = current_site().pilot.find(kind, text) if text else None
    if text and found is None:
        faults.append((kind, Refused("unknown_word", _("这一项不在可选的范围里，请重新选。"))))
    return found.key if found else ""


def _wan(name: str, text: str, faults: Faults) -> int | None:
    found = typed_fen(text)
    if text and found is None:
        faults.append((name, Refused("no_figure", _("金额请写成数字，单位万元，例如 72.5。"))))
    return found


def _share(text: str, usual: float) -> float | None:
    """In percent; nothing typed is the usual one."""
    found = typed_number(text.rstrip("%％ "))
    return usual if not text else None if found is None else found / 100


def _percent(share: float) -> str:
    return f"{share * 100:.2f}".rstrip("0").rstrip(".")


def _figure(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _day(value: Any) -> str:
    return value.isoformat() if value else ""
