"""Review experts (评审专家): who is in the pool, and how some of them are drawn for an application.

The draw can be repeated by anybody: of the experts who fit, those with the smallest SHA-256 of "seed:id" are drawn.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.credit_code import check_credit_code
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.texts import check_text, check_words


class ExpertState(StrEnum):
    """Paused experts are not drawn; the reviews that they have go on."""

    ACTIVE = "active"
    PAUSED = "paused"


_ORGANISES = (Role.MANAGER, Role.ADMIN)

TABLE: Table = (
    Transition((ExpertState.ACTIVE,), "pause", ExpertState.PAUSED, _ORGANISES, "暂停抽取"),
    Transition((ExpertState.PAUSED,), "resume", ExpertState.ACTIVE, _ORGANISES, "恢复抽取"),
)


def unit_key(word: str) -> str:
    """A name or code of an organisation as it is compared: no spaces, full-width forms folded."""
    return "".join(unicodedata.normalize("NFKC", word).split()).upper()


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An expert as the draw sees him or her. `units`, `avoids`: keys of organisations that the expert belongs to or avoids."""

    public_id: str
    name: str
    active: bool
    has_account: bool
    fields: frozenset[str]
    units: frozenset[str]
    avoids: frozenset[str]
    away_from: date | None
    away_until: date | None
    open_reviews: int
    taken_part: bool


@dataclass(frozen=True, kw_only=True)
class Applicant:
    """What the draw needs of an application: how its organisation and people are known, what it is about, until when it is scored."""

    units: frozenset[str]
    people: frozenset[str]
    fields: frozenset[str]
    today: date
    until: date


@dataclass(frozen=True)
class Draw:
    """Drawn experts in the order of the draw, and everybody else who could not be drawn, with the reason."""

    seed: str
    drawn: tuple[Candidate, ...]
    fitting: tuple[Candidate, ...]
    excluded: tuple[tuple[Candidate, Refused], ...]


def why_not(candidate: Candidate, applicant: Applicant, rules: ReviewRules) -> Refused | None:
    """Why an expert may not review this application."""
    # First what can never be mended: no expert on an own organisation.
    if candidate.units & applicant.units:
        return Refused("own_organisation", _("与申报单位是同一单位"))
    if candidate.avoids & applicant.units:
        return Refused("avoided", _("已登记回避申报单位"))
    if unit_key(candidate.name) in applicant.people:
        return Refused("named", _("申报材料的服务专家里有同名的人"))
    if candidate.taken_part:
        return Refused("taken_part", _("已在本次评审中，或已回避、已更换"))
    if not candidate.active:
        return Refused("paused", _("已暂停抽取"))
    if applicant.fields and not candidate.fields & applicant.fields:
        return Refused("other_field", _("专业领域与申报的行业、环节不符"))
    if not candidate.has_account:
        return Refused("no_account", _("没有平台账号，不能在线评审"))
    if _is_away(candidate, applicant):
        return Refused("away", _("评审期间不在（{away_from} 至 {away_until}）"), _absence(candidate))
    if candidate.open_reviews >= rules.most_open_reviews:
        return Refused("overloaded", _("手上已有 {count} 份评审没有完成"), {"count": candidate.open_reviews})
    return None


def _is_away(candidate: Candidate, applicant: Applicant) -> bool:
    """Away on any day on which there would be something to do."""
    if candidate.away_from is None and candidate.away_until is None:
        return False
    begins, ends = candidate.away_from or date.min, candidate.away_until or date.max
    return begins <= applicant.until and ends >= applicant.today


def _absence(candidate: Candidate) -> dict[str, object]:
    return {
        "away_from": candidate.away_from.isoformat() if candidate.away_from else "…",
        "away_until": candidate.away_until.isoformat() if candidate.away_until else "…",
    }


def draw(candidates: Iterable[Candidate], applicant: Applicant, rules: ReviewRules, *, wanted: int, seed: str) -> Draw:
    """Draw up to `wanted` experts. The same candidates and seed always give the same experts."""
    judged = [(candidate, why_not(candidate, applicant, rules)) for candidate in sorted(candidates, key=lambda one: one.public_id)]
    fitting = sorted((candidate for candidate, reason in judged if reason is None), key=lambda one: lot(seed, one.public_id))
    excluded = tuple((candidate, reason) for candidate, reason in judged if reason is not None)
    return Draw(seed, tuple(fitting[:wanted]), tuple(fitting), excluded)


def lot(seed: str, public_id: str) -> str:
    """The lot of an expert in a draw; the smallest ones are drawn."""
    return hashlib.sha256(f"{seed}:{public_id}".encode()).hexdigest()


@dataclass
class ExpertDraft:
    """An expert as he or she is typed. `fields`: keys of sectors and of business links."""

    name: str = ""
    title: str = ""
    unit: str = ""
    unit_code: str = ""
    login: str = ""
    fields: list[str] = field(default_factory=list)
    avoid: list[str] = field(default_factory=list)
    away_from: date | None = None
    away_until: date | None = None
    note: str = ""


def check(draft: ExpertDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    yield from check_text("name", _("姓名"), draft.name, most=64, required=True)
    yield from check_text("title", _("职称职务"), draft.title, most=64)
    # The unit is what the draw avoids by.
    yield from check_text("unit", _("工作单位"), draft.unit, most=200, required=True)
    yield from check_text("note", _("备注"), draft.note, most=1000)
    if draft.unit_code and (refused := check_credit_code(draft.unit_code)) is not None:
        yield "unit_code", refused
    if not draft.fields:
        yield "fields", Refused("required", _("{label}没有选。"), {"label": _("专业领域")})
    yield from check_words("avoid", _("回避单位"), draft.avoid)
    if draft.away_from is not None and draft.away_until is not None and draft.away_until < draft.away_from:
        values = {"away_from": draft.away_from.isoformat(), "away_until": draft.away_until.isoformat()}
        yield "away_until", Refused("dates_reversed", _("不在的日期从 {away_from} 到 {away_until}，先后反了。"), values)
