"""A forecast in a terminal: an area of blocks for all clusters, a row of them for each; nothing depends on colour."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from rich.cells import cell_len

from oceanctl.forecast.evaluation import Forecast
from oceanctl.forecast.levels import Level, Levels, floor_of, levels_of, peak_of, summary_of, total_of
from oceanctl.forecast.ticks import days
from oceanctl.forecast.units import Unit, top_of, unit_for
from oceanctl.output import Line
from oceanctl.windows.words import local

ASCII: Final = str.maketrans("▁▂▃▄▅▆▇█┤│┼─┬·", "..::++##||+-+.")
"""For terminals that have no blocks."""

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_EIGHTHS: Final = 8
_ROWS: Final = 8
_LABELS: Final = 8  # columns left of the axis
_NOTHING: Final = "·"
_MINUTES: Final = (
    5,
    10,
    15,
    20,
    30,
    60,
    120,
    180,
    240,
    360,
    480,
    720,
    1440,
    2880,
    10080,
    20160,
    40320,
    80640,
    161280,
    322560,
    645120,
)


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a plot stand for; the first one begins at `begin` or shortly before it."""

    begin: datetime
    end: datetime
    step: timedelta
    zone: tzinfo

    @property
    def count(self) -> int:
        """How many there are."""
        return -((self.begin - self.end) // self.step)

    def means(self, levels: Levels) -> list[int]:
        """What is lent on average during each column."""
        starts = (self.begin + number * self.step for number in range(self.count))
        found = (summary_of(levels, start, start + self.step) for start in starts)
        return [summary.mean if summary else 0 for summary in found]


def columns_for(forecast: Forecast, width: int, zone: tzinfo) -> Columns:
    """As many as fit into `width`, each a round time."""
    room = max(width - _LABELS - 2, 10)
    minutes = next((each for each in _MINUTES if _count(forecast, each) <= room), _MINUTES[-1])
    step = timedelta(minutes=minutes)
    midnight = forecast.begin.astimezone(zone).replace(hour=0, minute=0, second=0).astimezone(forecast.begin.tzinfo)
    begin = forecast.begin - (forecast.begin - midnight) % min(step, timedelta(days=1))
    return Columns(begin, forecast.end, step, zone)


def _count(forecast: Forecast, minutes: int) -> int:
    return -((forecast.begin - forecast.end) // timedelta(minutes=minutes)) + 1


def plot(forecast: Forecast, resource: str, columns: Columns) -> Iterator[Line]:
    """One resource: peak and floor, the area, the axis, the clusters."""
    total = total_of(forecast, resource)
    peak, floor = peak_of(total), floor_of(total)
    unit = unit_for(resource, peak.amount)
    yield (
        (resource, "bold"),
        f"  peak {_extreme(peak, unit, columns.zone)}",
        f", floor {_extreme(floor, unit, columns.zone)}" if floor != peak else " throughout",
    )
    yield from _area(columns.means(total), unit, top_of(unit, peak.amount))
    yield from _axis(columns)
    yield from _clusters(forecast, resource, unit, columns)


def _extreme(level: Level, unit: Unit, zone: tzinfo) -> str:
    return f"{unit.told(level.amount) or '0'} from {local(level.start, zone)}"


def _area(means: Sequence[int], unit: Unit, top: float) -> Iterator[Line]:
    eighths = [_eighths(mean / unit.size / top * _ROWS * _EIGHTHS, mean) for mean in means]
    for row in range(_ROWS - 1, -1, -1):
        edge = {_ROWS - 1: top, _ROWS // 2 - 1: top / 2}.get(row)
        label = f"{edge:g}" if edge is not None else ""
        blocks = "".join(_block(height, row) for height in eighths)
        yield (f"{label:>{_LABELS}} {'┤' if label else '│'}", (blocks.rstrip(), "cyan"))


def _block(height: int, row: int) -> str:
    if row == 0 and height == 0:
        return _NOTHING
    return _BLOCKS[max(0, min(_EIGHTHS, height - row * _EIGHTHS))]


def _eighths(height: float, amount: int) -> int:
    """What is lent is never so little that it is not seen."""
    return max(round(height), 1) if amount else 0


def _axis(columns: Columns) -> Iterator[Line]:
    line, names = ["─"] * columns.count, [" "] * columns.count
    for start, _ in days(columns.begin, columns.end, columns.zone):
        line[(start - columns.begin) // columns.step] = "┬"
    taken = 0
    for start, end in days(columns.begin, columns.end, columns.zone):
        first, last = ((at - columns.begin) // columns.step for at in (start, end))
        name = _day_name(start.astimezone(columns.zone), last - first)
        if name and first >= taken and first + len(name) <= columns.count:
            names[first : first + len(name)] = name
            taken = first + len(name) + 1
    yield (f"{'0':>{_LABELS}} ┼{''.join(line)}",)
    yield (f"{'':{_LABELS}}  {''.join(names)}".rstrip(),)


def _day_name(day: datetime, room: int) -> str:
    """As much of a date as there is room for."""
    names = (f"{day:%a %d %b}", f"{day:%a %d}", f"{day:%d}")
    fitting = next((name for name in names if len(name) < room), "")
    return fitting or f"{day:%d %b}"


def _clusters(forecast: Forecast, resource: str, unit: Unit, columns: Columns) -> Iterator[Line]:
    """Each on a scale of its own, which stands behind it."""
    for series in forecast.series:
        levels = levels_of(series, resource, forecast.end)
        highest, lowest = peak_of(levels).amount, floor_of(levels).amount
        row = "".join(_spark(mean, highest) for mean in columns.means(levels))
        gap = " " * max(0, _LABELS - cell_len(series.name))
        amounts = unit.shown(lowest) if lowest == highest else f"{unit.shown(lowest)} to {unit.shown(highest)}"
        if gap or cell_len(series.name) == _LABELS:
            yield (f"{gap}{series.name}  ", (row, "cyan"), f" {amounts}")
        else:
            yield (f"{series.name}: {unit.told(lowest)} to {unit.told(highest)}",)
            yield (f"{'':{_LABELS}}  ", (row, "cyan"))


def _spark(mean: int, highest: int) -> str:
    return _BLOCKS[max(1, round(mean / highest * _EIGHTHS))] if mean else _NOTHING
