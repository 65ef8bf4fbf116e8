"""Calendars of policies as RFC 5545 iCalendar: an event per opening, whole and in UTC, so that any program can show them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from inventory.calendar import Calendar
from inventory.windows import Interval
from oceanctl.windows.words import change_sentence, local

_LINE_END: Final = "\r\n"
_LONGEST: Final = 75  # octets of a line, RFC 5545 3.1
_ESCAPES: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
_NO_EVENTS: Final = (
    "BEGIN:VTIMEZONE",
    "TZID:UTC",
    "BEGIN:STANDARD",
    "DTSTART:19700101T000000",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0000",
    "END:STANDARD",
    "END:VTIMEZONE",
)
"""A calendar holds at least one component, RFC 5545 3.6, and where nothing opens there is no event."""

_FORMAT: Final = "%Y%m%dT%H%M%SZ"


def to_ics(calendars: Sequence[Calendar], inventory_id: str | None, stamp: datetime) -> str:
    """One calendar of all events.

    An event's UID is made of inventory, policy and opening, so that a calendar that is read again moves events instead of doubling them. A policy that never
    closes has one event of the length of the range.
    """
    events = [line for calendar in calendars for line in _events(calendar, inventory_id, stamp)]
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Kubeocean//oceanctl windows//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_text(f'Kubeocean {inventory_id}' if inventory_id else 'Kubeocean')}",
        *(events or _NO_EVENTS),
        "END:VCALENDAR",
    ]
    return "".join(_folded(line) + _LINE_END for line in lines)


def _events(calendar: Calendar, inventory_id: str | None, stamp: datetime) -> Iterator[str]:
    for interval in calendar.intervals:
        yield from (
            "BEGIN:VEVENT",
            f"UID:{_text(_uid(calendar, interval, inventory_id))}",
            f"DTSTAMP:{stamp:{_FORMAT}}",
            f"DTSTART:{interval.start:{_FORMAT}}",
            f"DTEND:{interval.end:{_FORMAT}}",
            f"SUMMARY:{_text(_summary(calendar))}",
            f"DESCRIPTION:{_text(_description(calendar, interval))}",
            f"CATEGORIES:{_text(calendar.policy.cluster)}",
            f"STATUS:{'TENTATIVE' if calendar.policy.suspend else 'CONFIRMED'}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        )


def _uid(calendar: Calendar, interval: Interval, inventory_id: str | None) -> str:
    opening = "always" if calendar.is_always else f"{interval.start:{_FORMAT}}"
    return f"{opening}-{calendar.policy.name}@{inventory_id or 'inventory'}.kubeocean.io"


def _summary(calendar: Calendar) -> str:
    suspended = " (suspended)" if calendar.policy.suspend else ""
    return f"{calendar.policy.cluster} lends: {calendar.policy.name}{suspended}"


def _description(calendar: Calendar, interval: Interval) -> str:
    policy, day = calendar.policy, interval.start.astimezone(calendar.zone).date()
    remarks = [change_sentence(change) for change in calendar.changes if change.day == day]
    opens, closes = local(interval.start, calendar.zone), local(interval.end, calendar.zone)
    return "\n".join((f"{opens} to {closes} ({policy.time_zone})", *remarks))


def _text(value: str) -> str:
    """A value of type TEXT, RFC 5545 3.3.11."""
    return value.translate(_ESCAPES)


def _folded(line: str) -> str:
    """Cut into lines of at most 75 octets, the following ones led by a blank; never within a character."""
    pieces, size = [""], 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _LONGEST:
            pieces.append(" ")
            size = 1
        pieces[-1] += character
        size += octets
    return _LINE_END.join(pieces)
