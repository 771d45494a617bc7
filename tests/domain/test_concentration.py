"""Concentration by hand."""

import pytest

from marketplace.domain.concentration import gini, share_of, share_of_top


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], 0.0),
        ([0, 0, 0], 0.0),
        ([5], 0.0),
        ([2, 2, 2, 2], 0.0),
        # All with one of four: (n − 1) ÷ n.
        ([0, 0, 0, 8], 0.75),
        # Differences 1,2,3,1,2,1 in pairs: Σ|xᵢ−xⱼ| over ordered pairs 20, ÷ (2 · 4² · 2.5) = 0.25.
        ([1, 2, 3, 4], 0.25),
        ([4, 1, 3, 2], 0.25),
    ],
)
def test_gini(counts: list[float], expected: float) -> None:
    assert gini(counts) == pytest.approx(expected)


def test_gini_is_the_mean_difference_over_twice_the_mean() -> None:
    counts = [0, 0, 1, 3, 3, 8, 21]
    size = len(counts)
    differences = sum(abs(one - other) for one in counts for other in counts)
    assert gini(counts) == pytest.approx(differences / (2 * size * sum(counts)))


def test_the_share_of_the_largest() -> None:
    assert share_of_top([10, 5, 5, 5, 5, 10]) == pytest.approx(35 / 40)
    assert share_of_top([10, 30], top=1) == pytest.approx(0.75)
    assert share_of_top([3, 4]) == 1
    assert share_of_top([]) == 0


def test_the_share_of_some() -> None:
    assert share_of({1: 3, 2: 1, 3: 0}, {2, 3}) == pytest.approx(0.25)
    assert share_of({1: 0}, {1}) == 0
