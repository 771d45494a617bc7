"""Work shared among threads by the embedded engine."""

from __future__ import annotations

from functools import partial

import pytest

from indexer.backends.scan import side_by_side


def test_many_requests_are_answered_side_by_side_in_their_order() -> None:
    with pytest.raises(ValueError, match="drei"):
        side_by_side((partial(int, "drei" if number == 30 else "1") for number in range(60)), 60)
    assert side_by_side((partial(int, str(number)) for number in range(60)), 60) == list(range(60))
    assert side_by_side((partial(int, str(number)) for number in range(3)), 3) == [0, 1, 2]
