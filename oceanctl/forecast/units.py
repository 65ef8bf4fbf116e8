"""Amounts of a resource in a unit that fits them, and round numbers for an axis."""

from dataclasses import dataclass
from typing import Final

from inventory.quantity import MILLI

_GIB: Final = MILLI << 30
_TIB: Final = MILLI << 40
_BYTES: Final = ("memory", "ephemeral-storage")
_MANTISSAS: Final = (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)
_PLAIN_FROM: Final = 100  # units from which a digit after the point says nothing


@dataclass(frozen=True, slots=True)
class Unit:
    """`size` is one of it in milli-units."""

    name: str
    size: int

    def shown(self, amount: int) -> str:
        """At most one digit after the point, without the unit."""
        value = amount / self.size
        return f"{value:.0f}" if value >= _PLAIN_FROM else f"{value:.1f}".removesuffix(".0")

    def told(self, amount: int) -> str:
        """With the unit."""
        return f"{self.shown(amount)} {self.name}".rstrip()


def unit_for(resource: str, peak: int) -> Unit:
    """Cores, GiB or TiB; other things are counted."""
    if resource in _BYTES or resource.startswith("hugepages-"):
        return Unit("TiB", _TIB) if peak >= 4 * _TIB else Unit("GiB", _GIB)
    return Unit("cores", MILLI) if resource == "cpu" else Unit("", MILLI)


def top_of(unit: Unit, peak: int, headroom: float = 1.0) -> float:
    """A round number of units that `peak` stays below; a quarter of what is counted is a whole number."""
    wanted = max(peak / unit.size * headroom, 1.0)
    power = 1.0
    while power * 10 < wanted:
        power *= 10
    tops = (each * by for by in (power, power * 10) for each in _MANTISSAS)
    return next(top for top in tops if top >= wanted and (unit.name or top % 4 == 0))
