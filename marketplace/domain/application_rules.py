"""The pilot's rules, as data: what an application asks for, and the checks that a machine makes of it (table [application] of pilot.toml)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DocumentKind:
    """A document that an application can hold. `each`: one for every row of its section (a case, an expert), not one for the whole."""

    key: str
    name: str
    en: str
    section: str
    each: bool = False
    help: str = ""
    help_en: str = ""


@dataclass(frozen=True, kw_only=True)
class ApplicationRules:
    """Read from the pilot file; every figure names its source there.

    `usual`: the documents that a new window asks for. Ratios are debts by assets. Days named `…_days` are working days where
    the law of terms counts them (supplement, closing), calendar days for the expiry of a licence.
    """

    documents: tuple[DocumentKind, ...]
    usual: tuple[str, ...]
    young_months: int
    statement_years: int
    debt_ratio_look: float
    debt_ratio_fail: float
    licence_soon_days: int
    least_cases: int
    least_experts: int
    least_products: int
    onsite_hours_look: float
    most_rows: int
    supplement_days: int
    closing_soon_days: int
    source: str

    def document(self, key: str) -> DocumentKind | None:
        return next((document for document in self.documents if document.key == key), None)

    def documents_of(self, section: str, *, each: bool) -> tuple[DocumentKind, ...]:
        return tuple(document for document in self.documents if document.section == section and document.each == each)
