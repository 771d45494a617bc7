"""Licences and certificates of a provider: what is kept of them, and when somebody must be reminded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text

KINDS = ("licence", "qualification", "system", "commitment", "insurance", "other")
EXPIRED = 0


@dataclass
class CertificateDraft:
    """A certificate as it is typed. `expires` None: without term."""

    kind: str = ""
    name: str = ""
    number: str = ""
    issued: date | None = None
    expires: date | None = None


def check(draft: CertificateDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a certificate; nothing when it may be stored."""
    if draft.kind not in KINDS:
        yield "kind", Refused("unknown_kind", _("请选择证照的类别。"))
    yield from check_text("name", _("证照名称"), draft.name, most=200, required=True)
    yield from check_text("number", _("证照编号"), draft.number, most=100)
    if draft.issued is not None and draft.expires is not None and draft.expires < draft.issued:
        values = {"issued": draft.issued.isoformat(), "expires": draft.expires.isoformat()}
        yield "expires", Refused("dates_crossed", _("到期日 {expires} 早于发证日 {issued}，请对调或修改。"), values)


def reminder(expires: date | None, today: date, reminded: int | None, steps: Sequence[int]) -> int | None:
    """The step that is due: the nearest one that has been reached and not been told yet; EXPIRED once it is over; None: nothing.

    Whoever was not reminded in time (the site stood still, the certificate came late) hears of the nearest step only.
    """
    if expires is None:
        return None
    left = (expires - today).days
    step = EXPIRED if left < 0 else next((step for step in sorted(steps) if left <= step), None)
    return step if step is not None and (reminded is None or step < reminded) else None


def recheck_day(year: int, month_and_day: str) -> date:
    """The first day of a year's re-check, from MM-DD."""
    month, day = month_and_day.split("-")
    return date(year, int(month), int(day))
