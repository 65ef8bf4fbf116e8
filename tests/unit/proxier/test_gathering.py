"""When a followed log is left unread for a moment."""

import pytest

from proxier.gathering import FLOOD_BYTES, GATHER_SECONDS, QUICK_PIECES, QUICK_SECONDS, Gathering

LINE = 100


@pytest.mark.parametrize(
    ("gap", "pieces", "size", "expected"),
    [
        pytest.param(QUICK_SECONDS * 0.9, 1, LINE, GATHER_SECONDS, id="quick lines begin it"),
        pytest.param(QUICK_SECONDS, 1, LINE, 0, id="a line that comes alone passes at once"),
        pytest.param(GATHER_SECONDS, QUICK_PIECES, 3 * LINE, GATHER_SECONDS, id="what was gathered keeps it going"),
        pytest.param(GATHER_SECONDS, QUICK_PIECES - 1, 2 * LINE, 0, id="little gathered ends it"),
        pytest.param(0, 9, FLOOD_BYTES, 0, id="a flood is not held back"),
    ],
)
def test_resting_depends_on_what_came(gap: float, pieces: int, size: int, expected: float) -> None:
    gathering = Gathering()
    assert gathering.seconds(0, 1, LINE) == 0
    assert gathering.seconds(gap, pieces, size) == expected
