"""When a policy lends: weekly windows of wall time, resolved to instants in one time zone.

Three steps, each a function: the windows of a policy join to spans in wall time (`_spans_of`), the spans that start in one week become intervals of
UTC (`_intervals_of`), intervals whose instants touch are one (`_joined`). Zones exist in this module only.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain, takewhile
from zoneinfo import ZoneInfo, available_timezones

from inventory.errors import InvalidValueError
from inventory.model import Window

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Span = tuple[int, int]
"""Wall time in minutes since Monday 00:00, `[begin, finish)`; it begins within the week and may finish in the next one."""

_HOUR = 60
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY
_LAST_MINUTE = _DAY - 1
_ALWAYS: tuple[Span, ...] = ((0, _WEEK),)

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_SECOND = timedelta(seconds=1)
_NOT_PLACES = frozenset({"Factory", "localtime", "posixrules"})  # mean something else on every machine, or nothing

_FIRST_WEEK = 2  # weeks are counted from Monday 0001-01-01; with a margin, every instant of a span can be represented
_END_OF_WEEKS = date.max.toordinal() // 7 - 2


@dataclass(frozen=True, slots=True)
class Interval:
    """`[start, end)` in aware UTC."""

    start: datetime
    end: datetime


def parse_time(text: str, *, is_end: bool) -> int:
    """The minute of the day that `HH:MM` names, 0 to 1439; `24:00` is accepted as an end and means the last minute."""
    if is_end and text == "24:00":
        return _LAST_MINUTE
    found = _TIME.fullmatch(text)
    if found is None:
        raise InvalidValueError(text, "is not a time of day", _hint_for_time(text, is_end=is_end))
    return int(found[1]) * _HOUR + int(found[2])


def format_time(minute: int) -> str:
    """`HH:MM`, the inverse of `parse_time`."""
    return f"{minute // _HOUR:02}:{minute % _HOUR:02}"


def parse_days(names: Iterable[str]) -> frozenset[int]:
    """Full English weekday names in any case, as numbers with Monday = 0; no names stay no days, which means every day."""
    return frozenset(_day(name) for name in names)


def zone_for(name: str) -> ZoneInfo:
    """The zone with this IANA name, from the system's time zone data or else from the tzdata package.

    Only listed names are looked up, so a name can neither lead out of the data's folder nor mean the zone of this machine.
    """
    if name in _zone_names():
        return _zone(name)
    places = [known for known in sorted(_zone_names()) if "/" in known or known == "UTC"]  # never EST for CEST
    by_folded = {place.lower(): place for place in places}
    close = get_close_matches(name.lower(), by_folded, n=1)
    hint = f'did you mean "{by_folded[close[0]]}"?' if close else "write an IANA name like Europe/Paris"
    raise InvalidValueError(name, "is not a known time zone", hint)


def is_open(windows: tuple[Window, ...], zone: ZoneInfo, now: datetime) -> bool:
    """Whether the policy lends at this instant; no windows mean always."""
    instant = _utc(now)
    spans = _spans_of(windows)
    if spans == _ALWAYS:
        return True
    first = _first_week(instant)
    around = chain.from_iterable(_intervals_of(spans, zone, week) for week in range(first, first + 3))
    return any(interval.start <= instant < interval.end for interval in around)


def next_edge(windows: tuple[Window, ...], zone: ZoneInfo, now: datetime) -> datetime | None:
    """The first instant after `now` at which `is_open` changes, in UTC; None if it never does."""
    instant = _utc(now)
    spans = _spans_of(windows)
    if spans == _ALWAYS:
        return None
    for interval in _joined(spans, zone, _first_week(instant)):
        if instant < interval.start:
            return interval.start
        if instant < interval.end:
            return interval.end
    return None


def intervals(windows: tuple[Window, ...], zone: ZoneInfo, start: datetime, end: datetime) -> tuple[Interval, ...]:
    """The open intervals that overlap `[start, end)`, in order and with their own ends; "always" is cut to the range asked for."""
    begin, finish = _utc(start), _utc(end)
    if begin >= finish:
        return ()
    spans = _spans_of(windows)
    if spans == _ALWAYS:
        return (Interval(begin, finish),)
    week = _first_week(begin)
    while _is_seam(spans, zone, week):
        week -= 1
    up_to_finish = takewhile(lambda interval: interval.start < finish, _joined(spans, zone, week))
    return tuple(interval for interval in up_to_finish if begin < interval.end)


def minutes_per_week(windows: tuple[Window, ...]) -> int:
    """Minutes that are open in a week in which no clock changes; no windows are the whole week."""
    return sum(finish - begin for begin, finish in _spans_of(windows))


def longest_opening(windows: tuple[Window, ...]) -> timedelta | None:
    """How long the windows stay open at most, where no clock changes; None if they never close."""
    spans = _spans_of(windows)
    return None if spans == _ALWAYS else timedelta(minutes=max(finish - begin for begin, finish in spans))


def _hint_for_time(text: str, *, is_end: bool) -> str:
    if text == "24:00":
        return "24:00 is an end only; a day starts at 00:00"
    if _TIME.fullmatch(f"0{text}"):
        return f'did you mean "0{text}"?'
    return f"write HH:MM, 00:00 to {'24:00' if is_end else '23:59'}"


def _day(name: str) -> int:
    known = [day.lower() for day in DAYS]
    if name.lower() in known:
        return known.index(name.lower())
    close = get_close_matches(name.lower(), known, n=1)
    hint = f'did you mean "{close[0].capitalize()}"?' if close else f"write one of {', '.join(DAYS)}"
    raise InvalidValueError(name, "is not a day of the week", hint)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)  # ZoneInfo itself keeps eight and reads the others from disk each time


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_PLACES


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"{instant.isoformat()} has no time zone")
    return instant.astimezone(UTC)


@lru_cache(maxsize=4096)
def _spans_of(windows: tuple[Window, ...]) -> tuple[Span, ...]:
    """What the windows of a policy cover of any week, joined in wall time so that a seam is never an edge."""
    if not windows:
        return _ALWAYS
    week = {_span(window, day) for window in windows for day in window.days or range(7)}
    # A week has neighbours: with the one before and the one after, every span that begins in the middle one is whole.
    joined = _union((begin + shift, finish + shift) for begin, finish in week for shift in (-_WEEK, 0, _WEEK))
    if any(finish - begin >= _WEEK for begin, finish in joined):
        return _ALWAYS
    return tuple(span for span in joined if 0 <= span[0] < _WEEK)


def _span(window: Window, day: int) -> Span:
    """The wall time of a window that starts on `day`; the end minute belongs to it."""
    crosses_midnight = window.end < window.start
    return day * _DAY + window.start, (day + crosses_midnight) * _DAY + window.end + 1


def _union(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for begin, finish in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(finish, joined[-1][1])
        else:
            joined.append((begin, finish))
    return joined


def _first_week(instant: datetime) -> int:
    """The first week whose spans can contain this instant: a span is shorter than a week, and local dates differ from UTC's by a day at most."""
    return (instant.toordinal() - 2) // 7 - 1


