"""The pilot as data: everything that changes with the city stands in a TOML file, and this module reads it.

Only ``marketplace/app.py`` and the command line import this module; whatever lies below gets values as arguments.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from marketplace.domain.adjustment_rules import AdjustmentRules
from marketplace.domain.application_rules import ApplicationRules
from marketplace.domain.brokering_rules import BrokeringRules
from marketplace.domain.catalogue_rules import CatalogueRules
from marketplace.domain.centre_rules import CentreRules
from marketplace.domain.complaints import ComplaintRules
from marketplace.domain.diagnoses import DiagnosisRules
from marketplace.domain.figure_rules import FigureRules
from marketplace.domain.figures import FIGURES
from marketplace.domain.fund_rules import FundingRules
from marketplace.domain.inspection_rules import InspectionRules, SupervisionRules
from marketplace.domain.open_demand_rules import OpenDemandRules
from marketplace.domain.performance_rules import PerformanceRules, faults
from marketplace.domain.project_reviews import ProjectReviewRules
from marketplace.domain.project_rules import ProjectRules
from marketplace.domain.questionnaires import Questionnaire
from marketplace.domain.rankers import LearningRules
from marketplace.domain.rating_events import kinds_without_rule
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.showcases import ShowcaseRules
from marketplace.domain.showcases import faults as faults_of_showcases
from marketplace.pilot_file import PilotError, Reader
from marketplace.pilot_terms import (
    Area,
    City,
    Files,
    FundRules,
    Label,
    Role,
    Scenario,
    Sector,
    Stage,
    Term,
    Terms,
    TermT,
    Thresholds,
    fold,
)
from marketplace.questionnaire_file import questionnaire_of

__all__ = [
    "TONES",
    "Area",
    "City",
    "FundRules",
    "Label",
    "Pilot",
    "PilotError",
    "Role",
    "Scenario",
    "Sector",
    "Stage",
    "Term",
    "Terms",
    "Thresholds",
    "load_pilot",
]

PACKAGED = Path(__file__).parent / "data" / "pilot.toml"
TONES = ("calm", "brand", "run", "wait", "show", "good", "bad")
AREA_KINDS = ("park", "street")
ANY_SECTOR = "any"
# A city must say these itself; every other table that its file leaves out comes from the packaged file.
OWN_TABLES = ("pilot", "sectors", "areas", "files")
KINDS = (
    "sectors",
    "areas",
    "orientations",
    "stages",
    "forms",
    "levels",
    "provider_kinds",
    "enterprise_sizes",
    "priorities",
    "scenario_kinds",
    "deployments",
    "roles",
)
# The rules of the pool, each a dataclass of the domain.
RULES: dict[str, type[Any]] = {
    "application": ApplicationRules,
    "review": ReviewRules,
    "catalogue": CatalogueRules,
    "rating": RatingRules,
    "adjustment": AdjustmentRules,
    "learning": LearningRules,
    "diagnosis": DiagnosisRules,
    "brokering": BrokeringRules,
    "open_demand": OpenDemandRules,
    "project": ProjectRules,
    "fund": FundingRules,
    "project_review": ProjectReviewRules,
    "inspection": InspectionRules,
    "supervision": SupervisionRules,
    "figure": FigureRules,
    "showcase": ShowcaseRules,
    "complaint": ComplaintRules,
    "centre": CentreRules,
    "performance": PerformanceRules,
}
KNOWN_TABLES = ("pilot", *KINDS, "files", "labels", "thresholds", "fund_rules", *RULES)
KEY, CODE = r"[a-z][a-z0-9_]*", r"[A-Z]{2}-[0-9]{2}"


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """A city's pilot; every look-up takes a key, a name, a short name or an alias, and gives None for a stranger."""

    city: City
    sectors: Terms[Sector]
    areas: Terms[Area]
    orientations: Terms[Term]
    stages: Terms[Stage]
    forms: Terms[Term]
    levels: Terms[Term]
    provider_kinds: Terms[Term]
    enterprise_sizes: Terms[Term]
    priorities: Terms[Term]
    scenario_kinds: Terms[Term]
    deployments: Terms[Term]
    roles: Terms[Role]
    scenarios: Terms[Scenario]
    mapping: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, Mapping[str, Label]]
    thresholds: Thresholds
    fund_rules: FundRules
    application: ApplicationRules
    review: ReviewRules
    catalogue: CatalogueRules
    rating: RatingRules
    adjustment: AdjustmentRules
    learning: LearningRules
    diagnosis: DiagnosisRules
    questionnaire: Questionnaire
    brokering: BrokeringRules
    open_demand: OpenDemandRules
    project: ProjectRules
    fund: FundingRules
    project_review: ProjectReviewRules
    inspection: InspectionRules
    supervision: SupervisionRules
    figure: FigureRules
    showcase: ShowcaseRules
    complaint: ComplaintRules
    centre: CentreRules
    performance: PerformanceRules

    def terms(self, kind: str) -> Terms[Term]:
        """All terms of a kind, named in the singular: sector, area, provider_kind, priority …"""
        found = getattr(self, "priorities" if kind == "priority" else f"{kind}s", None)
        if not isinstance(found, Terms):
            raise ValueError(f"the pilot has no kind of term called {kind!r}")
        return found

    def find(self, kind: str, text: str) -> Term | None:
        return self.terms(kind).find(text)

    def suggestions(self, kind: str, text: str) -> tuple[str, ...]:
        return self.terms(kind).close(text)

    def sector(self, text: str) -> Sector | None:
        return self.sectors.find(text)

    def sector_of_industry(self, code: str) -> Sector | None:
        """The sector of a GB/T 4754 code of two to four digits, with or without the letter C before it."""
        digits = fold(code).removeprefix("c")
        if not re.fullmatch(r"[0-9]{2,4}", digits):
            return None
        for sector in self.sectors:
            in_group = len(digits) == 2 or any(digits.startswith(group.code) for group in sector.groups)
            if digits.startswith(sector.division) and in_group:
                return sector
        return None

    def words_of_area(self, key: str) -> tuple[str, ...]:
        """How a park or street may be called; nothing for an unknown one."""
        area = self.areas.find(key) if key else None
        words = {area.name, area.short, *area.aliases} if area else set()
        return tuple(sorted(word for word in words if len(word) > 1))

    def area(self, text: str) -> Area | None:
        return self.areas.find(text)

    def orientation(self, text: str) -> Term | None:
        return self.orientations.find(text)

    def stage(self, text: str) -> Stage | None:
        return self.stages.find(text)

    def scenario(self, code: str) -> Scenario | None:
        """The scenario of the catalogue for its own code or for a mapped one (then the best of those mapped)."""
        return self.scenarios.find(code)

    def scenario_codes(self, code: str) -> tuple[str, ...]:
        """All codes of the catalogue behind a code, best first; empty for a stranger."""
        found = self.scenario(code)
        return self.mapping.get(fold(code).upper(), (found.code,) if found else ())

    def label(self, noun: str, state: str, lang: str = "zh") -> tuple[str, str] | None:
        """The word for a state and its tone."""
        found = self.labels.get(noun, {}).get(state)
        return (found.en if lang == "en" else found.word, found.tone) if found else None

    def strength(self, score: float) -> int:
        """How strong a match is, from 1 (weak) to 4 (strong)."""
        return 1 + sum(score >= bound for bound in self.thresholds.strength)


