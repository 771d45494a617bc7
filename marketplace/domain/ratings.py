"""Track record: what past matches say of a provider, fairly for few observations."""

from __future__ import annotations

from dataclasses import dataclass

PRIOR_SCORE = 80.0
PRIOR_WEIGHT = 3.0


@dataclass(frozen=True)
class TrackRecord:
    """Counts of a provider's past matches. `mean_score` (0–100) is None without a finished project."""

    proposed: int = 0
    accepted: int = 0
    finished: int = 0
    on_time: int = 0
    passed: int = 0
    failed: int = 0
    mean_score: float | None = None
    mean_rating: float | None = None

    @property
    def is_new(self) -> bool:
        """Nothing finished yet: shown as new, never as bad."""
        return self.finished == 0


def shrunk_score(record: TrackRecord) -> float:
    """Mean project score shrunk to the prior: (n·mean + w·prior) / (n + w), w = 3 projects at 80 points.

    The usual Bayesian mean for a normal variable of known variance; a newcomer gets the prior itself.
    """
    if record.mean_score is None:
        return PRIOR_SCORE
    total = record.finished + PRIOR_WEIGHT
    return (record.finished * record.mean_score + PRIOR_WEIGHT * PRIOR_SCORE) / total