@lru_cache(maxsize=8192)  # 1,000 policies look at three weeks each
def _intervals_of(spans: tuple[Span, ...], zone: ZoneInfo, week: int) -> tuple[Interval, ...]:
    """The spans that begin in this week as instants, without those that a change of the clocks leaves empty.

    They are in order and never overlap, because openings and closings keep the order of wall time and no closing is later than an opening of the same
    wall time.
    """
    if not _FIRST_WEEK <= week < _END_OF_WEEKS:
        return ()
    monday = datetime(1, 1, 1, tzinfo=zone) + timedelta(weeks=week)
    resolved = (
        Interval(opening(monday + timedelta(minutes=begin)), closing(monday + timedelta(minutes=finish)))
        for begin, finish in spans
    )
    return tuple(interval for interval in resolved if interval.start < interval.end)


def opening(wall: datetime) -> datetime:
    """The last instant at which the clock comes to show `wall`; if it skips it, the instant of the transition."""
    first, second = _occurrences(wall)
    return second if first <= second else _transition(wall, second, first)


def closing(wall: datetime) -> datetime:
    """The first instant at which the clock comes to show `wall`; if it skips it, the instant of the transition."""
    first, second = _occurrences(wall)
    return first if first <= second else _transition(wall, second, first)


def _occurrences(wall: datetime) -> tuple[datetime, datetime]:
    """Both readings of a wall time: equal as a rule, in order if it occurs twice, in reverse around the transition if it is skipped (PEP 495)."""
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def _transition(wall: datetime, before: datetime, after: datetime) -> datetime:
    """The second between the two at which the clock jumps over `wall`."""

    def has_jumped(seconds: int) -> bool:
        # Datetimes that share a zone compare by wall time, which is what is asked here.
        return (before + seconds * _SECOND).astimezone(wall.tzinfo) >= wall

    return before + bisect_left(range((after - before) // _SECOND), x=True, key=has_jumped) * _SECOND


def _is_seam(spans: tuple[Span, ...], zone: ZoneInfo, week: int) -> bool:
    """Whether the first interval of this week goes on from the last of the week before."""
    before, after = _intervals_of(spans, zone, week - 1), _intervals_of(spans, zone, week)
    return bool(before and after) and before[-1].end == after[0].start


def _joined(spans: tuple[Span, ...], zone: ZoneInfo, week: int) -> Iterator[Interval]:
    """All intervals from this week on, those whose instants touch made one."""
    weeks = (_intervals_of(spans, zone, each) for each in range(week, _END_OF_WEEKS))
    pending: Interval | None = None
    for interval in chain.from_iterable(weeks):
        if pending is not None and pending.end == interval.start:
            pending = Interval(pending.start, interval.end)
            continue
        if pending is not None:
            yield pending
        pending = interval
    if pending is not None:
        yield pending
