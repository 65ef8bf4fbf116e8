"""One resource of a forecast as stretches of constant amount: sums, means, peaks and floors of them; exact."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from oceanctl.forecast.evaluation import Forecast, Series

_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Level:
    """An amount, in milli-units, that holds from `start` to before `end`."""

    start: datetime
    end: datetime
    amount: int


Levels = tuple[Level, ...]
"""Without gaps, in order; neighbours differ."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What an hour, or another span, has of a resource; `mean` is rounded down."""

    lowest: int
    mean: int
    highest: int


def resources_of(forecast: Forecast) -> tuple[str, ...]:
    """Everything that is ever lent: cpu and memory first, then devices, then what is left."""
    found = {name for series in forecast.series for step in series.steps for name in step.capacity}
    return tuple(sorted(found, key=lambda name: (name != "cpu", name != "memory", "/" not in name, name)))


def levels_of(series: Series, resource: str, end: datetime) -> Levels:
    """What one cluster lends of a resource."""
    return _levels(series, [step.capacity.get(resource, 0) for step in series.steps], end)


def nodes_of(series: Series, end: datetime) -> Levels:
    """How many nodes one cluster lends."""
    return _levels(series, [step.nodes for step in series.steps], end)


def total_of(forecast: Forecast, resource: str) -> Levels:
    """What all clusters lend of a resource."""
    return stacked([levels_of(series, resource, forecast.end) for series in forecast.series], forecast)


def stacked(several: Sequence[Levels], forecast: Forecast) -> Levels:
    """The sum of several courses over the whole forecast."""
    edges = sorted({forecast.begin, forecast.end, *(level.start for levels in several for level in levels)})
    return _merged(
        [Level(start, end, sum(amount_at(levels, start) for levels in several)) for start, end in pairwise(edges)]
    )


def amount_at(levels: Levels, at: datetime) -> int:
    """The amount at an instant of the forecast."""
    return levels[bisect_right(levels, at, key=lambda level: level.start) - 1].amount


def summary_of(levels: Levels, start: datetime, end: datetime) -> Summary | None:
    """What a span has of it, as far as the span lies in the forecast; None where it does not at all."""
    start, end = max(start, levels[0].start), min(end, levels[-1].end)
    if start >= end:
        return None
    first = bisect_right(levels, start, key=lambda level: level.start) - 1
    amounts, area = [], 0
    for level in levels[first:]:
        if level.start >= end:
            break
        amounts.append(level.amount)
        area += level.amount * ((min(level.end, end) - max(level.start, start)) // _SECOND)
    return Summary(min(amounts), area // max(1, (end - start) // _SECOND), max(amounts))


def peak_of(levels: Levels) -> Level:
    """The first of the highest."""
    return max(levels, key=lambda level: level.amount)


def floor_of(levels: Levels) -> Level:
    """The first of the lowest."""
    return min(levels, key=lambda level: level.amount)


def hours_of(forecast: Forecast) -> Iterator[datetime]:
    """The whole hours of UTC that the forecast touches, by their begin."""
    at = forecast.begin.replace(minute=0, second=0, microsecond=0)
    while at < forecast.end:
        yield at
        at += _HOUR


def _levels(series: Series, amounts: Sequence[int], end: datetime) -> Levels:
    starts = [step.at for step in series.steps]
    return _merged([Level(*each) for each in zip(starts, [*starts[1:], end], amounts, strict=True)])


def _merged(levels: Sequence[Level]) -> Levels:
    merged: list[Level] = []
    for level in levels:
        if merged and merged[-1].amount == level.amount:
            merged[-1] = Level(merged[-1].start, level.end, level.amount)
        else:
            merged.append(level)
    return tuple(merged)
