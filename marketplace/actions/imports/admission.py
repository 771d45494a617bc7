"""Providers that come by import are in the pool from then on: on which basis, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text

# What the command line and the demonstration write: their operator answers for the list.
IMPORTED = "imported"


@dataclass(frozen=True)
class Admission:
    """Why the providers of a file are in the pool (a decision, a notice), and from which day on."""

    basis: str
    on: date | None


def check_admission(admission: Admission, today: date | None = None) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of an admission; nothing when providers may be imported on it. `today`: where a day may lie ahead."""
    if not admission.basis.strip():
        yield "basis", Refused("basis_missing", _("文件里有新的服务商，导入即入库。请写明入库依据，如“第一批入库公告（2026年第3号）”。"))
    yield from check_text("basis", _("入库依据"), admission.basis, most=200)
    if admission.on is None:
        yield "admitted_on", Refused("date_missing", _("入库日期没有填，请写成 2026-11-20。"))
    elif today is not None and admission.on > today:
        yield "admitted_on", Refused("date_in_future", _("入库日期 {day} 还没有到。"), {"day": admission.on.isoformat()})
