"""A forecast as a picture: a panel per resource with one band per cluster, and below them who is open when.

Plain SVG with a style sheet that knows light and dark. Edges stand where they are: nothing is sampled.
"""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Final

from oceanctl.forecast.evaluation import Forecast, Series
from oceanctl.forecast.frame import Box, Frame, day_lines, element, text, time_axis
from oceanctl.forecast.levels import nodes_of
from oceanctl.forecast.panel import panel
from oceanctl.windows.words import local

COLORS: Final = (
    *("#3b82f6", "#10b981", "#f59e0b", "#ec4899", "#8b5cf6", "#06b6d4"),
    *("#84cc16", "#ef4444", "#a16207", "#64748b", "#be123c", "#0f766e"),
)
"""Told apart on light and on dark, and by people who see red and green alike; later clusters begin again."""

_WIDTH: Final = 1080
_LEFT: Final = (72, 190)  # at least and at most, as long names need it
_RIGHT: Final = 24
_TOP: Final = 56
_ROW: Final = 22
_PANEL: Final = 210
_GAP: Final = 46
_LANE: Final = 16
_BOTTOM: Final = 66
_SMALL: Final = 6.2  # pixels of a character of lane names
_LETTER: Final = 7.3  # and of the legend's

_STYLE: Final = """
text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:12px;fill:#374151}
.title{font-size:17px;font-weight:600;fill:#111827}
.name{font-size:13px;font-weight:600;fill:#111827}
.muted{fill:#6b7280}
.small{font-size:10.5px}
.note{font-size:11.5px;font-weight:600;fill:#111827;stroke:#ffffff;stroke-width:3.5px;stroke-linejoin:round;paint-order:stroke}
.ground{fill:#ffffff}
.plot{fill:#f9fafb}
.grid{stroke:#e5e7eb;stroke-width:1}
.day{stroke:#cbd5e1;stroke-width:1}
.axis{stroke:#6b7280;stroke-width:1}
.closed{fill:#94a3b8;fill-opacity:.22}
.mark{fill:#111827;stroke:#ffffff;stroke-width:1.5}
@media (prefers-color-scheme: dark){
text{fill:#d1d5db}
.title,.name{fill:#f9fafb}
.muted{fill:#9ca3af}
.note{fill:#f9fafb;stroke:#111827}
.ground{fill:#111827}
.plot{fill:#1f2937}
.grid{stroke:#374151}
.day{stroke:#4b5563}
.axis{stroke:#9ca3af}
.closed{fill:#94a3b8;fill-opacity:.16}
.mark{fill:#f9fafb;stroke:#111827}
}
"""


def to_svg(forecast: Forecast, resources: Sequence[str], zone: tzinfo) -> str:
    """The picture; the same forecast gives the same text."""
    left = _left(forecast)
    legend = list(_legend(forecast, left))
    boxes = [Box(left, 0, _WIDTH - _RIGHT, _PANEL)] * len(resources)
    top = _TOP + _ROW * len(legend) + 36
    boxes = [box.moved(top + number * (_PANEL + _GAP)) for number, box in enumerate(boxes)]
    top += len(boxes) * (_PANEL + _GAP)
    lanes = Box(left, top, _WIDTH - _RIGHT, top + _LANE * len(forecast.series) + 8)
    frame = Frame(forecast, zone, lanes, tuple(_color(number) for number in range(len(forecast.series))))
    width, height = _WIDTH, f"{lanes.bottom + _BOTTOM:g}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
            element("title", {}, _title(forecast, zone)),
            f"<style>{_STYLE}</style>",
            element("rect", {"class": "ground", "width": width, "height": height}),
            text(left, 30, _title(forecast, zone), "title"),
            text(left, 49, _range(forecast, zone), "muted"),
            *(line for row in legend for line in row),
            *(line for box, resource in zip(boxes, resources, strict=True) for line in panel(frame, box, resource)),
            *_lanes(frame),
            *time_axis(frame),
            "</svg>\n",
        ]
    )


def _left(forecast: Forecast) -> float:
    longest = max((len(series.name) for series in forecast.series), default=0)
    return min(max(_LEFT[0], 16 + _SMALL * longest), _LEFT[1])


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]


def _title(forecast: Forecast, zone: tzinfo) -> str:
    begin, end = (at.astimezone(zone) for at in (forecast.begin, forecast.end))
    return f"What is lent from {begin.day} {begin:%B} to {end.day} {end:%B %Y}"


def _range(forecast: Forecast, zone: tzinfo) -> str:
    return f"{local(forecast.begin, zone)} to {local(forecast.end, zone)}, {zone}"


def _legend(forecast: Forecast, left: float) -> Iterator[list[str]]:
    """Rows of what colours mean, as many as it takes."""
    entries = [(series.name, {"fill": _color(number)}) for number, series in enumerate(forecast.series)]
    row: list[str] = []
    x, y = left, _TOP + 8
    for name, look in (*entries, ("nothing is lent", {"class": "closed"})):
        room = 34 + _LETTER * len(name)
        if row and x + room > _WIDTH - _RIGHT:
            yield row
            row, x, y = [], left, y + _ROW
        row.append(element("rect", {"x": f"{x:.1f}", "y": y, "width": 12, "height": 12, "rx": 2, **look}))
        row.append(text(x + 17, y + 10, name))
        x += room
    yield row


def _lanes(frame: Frame) -> Iterator[str]:
    """One lane per cluster, filled while any of its nodes is lent, the darker the more of them."""
    box, forecast = frame.lanes, frame.forecast
    yield text(box.left, box.top - 8, "Open", "name")
    yield element("rect", {"class": "closed", **box.attributes()})
    yield from day_lines(frame, box)
    for number, (series, color) in enumerate(zip(forecast.series, frame.colors, strict=True)):
        y = box.top + 4 + number * _LANE
        yield text(box.left - 8, y + _LANE / 2 + 3, _short(series.name, box.left), "small", anchor="end")
        for level in nodes_of(series, forecast.end):
            if level.amount:
                lane = Box(frame.x(level.start), y + 2, frame.x(level.end), y + _LANE - 2)
                yield element(
                    "rect",
                    {**lane.attributes(), "fill": color, "fill-opacity": f"{_opacity(level.amount, series):.2f}"},
                )


def _opacity(nodes: int, series: Series) -> float:
    return 0.35 + 0.55 * nodes / len(series.supply.machines)


def _short(name: str, room: float) -> str:
    """Cut in the middle: names differ at their ends."""
    longest = int((room - 14) / _SMALL)
    return name if len(name) <= longest else f"{name[: longest // 2]}…{name[-(longest // 2 - 1) :]}"
