"""What the parts of a picture share: where instants lie, boxes, the axis of time, and elements of XML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from xml.sax.saxutils import escape, quoteattr

from oceanctl.forecast.evaluation import Forecast
from oceanctl.forecast.ticks import LONGEST_WITH_HOURS, days, hours, midnights

_DAY_NAME = 74  # pixels that the name of a day takes
_HOUR_NAME = 17


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def moved(self, top: float) -> "Box":
        """The same, with its top there."""
        return Box(self.left, top, self.right, top + self.bottom - self.top)

    def attributes(self) -> dict[str, str]:
        """As a rect has them."""
        return {
            "x": f"{self.left:.1f}",
            "y": f"{self.top:.1f}",
            "width": f"{self.right - self.left:.1f}",
            "height": f"{self.bottom - self.top:.1f}",
        }


@dataclass(frozen=True, slots=True)
class Frame:
    """The axis of time that all panels share; `lanes` is the lowest of them."""

    forecast: Forecast
    zone: tzinfo
    lanes: Box
    colors: tuple[str, ...]

    def x(self, at: datetime) -> float:
        """Where an instant lies."""
        share = (at - self.forecast.begin) / (self.forecast.end - self.forecast.begin)
        return self.lanes.left + share * (self.lanes.right - self.lanes.left)


def element(name: str, attributes: Mapping[str, object], content: str = "") -> str:
    """One element of XML, all that is in it escaped."""
    written = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
    return f"<{name}{written}>{escape(content)}</{name}>" if content else f"<{name}{written}/>"


def text(x: float, y: float, content: str, style: str = "", anchor: str = "start") -> str:
    """A line of text."""
    return element(
        "text",
        {
            "x": f"{x:.1f}",
            "y": f"{y:.1f}",
            **({"class": style} if style else {}),
            **({"text-anchor": anchor} if anchor != "start" else {}),
        },
        content,
    )


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """A straight line."""
    return element("line", {"class": style, "x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"})


def day_lines(frame: Frame, box: Box) -> Iterator[str]:
    """A line at each local midnight."""
    forecast = frame.forecast
    for at in midnights(forecast.begin, forecast.end, frame.zone):
        yield line(frame.x(at), box.top, frame.x(at), box.bottom, "day")


def time_axis(frame: Frame) -> Iterator[str]:
    """Local hours, local days, and below them the hours of UTC where they are others; a long forecast has days only."""
    box, forecast = frame.lanes, frame.forecast
    yield line(box.left, box.bottom, box.right, box.bottom, "axis")
    if forecast.end - forecast.begin > LONGEST_WITH_HOURS:
        yield from _day_row(frame, box.bottom + 18)
        return
    yield from _day_row(frame, box.bottom + 34)
    yield from _hour_row(frame, frame.zone, box.bottom + 16)
    if str(frame.zone) != "UTC":
        yield from _hour_row(frame, UTC, box.bottom + 52)
        yield text(box.left - 18, box.bottom + 52, "UTC", "muted small", anchor="end")


def _hour_row(frame: Frame, zone: tzinfo, y: float) -> Iterator[str]:
    forecast, right = frame.forecast, float("-inf")
    for at in hours(forecast.begin, forecast.end, zone):
        x = frame.x(at)
        if zone is not UTC:
            yield line(x, frame.lanes.bottom, x, frame.lanes.bottom + 4, "axis")
        if x - right >= _HOUR_NAME:
            yield text(x, y, f"{at.astimezone(zone):%H}", "muted small", anchor="middle")
            right = x


def _day_row(frame: Frame, y: float) -> Iterator[str]:
    forecast, right = frame.forecast, float("-inf")
    for start, end in days(forecast.begin, forecast.end, frame.zone):
        middle = (frame.x(start) + frame.x(end)) / 2
        name = f"{start.astimezone(frame.zone):%a %d %b}"
        if frame.x(end) - frame.x(start) < _DAY_NAME / 2 and middle - right < _DAY_NAME:
            continue
        if middle - right >= _DAY_NAME and middle + _DAY_NAME / 3 <= frame.lanes.right:
            yield text(middle, y, name, anchor="middle")
            right = middle
