"""Where the axis of a forecast has its marks: days and hours as the clocks of a zone show them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final

_DAY: Final = timedelta(days=1)
_HOUR_STEPS: Final = (
    (timedelta(days=1.5), 2),
    (timedelta(days=3.5), 3),
    (timedelta(days=8), 6),
    (timedelta(days=16), 12),
)
"""Up to which length of a forecast every how many hours are marked."""

LONGEST_WITH_HOURS: Final = _HOUR_STEPS[-1][0]


def midnights(begin: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The begins of local days in `[begin, end)`, in UTC."""
    yield from (at for at in _walls(begin, end, zone, 24) if begin <= at < end)


def hours(begin: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Round local hours in `[begin, end)`, in UTC, as many as there is room for."""
    step = next((hours for length, hours in _HOUR_STEPS if end - begin <= length), 24)
    yield from (at for at in _walls(begin, end, zone, step) if begin <= at < end)


def days(begin: datetime, end: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    """Local days as far as they lie in `[begin, end)`, in UTC."""
    edges = [begin, *(at for at in midnights(begin, end, zone) if at > begin), end]
    yield from pairwise(edges)


def _walls(begin: datetime, end: datetime, zone: tzinfo, step_hours: int) -> Iterator[datetime]:
    """Wall times of round hours; one that clocks skip or show twice is taken once."""
    wall = begin.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    last: datetime | None = None
    while (at := wall.replace(tzinfo=zone).astimezone(UTC)) < end:
        if last is None or at > last:
            yield at
        last = at
        wall += timedelta(hours=step_hours)
