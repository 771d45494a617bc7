"""Rows → searchable documents. What is searchable is said here, once, by pure functions beside the fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.query import Kind
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.problems import ProblemState, redacted
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.scenarios import ScenarioState
from marketplace.domain.showcases import ShowcaseState
from marketplace.domain.solutions import SolutionState
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase
from marketplace.records.solutions import Solution

# (kind of term, key) → the Chinese word, e.g. ("sector", "chem") → 化工.
Labels = Callable[[str, str], str]

MAIN_CHARACTERS = 400
SENTENCES = 12
SENTENCES_OF_LONG_TEXT = 24
SHORTEST_UNIT = 4
# Of what a solution's attachments say: so many passages are embedded, so many characters can be found by their words.
ATTACHED_UNITS = 24
ATTACHED_CHARACTERS = 20_000


@dataclass(frozen=True)
class Document:
    """What an engine stores of a thing.

    `text`: part → text; the part “title” is shown in suggestions, “labels” counts little, all others are one body.
    `mains`: the passages that every query is compared with; `units`: shorter ones, read for candidates only.
    `keywords`: facet fields. `numbers`: NUMBERS fields. `audience`: who may find it.
    `version`: the queue's `wanted`, so that nothing goes back in time.
    """

    kind: Kind
    thing_id: int
    version: int
    provider_id: int | None
    text: Mapping[str, str]
    mains: tuple[str, ...]
    units: tuple[str, ...] = ()
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    audience: tuple[str, ...] = ("public",)

    @property
    def passages(self) -> tuple[str, ...]:
        """All that is embedded, main passages first."""
        return (*self.mains, *self.units)


def is_searchable(row: Solution | Scenario | Problem | Provider | Showcase) -> bool:
    """Whether anybody may find it at all; who may is said by the document's audience."""
    if isinstance(row, Solution):
        return row.state == SolutionState.PUBLISHED and row.provider.state in SEARCHABLE
    if isinstance(row, Scenario):
        return row.state == ScenarioState.PUBLISHED
    if isinstance(row, Problem):
        return row.state != ProblemState.WITHDRAWN
    if isinstance(row, Showcase):
        return row.state == ShowcaseState.PUBLISHED
    return row.state in SEARCHABLE


def solution_document(row: Solution, provider: Provider, *, version: int, labels: Labels, attached: Sequence[str] = ()) -> Document:
    """A published solution: its own words, the words for its sectors and stages, its provider's name, and what its files say.

    `attached`: the texts of its public attachments, in their order; without any the document is as it always was.
    """
    names = [
        *_words(labels, "sector", row.sectors),
        *_words(labels, "stage", row.stages),
        *_words(labels, "orientation", row.orientations),
        *_words(labels, "scenario", row.scenario_codes),
        provider.name,
    ]
    return Document(
        kind=Kind.SOLUTION,
        thing_id=row.id,
        version=version,
        provider_id=provider.id,
        text={
            "title": row.title,
            "summary": row.summary,
            "solves": "；".join(row.solves),
            "technologies": "；".join(row.technologies),
            "labels": " ".join(names),
            **({"attached": _attached_text(attached)} if attached else {}),
        },
        mains=mains(row.title, row.summary, row.solves),
        units=tuple(dict.fromkeys((*units(row.title, row.summary, row.solves), *attached_units(attached)))),
        keywords=filled(
            sector=row.sectors,
            stage=row.stages,
            orientation=row.orientations,
            scenario=row.scenario_codes,
            form=[row.form],
            region=[provider.region],
            local=[local_presence(provider)],
            level=row.levels,
            size=row.enterprise_sizes,
            deployment=row.deployments,
            origin=[row.origin],
            explosion_proof=[] if row.explosion_proof is None else ["yes" if row.explosion_proof else "no"],
            interface=row.interfaces,
            certificate=row.certificates,
        ),
        numbers=_figures(
            price_low=row.price_low_fen,
            price_high=row.price_high_fen,
            weeks_low=row.weeks_low,
            weeks_high=row.weeks_high,
            references=row.references,
        ),
    )


def scenario_document(row: Scenario, *, version: int, labels: Labels) -> Document:
    """A published scenario. An enterprise's own is shown without the enterprise's name."""
    enterprise = row.enterprise

    def told(text: str) -> str:
        return text if enterprise is None else without_identity(text, enterprise, labels)

    problems, answers = [told(text) for text in row.typical_problems], [told(text) for text in row.typical_solutions]
    title, description = told(row.name), told(row.description)
    return Document(
        kind=Kind.SCENARIO,
        thing_id=row.id,
        version=version,
        provider_id=None,
        text={
            "title": title,
            "description": description,
            "problems": "；".join(problems),
            "solutions": "；".join(answers),
            "labels": " ".join([row.code, *row.canonical, *_words(labels, "sector", [row.sector]), *_words(labels, "stage", [row.stage])]),
        },
        mains=mains(title, description, [*problems, *answers]),
        units=units(title, description, [*problems, *answers]),
        keywords=filled(sector=[row.sector], stage=[row.stage], orientation=row.orientations, scenario_kind=[row.kind.value]),
    )


