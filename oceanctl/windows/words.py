"""The words for windows: spans, instants in a zone, and what clocks do."""

from datetime import UTC, datetime, timedelta, tzinfo

from inventory.calendar import ClockChange

_SECOND = timedelta(seconds=1)


def span_words(span: timedelta) -> str:
    """`8 h 1 min`, `30 min`, `2 d 6 h`; seconds only where there are some."""
    seconds = span // _SECOND
    days, rest = divmod(seconds, 86400)
    parts = ((days, "d"), (rest // 3600, "h"), (rest % 3600 // 60, "min"), (rest % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"


def local(instant: datetime, zone: tzinfo) -> str:
    """`Fri 27 Mar 22:00 CET`."""
    return _clock(instant.astimezone(zone), "%a %d %b", "%Z")


def utc_range(start: datetime, end: datetime) -> str:
    """`Fri 21:00 - Sat 05:01`."""
    return " - ".join(_clock(each.astimezone(UTC), "%a", "").rstrip() for each in (start, end))


def change_sentence(change: ClockChange) -> str:
    """`the window of 29 March is 1 h shorter`."""
    subject = f"the window of {change.day.day} {change.day:%B}"
    if change.is_gone:
        return f"{subject} falls away: the clocks change over it"
    direction = "shorter" if change.by < timedelta() else "longer"
    return f"{subject} is {span_words(abs(change.by))} {direction}: the clocks change"


def _clock(shown: datetime, day: str, zone: str) -> str:
    return f"{shown:{day} {'%H:%M:%S' if shown.second else '%H:%M'} {zone}}"
