"""When to leave a followed log unread for a moment, so that its lines are passed on by the dozen instead of one by one.

A line costs what a wake-up costs, whatever its length. Lines in quick succession are taken up 20 ms' worth at a time; one that comes alone passes at once,
and so does a flood, which comes in large pieces by itself.
"""

from typing import Final

GATHER_SECONDS: Final = 0.02  # nobody who follows a log sees that
QUICK_SECONDS: Final = 0.005  # between two lines, for gathering to begin
QUICK_PIECES: Final = 3  # gathered at once, for it to go on
FLOOD_BYTES: Final = 32 * 1024  # received at once


class Gathering:
    """Of one connection."""

    def __init__(self) -> None:
        self._last = float("-inf")

    def seconds(self, now: float, pieces: int, size: int) -> float:
        """How long to rest after what was taken up by `now`, a time in seconds of any clock; 0 is not at all."""
        is_quick = pieces >= QUICK_PIECES or now - self._last < QUICK_SECONDS
        self._last = now
        return GATHER_SECONDS if is_quick and size < FLOOD_BYTES else 0.0
