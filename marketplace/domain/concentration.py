"""How evenly chances and orders are spread over providers. Counts are of all providers that could have had some, zeros included."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


def share_of_top(counts: Sequence[float], top: int = 5) -> float:
    """CR(top): what the `top` largest have of all, 0–1; 0 where there is nothing to share."""
    total = sum(counts)
    return sum(sorted(counts, reverse=True)[:top]) / total if total else 0.0


def gini(counts: Sequence[float]) -> float:
    """Gini coefficient, 0 (all have the same) to (n − 1) ÷ n (one has everything).

    With x₁ ≤ … ≤ xₙ:  G = Σᵢ (2i − n − 1) · xᵢ ÷ (n · Σ xᵢ), the mean absolute difference over twice the mean (Gini 1912; the
    sorted form of Dixon et al. 1987, Ecology 68:1548). 0 where there is nothing to share.
    """
    total = sum(counts)
    if not total:
        return 0.0
    size = len(counts)
    return sum((2 * place - size - 1) * value for place, value in enumerate(sorted(counts), 1)) / (size * total)


def share_of(counts: Mapping[int, float], chosen: Collection[int]) -> float:
    """What the chosen ones have of all, 0–1; 0 where there is nothing to share."""
    total = sum(counts.values())
    return sum(value for key, value in counts.items() if key in chosen) / total if total else 0.0
