"""Every table, imported in one place for migrations and tests."""

from marketplace.records import (
    accounts,
    cases,
    diagnoses,
    embeddings,
    enterprises,
    history,
    index_queue,
    matches,
    organisations,
    problems,
    providers,
    scenarios,
    solutions,
)
from marketplace.records.columns import Record

metadata = Record.metadata

__all__ = [
    "accounts",
    "cases",
    "diagnoses",
    "embeddings",
    "enterprises",
    "history",
    "index_queue",
    "matches",
    "metadata",
    "organisations",
    "problems",
    "providers",
    "scenarios",
    "solutions",
]
