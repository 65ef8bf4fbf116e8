"""Instants and spans as people type them on a command line."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from oceanctl.errors import UsageMistakeError

AtOption = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="As if it were this instant: RFC 3339 like 2026-03-29T01:30Z; by default now."
    ),
]
HorizonOption = Annotated[
    str, typer.Option("--horizon", metavar="SPAN", help="How far to look: a number and m, h, d (24 hours) or w.")
]

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?P<zone> ?(?:[Zz]|[+-]\d\d:\d\d))?")
_SPAN: Final = re.compile(r"([0-9]{1,9})([mhdw])")
_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_YEARS: Final = range(1900, 9000)  # horizons and graces that begin in them end within the calendar
_LONGEST: Final = timedelta(days=3660)  # ten years; no plan reaches further


def instant_from(text: str | None) -> datetime:
    """RFC 3339 with a zone, where a blank for the T and no seconds will do, or now if nothing was typed; whole seconds of UTC.

    A time without a zone is refused: there may be as many local times as policies.
    """
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise UsageMistakeError(f"--at {text!r} is not an instant: write it like 2026-03-29T01:30Z")
    if found["zone"] is None:
        raise UsageMistakeError(f"--at {text!r} does not say where: add Z for UTC, or an offset like +02:00")
    try:
        instant = datetime.fromisoformat(text.upper().replace(" ", "T", 1).replace(" ", ""))
        instant = instant.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise UsageMistakeError(f"--at {text!r} is no instant of the calendar: {error}") from error
    if instant.year not in _YEARS:
        raise UsageMistakeError(f"--at {text!r} is before {_YEARS.start} or after {_YEARS.stop - 1}")
    return instant


def span_from(text: str) -> timedelta:
    """A number of minutes, hours, days of 24 hours or weeks: `90m`, `36h`, `14d`, `2w`."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise UsageMistakeError(f"--horizon {text!r} is not a span of time: write it like 90m, 36h, 14d or 2w")
    count, unit = int(found[1]), _UNITS[found[2]]
    if not 1 <= count <= _LONGEST // unit:
        raise UsageMistakeError(f"--horizon {text!r} has to be more than nothing and at most ten years")
    return count * unit


def horizon_from(at: str | None, horizon: str) -> tuple[datetime, datetime]:
    """From which instant to which, as `--at` and `--horizon` say."""
    begin, span = instant_from(at), span_from(horizon)
    return begin, begin + span