def _terms(reader: Reader, shape: type[TermT], raw: Any, key: str) -> Terms[TermT]:
    """The terms of one kind; a word that could mean two of them is refused."""
    if not raw:
        raise reader.fail(key, "must have at least one entry")
    if not isinstance(raw, list):
        raise reader.fail(key, f"must be a list of tables, each under [[{key}]]")
    items: list[TermT] = []
    index: dict[str, TermT] = {}
    for n, row in enumerate(raw, 1):
        item: TermT = reader.build(shape, row, f"{key}[{n}]")
        if not re.fullmatch(CODE if isinstance(item, Scenario) else KEY, item.key):
            raise reader.fail(f"{key}[{n}].key", f"{item.key!r} is not a key: lower-case letters, digits and _")
        for word in item.words:
            other = index.setdefault(fold(word), item)
            if other is not item:
                raise reader.fail(f"{key}[{n}]", f"the word {word!r} already means {other.key!r}")
        items.append(item)
    return Terms(tuple(items), index)


def _catalogue(reader: Reader, files: Any) -> tuple[Terms[Scenario], dict[str, tuple[str, ...]]]:
    """The scenarios and the codes of other lists, from the files that stand beside the pilot file."""
    named = reader.build(Files, files or {}, "files")
    if not named.scenarios:
        return Terms((), {}), {}
    source = Reader(reader.file.parent / named.scenarios)
    other = Reader(reader.file.parent / named.mapping)
    raw = other.table(other.document().get("mapping"), "mapping") if named.mapping else {}
    mapping = {fold(code).upper(): other.value(tuple[str, ...], raw[code], f"mapping.{code}") for code in raw}
    rows = []
    for n, row in enumerate(source.document().get("scenarios", []), 1):
        fields = dict(source.table(row, f"scenarios[{n}]"))
        if "code" not in fields:
            raise source.fail(f"scenarios[{n}].code", "is missing")
        code = fields.pop("code")
        aliases = [foreign for foreign, codes in mapping.items() if codes[:1] == (code,)]
        rows.append(fields | {"key": code, "aliases": [*fields.get("aliases", []), *aliases]})
    scenarios = _terms(source, Scenario, rows, "scenarios")
    known = {scenario.code for scenario in scenarios}
    for code, codes in mapping.items():
        if not codes or not known.issuperset(codes):
            raise other.fail(f"mapping.{code}", f"{list(codes)} must name codes of {source.file.name}")
    return scenarios, mapping