def problem_document(row: Problem, *, version: int, labels: Labels) -> Document:
    """A problem without its enterprise's name, place and budget, whoever may find it.

    Its enterprise and the centre always may; providers once the problem is open and its diagnosis issued.
    """
    enterprise = row.enterprise
    text = without_identity(row.text, enterprise, labels)
    more = [without_identity(part, enterprise, labels) for part in (row.root_cause, row.effect_if_unsolved) if part]
    is_issued = row.diagnosis is None or row.diagnosis.state == DiagnosisState.ISSUED
    providers = ("provider",) if row.state == ProblemState.OPEN and is_issued else ()
    return Document(
        kind=Kind.PROBLEM,
        thing_id=row.id,
        version=version,
        provider_id=None,
        text={
            "title": text[:60],
            "rest": text[60:],
            "more": "；".join(more),
            "labels": " ".join(
                [
                    *_words(labels, "sector", [enterprise.sector]),
                    *_words(labels, "stage", [row.stage]),
                    *_words(labels, "orientation", [row.orientation]),
                ]
            ),
        },
        mains=mains("", text, more),
        units=units("", "。".join([text, *more]), (), most=SENTENCES_OF_LONG_TEXT),
        keywords=filled(sector=[enterprise.sector], stage=[row.stage], orientation=[row.orientation], priority=[row.priority]),
        audience=("centre", f"enterprise:{row.enterprise_id}", *providers),
    )


def provider_document(row: Provider, titles: Sequence[str], *, version: int, labels: Labels) -> Document:
    """A provider of the pool, found by its name and by what it offers; `titles` are those of its published solutions."""
    kind = _words(labels, "provider_kind", [row.kind])
    return Document(
        kind=Kind.PROVIDER,
        thing_id=row.id,
        version=version,
        provider_id=row.id,
        text={
            "title": row.name,
            "summary": row.summary,
            "solutions": "；".join(titles),
            "labels": " ".join([*kind, row.region, *_words(labels, "sector", row.sectors), *row.qualifications]),
        },
        mains=mains(row.name, row.summary, titles),
        units=units("", row.summary, titles),
        keywords=filled(sector=row.sectors, region=[row.region], local=[local_presence(row)], provider_kind=[row.kind]),
        numbers={"references": float(len(titles))},
    )


def local_presence(provider: Provider) -> str:
    """Where a provider stands locally: office, commitment (signed, no office yet) or none."""
    if provider.local_office:
        return "office"
    return "commitment" if provider.local_commitment else "none"


def mains(title: str, body: str, points: Sequence[str]) -> tuple[str, ...]:
    """The passages that every query is compared with: title and body; title and points."""
    found = [_joined(title, body[:MAIN_CHARACTERS])]
    if points:
        found.append(_joined(title, "；".join(points)))
    return tuple(dict.fromkeys(text[:MAIN_CHARACTERS] for text in found if text))


def units(title: str, body: str, points: Sequence[str], *, most: int = SENTENCES) -> tuple[str, ...]:
    """The shorter passages: the title, each point, each sentence of the body."""
    sentences = [text for text in sentences_of(body) if len(text) >= SHORTEST_UNIT][:most]
    texts = (text.strip()[:MAIN_CHARACTERS] for text in (title, *points, *sentences))
    return tuple(dict.fromkeys(text for text in texts if text))


def attached_units(texts: Sequence[str]) -> tuple[str, ...]:
    """Passages of attached documents, cut at sentence ends: every document has its share, so that the first one does not use up all."""
    cut = [_passages(text[:ATTACHED_CHARACTERS]) for text in texts]
    shared = (found[place] for place in range(ATTACHED_UNITS) for found in cut if place < len(found))
    return tuple(dict.fromkeys(shared))[:ATTACHED_UNITS]


def _passages(text: str) -> list[str]:
    """A text in passages that are embedded whole: sentences put together up to the length of one."""
    found: list[str] = []
    for sentence in sentences_of(text):
        sentence = " ".join(sentence.split())
        for start in range(0, len(sentence), MAIN_CHARACTERS):
            part = sentence[start : start + MAIN_CHARACTERS]
            if found and len(found[-1]) + len(part) < MAIN_CHARACTERS:
                found[-1] = f"{found[-1]}。{part}"
            elif len(part) >= SHORTEST_UNIT:
                found.append(part)
    return found


def _attached_text(texts: Sequence[str]) -> str:
    """What can be found by its words: the same share of every document."""
    each = ATTACHED_CHARACTERS // max(1, len(texts))
    return "\n".join(" ".join(text[:each].split()) for text in texts)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, without their marks."""
    return [part.strip() for part in re.split(r"[。；;！？!?\n]+", text) if part.strip()]


def _joined(title: str, rest: str) -> str:
    return "。".join(part for part in (title.strip(), rest.strip()) if part)


def _words(labels: Labels, kind: str, keys: Iterable[str]) -> list[str]:
    return [labels(kind, key) for key in keys if key]


def filled(**fields: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Facet fields with each value once; a field without any is left out."""
    kept = {name: tuple(dict.fromkeys(value for value in values if value)) for name, values in fields.items()}
    return {name: values for name, values in kept.items() if values}


def _figures(**fields: float | None) -> dict[str, float]:
    return {name: float(value) for name, value in fields.items() if value is not None}


def without_identity(text: str, enterprise: Enterprise, labels: Labels) -> str:
    """A text without the enterprise's name and place, whoever may find it."""
    area = labels("area", enterprise.area) if enterprise.area else ""
    return redacted(text, enterprise.name, [area] if len(area) > 1 else [])
