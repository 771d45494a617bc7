"""Money is integer fen inside; 元 and 万元 exist only at the edge."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

FEN_PER_WAN = 1_000_000


def fen_from_wan(wan: Decimal | int | float | str) -> int:
    """万元 → fen. Floats go through their shortest decimal form, so that 0.1 stays 0.1."""
    return int((Decimal(str(wan)) * FEN_PER_WAN).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def wan_from_fen(fen: int) -> Decimal:
    """fen → 万元, exact."""
    return (Decimal(fen) / FEN_PER_WAN).normalize()


def wan_text(fen: int) -> str:
    """A figure in 万元: whole from ten up, else one decimal at most, thousands set apart; 12 · 263 · 1,280 · 0.5."""
    wan = Decimal(fen) / FEN_PER_WAN
    digits = Decimal(1) if abs(wan) >= 10 or wan == wan.to_integral_value() else Decimal("0.1")
    return f"{wan.quantize(digits, rounding=ROUND_HALF_UP):,}"


def exact_text(fen: int) -> str:
    """An amount that somebody offered, signed or planned, to the last cent: 72.5 · 1,280."""
    return f"{wan_from_fen(fen):,f}"


def range_text(low_fen: int | None, high_fen: int | None) -> str:
    """A price or budget range in 万元, unit once: 45–135 万元; None for both is 价格面议, which the caller words."""
    if low_fen is None and high_fen is None:
        return ""
    if low_fen is None or high_fen is None or low_fen == high_fen:
        known = low_fen if low_fen is not None else high_fen
        assert known is not None
        return f"{wan_text(known)} 万元"
    return f"{wan_text(low_fen)}–{wan_text(high_fen)} 万元"