def _check(reader: Reader, pilot: Pilot) -> None:
    """What no single table can know: references between tables and the order of numbers."""
    if pilot.city.zone not in available_timezones():
        raise reader.fail("pilot.zone", f"{pilot.city.zone!r} is not a time zone such as Asia/Shanghai")
    if not pilot.city.term_start < pilot.city.implementation_end <= pilot.city.term_end:
        raise reader.fail("pilot.term_end", "the term must start before the implementation ends, and end after that")
    for sector in pilot.sectors:
        for group in sector.groups:
            if not re.fullmatch(rf"{sector.division}[0-9]", group.code):
                raise reader.fail(f"sectors.{sector.key}", f"the group {group.code} is not in {sector.division}")
    area_keys, sector_keys = {area.key for area in pilot.areas}, {sector.key for sector in pilot.sectors} | {ANY_SECTOR}
    for area in pilot.areas:
        if area.kind not in AREA_KINDS:
            raise reader.fail(f"areas.{area.key}.kind", f"must be one of {', '.join(AREA_KINDS)}")
        if area.parent and (area.parent == area.key or area.parent not in area_keys):
            raise reader.fail(f"areas.{area.key}.parent", f"{area.parent!r} is not the key of another area")
    stages, orientations = {stage.key for stage in pilot.stages}, {term.key for term in pilot.orientations}
    for scenario in pilot.scenarios:
        used = {scenario.sector} - sector_keys | {scenario.stage} - stages | set(scenario.orientations) - orientations
        if used:
            raise reader.fail(f"scenarios.{scenario.code}", f"uses unknown keys: {', '.join(sorted(used))}")
    for noun, states in pilot.labels.items():
        for state, label in states.items():
            if label.tone not in TONES:
                raise reader.fail(f"labels.{noun}.{state}.tone", f"must be one of {', '.join(TONES)}")
    bounds = pilot.thresholds.strength
    if len(bounds) != 3 or list(bounds) != sorted(set(bounds)) or not 0 < bounds[0] <= bounds[2] < 1:
        raise reader.fail("thresholds.strength", "must be three rising numbers between 0 and 1")
    if not 0 <= pilot.fund_rules.central_cap <= 1:
        raise reader.fail("fund_rules.central_cap", "must be a share between 0 and 1")
    known = {row.key for row in pilot.fund.sources}
    if strange := {row.matches for row in pilot.fund.sources if row.matches} - known or {
        name for row in pilot.fund.sources for name in row.classes
    } - {row.key for row in pilot.project.classes}:
        raise reader.fail("fund.sources", f"uses unknown keys: {', '.join(sorted(strange))}")
    for place, sentence in faults(pilot.performance, sectors=len(pilot.sectors), goals=sorted(orientations), figures=FIGURES):
        raise reader.fail(place, sentence)
    for place, sentence in faults_of_showcases(pilot.showcase):
        raise reader.fail(place, sentence)
    if forgotten := kinds_without_rule(pilot.rating):
        raise reader.fail("rating", f"says nothing of {', '.join(forgotten)}, so that such events would count for nothing")


