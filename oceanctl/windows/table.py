"""Calendars of policies for a terminal: a paragraph each, in the policy's zone and in UTC."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from inventory.calendar import Calendar
from oceanctl.output import Line, Part
from oceanctl.problems import counted
from oceanctl.tables import columns
from oceanctl.windows.words import change_sentence, local, span_words, utc_range
from reconciler.conditions import rfc3339

_HOUR: Final = 60
_MARGIN: Final = "  "


def render(calendars: Sequence[Calendar], begin: datetime, end: datetime) -> Iterator[Line]:
    """What opens and closes in `[begin, end)`, policy by policy."""
    policies = counted(len(calendars), "policy", "policies")
    yield (f"{policies}, {rfc3339(begin)} to {rfc3339(end)} ({span_words(end - begin)})",)
    for calendar in calendars:
        yield ()
        yield _heading(calendar)
        yield from ((_MARGIN, *line) for line in _body(calendar))


def _heading(calendar: Calendar) -> Line:
    policy = calendar.policy
    suspended: Part = ("  suspended: takes no new pods", "yellow") if policy.suspend else ""
    return (
        (f"policy {policy.name}", "bold"),
        f"  {policy.cluster}  {policy.time_zone}  ",
        _state(calendar),
        f"  {_hours(calendar.minutes_per_week)} h per week",
        suspended,
    )


def _state(calendar: Calendar) -> Part:
    if calendar.is_expired:
        return ("expired", "red")
    return ("open", "green") if calendar.is_open else ("closed", "yellow")


def _hours(minutes: int) -> str:
    return f"{minutes / _HOUR:.2f}".rstrip("0").rstrip(".")


def _body(calendar: Calendar) -> Iterator[Line]:
    if calendar.policy.expires_at:
        verb = "expired" if calendar.is_expired else "expires"
        yield (f"{verb} {local(calendar.policy.expires_at, calendar.zone)}, {rfc3339(calendar.policy.expires_at)}",)
    if calendar.is_always and calendar.intervals:
        yield ("always open",)
    elif calendar.intervals:
        yield from _intervals(calendar)
    elif not calendar.is_expired:
        yield (f"does not open before {_next(calendar)}",)
    for change in calendar.changes:
        yield (("! ", "yellow"), change_sentence(change))


def _next(calendar: Calendar) -> str:
    return local(calendar.next_edge, calendar.zone) if calendar.next_edge else "it expires"


def _intervals(calendar: Calendar) -> Iterator[Line]:
    """Whole ones, so that one that is open already shows since when."""
    yield from columns(
        ["OPENS", "CLOSES", "UTC", "LENGTH"],
        [
            [
                local(each.start, calendar.zone),
                local(each.end, calendar.zone),
                utc_range(each.start, each.end),
                span_words(each.end - each.start),
            ]
            for each in calendar.intervals
        ],
    )
