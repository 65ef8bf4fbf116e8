"""Amounts, instants and windows as a person reads them: every number with its unit, every instant in UTC and where it matters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from inventory.model import Limit, Policy, Window
from inventory.quantity import MILLI, canonical, is_bytes, parse
from inventory.windows import DAYS, format_time, zone_for
from reconciler.conditions import rfc3339

_UNITS: Final[Mapping[str, tuple[str, str]]] = {"cpu": ("core", "cores"), "pods": ("pod", "pods")}
_ALL_DAYS: Final = frozenset(range(7))
_GIB: Final = 1 << 30
_MIB: Final = 1 << 20
_PAIR: Final = 2  # days; more of them in a row are named by the first and the last


def amount(resource: str, milli: int | Decimal) -> str:
    """Exact, with the unit: `3.9 cores`, `12Gi`, `29957396889 bytes (27.9Gi)`, `50 pods`, `2 nvidia.com/gpu`."""
    text = canonical(resource, int(milli)) if milli == int(milli) else ""
    if is_bytes(resource) and text.endswith("i"):
        return text
    number = Decimal(milli) / MILLI
    one, many = ("byte", "bytes") if is_bytes(resource) else _UNITS.get(resource, (resource, resource))
    about = _about(number) if is_bytes(resource) else ""
    return f"{number.normalize():f} {one if number == 1 else many}{about}"


def _about(size: Decimal) -> str:
    """Many bytes in a size that can be grasped."""
    unit, divisor = ("Gi", _GIB) if size >= _GIB else ("Mi", _MIB)
    return f" ({size / divisor:.1f}{unit})" if size >= _MIB else ""


def amounts(quantities: Mapping[str, str]) -> str:
    """Several quantities in one line; nothing is `nothing`."""
    shown = (f"{name} {amount(name, parse(quantity))}" for name, quantity in quantities.items())
    return ", ".join(shown) or "nothing"


def canonical_map(quantities: Mapping[str, str] | Mapping[str, int]) -> dict[str, str]:
    """Quantities, as texts or in milli-units, in their canonical form."""
    return {name: canonical(name, parse(each) if isinstance(each, str) else each) for name, each in quantities.items()}


def limit_text(limit: Limit) -> str:
    """`at most 24Gi`, `80 % of what is left`, or both, of which the smaller counts."""
    share = f"{limit.percent} % of what is left" if limit.percent is not None else ""
    most = f"at most {amount(limit.resource, limit.quantity)}" if limit.quantity is not None else ""
    return ", ".join(filter(None, (most, share))) or "no limit"


def instant(at: datetime | None) -> str | None:
    """For JSON: RFC 3339 in UTC."""
    return rfc3339(at.astimezone(UTC)) if at else None


def local(at: datetime, time_zone: str) -> str:
    """For JSON: RFC 3339 with the zone's offset."""
    return at.astimezone(zone_for(time_zone)).isoformat(timespec="seconds")


def told(at: datetime, time_zone: str = "UTC") -> str:
    """For people: `2026-01-05T20:00:00Z (Mon 21:00 Europe/Berlin)`."""
    utc = rfc3339(at.astimezone(UTC))
    return utc if time_zone == "UTC" else f"{utc} ({wall_time(at, time_zone)} {time_zone})"


def wall_time(at: datetime, time_zone: str) -> str:
    """`Mon 21:00`, where clocks show that."""
    wall = at.astimezone(zone_for(time_zone))
    return wall.strftime("%a %H:%M:%S" if wall.second else "%a %H:%M")


def windows_of(policy: Policy) -> list[str]:
    """As written: `Friday 22:00-06:00`; the end minute belongs to the window."""
    return [_window(each) for each in policy.windows]


def _window(window: Window) -> str:
    days = sorted(window.days or _ALL_DAYS)
    first, last = DAYS[days[0]], DAYS[days[-1]]
    is_row = len(days) > _PAIR and days == list(range(days[0], days[-1] + 1))
    named = "every day" if len(days) == len(DAYS) else f"{first}-{last}" if is_row else _listed(days)
    return f"{named} {format_time(window.start)}-{format_time(window.end)}"


def _listed(days: list[int]) -> str:
    return ", ".join(DAYS[day] for day in days)
