"""One line of the investment list (投入清单): what an enterprise means to spend on a scenario, when, and out of what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text, check_year

# Beyond it, a slip between 元 and 万元 is likelier than an investment (fen; 100 亿元).
LARGEST_FEN = 1_000_000_000_000
PARTS = {"hardware": _("设备投入"), "software": _("软件投入"), "service": _("服务投入")}


@dataclass
class InvestmentDraft:
    """A line as it is typed; amounts in fen, None: not said. `scenario_code` may be empty: not of one scenario."""

    scenario_code: str = ""
    hardware_fen: int | None = None
    software_fen: int | None = None
    service_fen: int | None = None
    year: int | None = None
    money_source: str = ""
    expected_start: date | None = None
    wants_subsidy: bool = False
    wants_loan: bool = False

    @property
    def total_fen(self) -> int | None:
        """The sum of what was said; None where nothing was."""
        known = [amount for amount in (self.hardware_fen, self.software_fen, self.service_fen) if amount is not None]
        return sum(known) if known else None


def check(draft: InvestmentDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    for name, label in PARTS.items():
        amount = getattr(draft, f"{name}_fen")
        if amount is not None and amount < 0:
            yield f"{name}_wan", Refused("negative", _("{label}不能是负数。"), {"label": label})
        elif amount is not None and amount > LARGEST_FEN:
            yield f"{name}_wan", Refused("too_large", _("{label}超过 100 亿元，请核对单位是不是万元。"), {"label": label})
    if draft.total_fen is None:
        yield "hardware_wan", Refused("required", _("设备、软件、服务三项金额至少填一项。"))
    yield from check_year("year", _("投入年份"), draft.year)
    yield from check_text("money_source", _("资金来源"), draft.money_source, most=64)
    if draft.expected_start is not None:
        yield from check_year("expected_start", _("预计开始"), draft.expected_start.year)
