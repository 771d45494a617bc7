"""标杆案例 as evidence: what an accepted project of this provider measured, once everybody agreed to its publication."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.lifecycle import _
from marketplace.domain.matches import Part, Reason
from marketplace.domain.problems import redacted
from marketplace.domain.showcases import ShowcaseState, Side
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.showcases import Showcase, ShowcaseConsent
from recommender.ask import Labels

NOUN = "showcase"


@dataclass(frozen=True)
class ShowcaseFacts:
    """`effect`: the first thing that was measured before and after, as (name, before, after, unit); None where it is told in words."""

    public_id: str
    number: str
    solution_id: int | None
    sector: str
    scenario_codes: tuple[str, ...]
    effect: tuple[str, str, str, str] | None


def find_showcases(session: Session, provider_ids: Sequence[int]) -> dict[int, list[ShowcaseFacts]]:
    """Provider → the published showcases of its projects, the newest first. What is withdrawn is gone at the next question."""
    wanted = (
        Showcase.public_id, Showcase.number, Showcase.solution_id, Showcase.sector, Showcase.scenario_codes, Showcase.effects,
        Showcase.show_name, Organisation.name,
    )  # fmt: skip
    statement = (
        select(ShowcaseConsent.provider_id, *wanted)
        .join(Showcase, Showcase.id == ShowcaseConsent.showcase_id)
        .outerjoin(Enterprise, Enterprise.id == Showcase.enterprise_id)
        .outerjoin(Organisation, Organisation.id == Enterprise.organisation_id)
        .where(
            Showcase.state == ShowcaseState.PUBLISHED,
            ShowcaseConsent.side == Side.PROVIDER,
            ShowcaseConsent.provider_id.in_(provider_ids),
        )
        .order_by(Showcase.published_on.desc(), Showcase.id.desc())
    )
    found: dict[int, list[ShowcaseFacts]] = defaultdict(list)
    for provider_id, public_id, number, solution_id, sector, codes, effects, show_name, enterprise in session.execute(statement):
        assert provider_id is not None  # of a provider's own side
        hidden = "" if show_name else enterprise or ""
        found[provider_id].append(ShowcaseFacts(public_id, number, solution_id, sector, tuple(codes), _first(effects, hidden)))
    return found


def _first(effects: Sequence[dict[str, Any]], hidden: str) -> tuple[str, str, str, str] | None:
    for row in effects:
        name = redacted(str(row.get("name", "")), hidden) if hidden else str(row.get("name", ""))
        return name, f"{row['before']:g}", f"{row['after']:g}", str(row.get("unit", ""))
    return None


def said_of_showcases(
    showcases: Sequence[ShowcaseFacts], solution_id: int, scenario_codes: Sequence[str], sector: str | None, labels: Labels, part: Part
) -> Iterator[Reason]:
    """The best showcase, in the part where it belongs: in the sector that was asked for it fits, in another one it is an assumption."""
    best = best_showcase(showcases, solution_id, scenario_codes, sector)
    if best is None or (Part.FITS if best.sector == sector else Part.ASSUMED) is not part:
        return
    own = best.solution_id == solution_id
    values: dict[str, object] = {"number": best.number, "sector": labels("sector", best.sector)}
    if best.effect is None:
        message = _("本方案在{sector}行业有标杆案例 {number}。") if own else _("服务商在{sector}行业的同一场景有标杆案例 {number}。")
    else:
        values |= dict(zip(("indicator", "before", "after", "unit"), best.effect, strict=True))
        message = (
            _("本方案在{sector}行业有标杆案例 {number}，验收实测：{indicator} {before} → {after} {unit}。")
            if own
            else _("服务商在{sector}行业的同一场景有标杆案例 {number}，验收实测：{indicator} {before} → {after} {unit}。")
        )
    yield Reason(part, NOUN if own else "provider_showcase", message, values, refers=(NOUN, best.public_id))


def best_showcase(
    showcases: Sequence[ShowcaseFacts], solution_id: int, scenario_codes: Sequence[str], sector: str | None
) -> ShowcaseFacts | None:
    """This very solution's before another one's of the same provider, which counts only in the same sector and scenario; the asked
    sector first, then the newest."""
    codes = set(scenario_codes)
    fitting = [
        one for one in showcases if one.solution_id == solution_id or (one.sector == sector and codes.intersection(one.scenario_codes))
    ]
    return max(fitting, key=lambda one: (one.solution_id == solution_id, one.sector == sector), default=None)
