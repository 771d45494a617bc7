"""Figures of an evaluation as they are written, without words: 62.5 %, +15 %, 1,234, 1.2 : 1."""

from __future__ import annotations

from marketplace.domain.performance_rules import Comparison, Unit

_SIGNS = {Comparison.LEAST: "≥", Comparison.MOST: "≤"}


def figure_text(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == Unit.SHARE:
        return f"{_short(100 * value, 1)} %"
    if unit == Unit.CHANGE:
        return f"{100 * value:+.1f}".removesuffix(".0").replace("-", "−") + " %"
    if unit == Unit.RATIO:
        return f"{_short(value, 2)} : 1"
    return _short(value, 2)


def target_text(target: float, unit: str, comparison: str) -> str:
    return f"{_SIGNS[Comparison(comparison)]} {figure_text(target, unit)}"


def typed_text(value: float | None, unit: str) -> str:
    """As it stands in a field to be typed over: percents with their sign."""
    if value is None:
        return ""
    if unit in (Unit.SHARE, Unit.CHANGE):
        return f"{round(100 * value, 4):g}%"
    return f"{value:.10g}"


def _short(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
