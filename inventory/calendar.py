"""When one policy lends within a range of time: its openings and closings, and what changes of the clocks do to them; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from inventory.model import Policy
from inventory.windows import Interval, closing, intervals, is_open, minutes_per_week, next_edge, opening, zone_for

_UTC_ZONE = "UTC"
_WHOLE_WEEK = 7 * 24 * 60
_AROUND = timedelta(days=9)  # a span is shorter than a week, and local dates differ from UTC's by a day at most
_EARLIEST = datetime.min.replace(tzinfo=UTC) + _AROUND
_LATEST = datetime.max.replace(tzinfo=UTC) - _AROUND


@dataclass(frozen=True, slots=True)
class ClockChange:
    """A window that is not as long as it is written, because the clocks change. `by` is added to what is written; `is_gone` if nothing remains."""

    day: date
    by: timedelta
    is_gone: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """The openings and closings of a policy in `[begin, end)`.

    Attributes:
        is_open: Whether it lends at `begin`.
        next_edge: The first instant after `begin` at which that changes, also beyond `end`; None if it never does.
        intervals: With their own ends, which may lie outside the range; "always" is cut to the range.
        changes: What happens to windows in the range where clocks change.
        minutes_per_week: In a week in which no clock changes.

    """

    policy: Policy
    zone: tzinfo
    begin: datetime
    end: datetime
    is_open: bool
    next_edge: datetime | None
    intervals: tuple[Interval, ...]
    changes: tuple[ClockChange, ...]
    minutes_per_week: int

    @property
    def is_always(self) -> bool:
        """Whether its windows never close."""
        return self.minutes_per_week == _WHOLE_WEEK

    @property
    def is_expired(self) -> bool:
        """Whether it has expired by `begin`."""
        return self.policy.is_expired(self.begin)

    def within(self) -> tuple[Interval, ...]:
        """The intervals, cut to the range."""
        return tuple(Interval(max(each.start, self.begin), min(each.end, self.end)) for each in self.intervals)


def calendar_of(policy: Policy, begin: datetime, end: datetime) -> Calendar:
    """What a policy's windows, zone and expiry say of a range; both instants are aware."""
    zone = zone_for(policy.time_zone)
    return Calendar(
        policy=policy,
        zone=zone,
        begin=begin,
        end=end,
        is_open=not policy.is_expired(begin) and is_open(policy.windows, zone, begin),
        next_edge=_next_edge(policy, begin),
        intervals=_until_expiry(policy, begin, intervals(policy.windows, zone, begin, end)),
        changes=tuple(_changes(policy, begin, end)),
        minutes_per_week=minutes_per_week(policy.windows),
    )


def _next_edge(policy: Policy, now: datetime) -> datetime | None:
    if policy.is_expired(now):
        return None
    zone, expiry = zone_for(policy.time_zone), policy.expires_at
    edge = next_edge(policy.windows, zone, now)
    if expiry is None or (edge is not None and edge < expiry):
        return edge
    return expiry if is_open(policy.windows, zone, now) else None


def _until_expiry(policy: Policy, begin: datetime, found: tuple[Interval, ...]) -> tuple[Interval, ...]:
    expiry = policy.expires_at
    if expiry is None:
        return found
    if expiry <= begin:
        return ()
    return tuple(Interval(each.start, min(each.end, expiry)) for each in found if each.start < expiry)


def _changes(policy: Policy, begin: datetime, end: datetime) -> Iterator[ClockChange]:
    """Each window as it is written, which is what it would be in UTC, beside what becomes of it in its zone."""
    if minutes_per_week(policy.windows) == _WHOLE_WEEK:
        return
    zone = zone_for(policy.time_zone)
    until = min(end, policy.expires_at) if policy.expires_at else end
    around = max(begin, _EARLIEST) - _AROUND, min(until, _LATEST) + _AROUND
    for written in intervals(policy.windows, zone_for(_UTC_ZONE), *around):
        opens, closes = (wall.replace(tzinfo=zone) for wall in (written.start, written.end))
        start = opening(opens)
        finish = max(start, closing(closes))
        by = (finish - start) - (written.end - written.start)
        is_gone = start == finish
        if by and start < until and (begin <= start if is_gone else begin < finish):
            yield ClockChange(written.start.date(), by, is_gone)