def load_pilot(path: Path | None = None) -> Pilot:
    """The pilot of a file, by default the packaged one; raises PilotError."""
    reader = Reader(path or PACKAGED)
    own = reader.document()
    for table in ("pilot", "sectors", "areas"):
        if table not in own:
            raise reader.fail(table, "is missing: every city has its own")
    common = {} if path is None else Reader(PACKAGED).document()
    doc = {key: value for key, value in common.items() if key not in OWN_TABLES} | own
    doc["labels"] = common.get("labels", {}) | reader.table(own.get("labels", {}), "labels")
    shapes: dict[str, type[Term]] = {"sectors": Sector, "areas": Area, "stages": Stage, "roles": Role}
    terms = {kind: _terms(reader, shapes.get(kind, Term), doc.pop(kind, None), kind) for kind in KINDS}
    named = doc.pop("files", None)
    scenarios, mapping = _catalogue(reader, named)
    questionnaire = questionnaire_of(reader, reader.build(Files, named or {}, "files").questionnaire, terms)
    labels = {
        noun: {state: reader.build(Label, row, f"labels.{noun}.{state}") for state, row in states.items()}
        for noun, raw in reader.table(doc.pop("labels"), "labels").items()
        for states in (reader.table(raw, f"labels.{noun}"),)
    }
    rest: dict[str, Any] = {
        "city": reader.build(City, doc.pop("pilot"), "pilot"),
        "thresholds": reader.build(Thresholds, doc.pop("thresholds", None), "thresholds"),
        "fund_rules": reader.build(FundRules, doc.pop("fund_rules", None), "fund_rules"),
    } | {name: reader.build(shape, doc.pop(name, None), name) for name, shape in RULES.items()}
    shares = {"central_cap": rest["fund_rules"].central_cap, "local_to_central_min": rest["fund_rules"].local_to_central_min}
    rest["fund"] = replace(rest["fund"], **shares)
    rest["project"] = replace(rest["project"], fund=rest["fund"])
    rest["project"] = replace(rest["project"], first_day=rest["city"].term_start, last_day=rest["city"].implementation_end)
    rest["figure"] = replace(
        rest["figure"], zone=rest["city"].zone, central_sources=rest["fund"].central_keys, least_time=rest["performance"].least_time
    )
    rest["project_review"] = replace(rest["project_review"], least_experts=rest["project"].experts_least)
    for key in doc:
        raise reader.fail(key, f"is not a table of a pilot file; known are {', '.join(KNOWN_TABLES)}")
    pilot = Pilot(**terms, **rest, scenarios=scenarios, mapping=mapping, labels=labels, questionnaire=questionnaire)  # type: ignore[arg-type]
    _check(reader, pilot)
    return pilot
