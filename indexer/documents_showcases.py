"""A showcase as a document: what was wrong, what was done, and what came of it, found by meaning as well as by its words."""

from __future__ import annotations

from indexer.documents import Document, Labels, filled, mains, sentences_of, units, without_identity
from indexer.query import Kind
from marketplace.records.showcases import Showcase


def showcase_document(row: Showcase, *, version: int, labels: Labels) -> Document:
    """A published showcase. Whoever did not agree to be named is not found by name either."""
    hidden = None if row.show_name else row.enterprise

    def told(text: str) -> str:
        return text if hidden is None else without_identity(text, hidden, labels)

    title, summary, problem = told(row.title), told(row.summary), told(row.problem)
    rest = [told(text) for text in (row.approach, row.experience, row.effect_note) if text]
    effects = [told(str(effect.get("name", ""))) for effect in row.effects]
    words = [
        *(labels("sector", key) for key in (row.sector,)), *(labels("orientation", key) for key in row.orientations),
        *(labels("scenario", code) for code in row.scenario_codes), labels("level", row.level), row.number,
    ]  # fmt: skip
    return Document(
        kind=Kind.SHOWCASE,
        thing_id=row.id,
        version=version,
        # A showcase stays when its provider leaves the pool: it speaks of what was done.
        provider_id=None,
        text={
            "title": title,
            "summary": summary,
            "problem": problem,
            "rest": "。".join(rest),
            "effects": "；".join(effects),
            "labels": " ".join(words),
        },
        mains=mains(title, summary, sentences_of(problem)),
        units=units(title, "。".join((summary, problem, *rest)), effects),
        keywords=filled(sector=[row.sector], level=[row.level], orientation=row.orientations, scenario=row.scenario_codes),
    )
