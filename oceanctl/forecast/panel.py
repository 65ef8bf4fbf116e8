"""One resource of a picture: bands on each other, shaded where nothing is lent, with its peak and its floor."""

from collections.abc import Iterator
from typing import Final

from oceanctl.forecast.frame import Box, Frame, day_lines, element, line, text
from oceanctl.forecast.levels import Level, Levels, floor_of, levels_of, peak_of, stacked
from oceanctl.forecast.units import Unit, top_of, unit_for
from oceanctl.windows.words import local

_HEADROOM: Final = 1.16  # for what is written above the peak
_SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_NOTE: Final = 130  # pixels that a note may need


class _Scale:
    """Where amounts lie in a box."""

    def __init__(self, box: Box, unit: Unit, top: float) -> None:
        self.box, self.unit, self.top = box, unit, top

    def y(self, amount: float) -> float:
        return self.at_share(amount / self.unit.size / self.top)

    def at_share(self, share: float) -> float:
        return self.box.bottom - share * (self.box.bottom - self.box.top)


def panel(frame: Frame, box: Box, resource: str) -> Iterator[str]:
    """One resource in its box."""
    bands = [levels_of(series, resource, frame.forecast.end) for series in frame.forecast.series]
    total = stacked(bands, frame.forecast)
    peak = peak_of(total).amount
    unit = unit_for(resource, peak)
    scale = _Scale(box, unit, top_of(unit, peak, _HEADROOM))
    yield from _heading(frame, scale, resource, total)
    yield element("rect", {"class": "plot", **box.attributes()})
    yield from _grid(scale)
    yield from _shades(frame, box, total)
    yield from _bands(frame, scale, bands)
    yield from day_lines(frame, box)
    yield line(box.left, box.bottom, box.right, box.bottom, "axis")
    yield from _notes(frame, scale, total)


def _grid(scale: _Scale) -> Iterator[str]:
    box = scale.box
    for share in _SHARES:
        y = scale.at_share(share)
        yield line(box.left, y, box.right, y, "grid")
        yield text(box.left - 8, y + 4, f"{scale.top * share:g}", "muted small", anchor="end")


def _shades(frame: Frame, box: Box, total: Levels) -> Iterator[str]:
    for level in total:
        if not level.amount:
            shade = Box(frame.x(level.start), box.top, frame.x(level.end), box.bottom)
            yield element("rect", {"class": "closed", **shade.attributes()})


def _bands(frame: Frame, scale: _Scale, bands: list[Levels]) -> Iterator[str]:
    """The first cluster lies at the bottom; each band is drawn from the top of the one below it to its own."""
    below = stacked([], frame.forecast)
    for number, color in enumerate(frame.colors):
        above = stacked(bands[: number + 1], frame.forecast)
        outline = [*_edge(frame, scale, above), *reversed(list(_edge(frame, scale, below)))]
        path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in outline) + "Z"
        yield element("path", {"d": path, "fill": color, "fill-opacity": ".8"})
        below = above


def _edge(frame: Frame, scale: _Scale, levels: Levels) -> Iterator[tuple[float, float]]:
    for level in levels:
        yield frame.x(level.start), scale.y(level.amount)
        yield frame.x(level.end), scale.y(level.amount)


def _heading(frame: Frame, scale: _Scale, resource: str, total: Levels) -> Iterator[str]:
    box, unit = scale.box, scale.unit
    peak, floor = peak_of(total), floor_of(total)
    yield text(box.left, box.top - 10, f"{resource}, {unit.name}" if unit.name else resource, "name")
    said = [f"{word} {unit.told(each.amount)} from {local(each.start, frame.zone)}" for word, each in _extremes(total)]
    facts = f"{unit.told(peak.amount)} throughout" if peak == floor else ", ".join(said)
    yield text(box.right, box.top - 10, facts, "muted", anchor="end")


def _notes(frame: Frame, scale: _Scale, total: Levels) -> Iterator[str]:
    """A dot where peak and floor begin, and how much they are."""
    if peak_of(total) == floor_of(total):
        return
    for word, level in _extremes(total):
        x, y = frame.x(level.start), scale.y(level.amount)
        said = f"{word} {scale.unit.told(level.amount)}"
        is_far_right = x + _NOTE > scale.box.right
        yield element("circle", {"class": "mark", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "3.5"})
        yield text(x + (-7 if is_far_right else 7), y - 7, said, "note", anchor="end" if is_far_right else "start")


def _extremes(total: Levels) -> tuple[tuple[str, Level], ...]:
    return ("peak", peak_of(total)), ("floor", floor_of(total))
