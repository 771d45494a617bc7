"""The pilot's rules, as data: the guard against empty words, and terms of the catalogue (table [catalogue] of pilot.toml)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AbsoluteWord:
    """A word that an advertisement may not use. `led_by`, `followed_by`: only with one of these is it meant so (全国 … 第一).

    `unless`: what may follow it all the same, because it is then a term of the trade (唯一编码, 最佳工况).
    """

    word: str
    led_by: tuple[str, ...] = ()
    followed_by: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CatalogueRules:
    """Read from the pilot file; every figure names its source there. Shares are of a text's characters, from 0 to 1."""

    summary_least: int
    summary_advised: int
    title_least: int
    case_least: int
    repeated_hard: float
    repeated_soft: float
    repeated_from: int
    list_items: int
    list_mean: float
    absolute: tuple[AbsoluteWord, ...]
    praise: tuple[str, ...]
    contact_words: tuple[str, ...]
    harmless_addresses: tuple[str, ...]
    attachments_most: int
    review_days: int
    call_days_least: int
