"""When a node begins or ceases to be lent, past the instants at which only the lender changes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from inventory.standing import Outcome, Standing

_HORIZON = timedelta(
    days=400
)  # windows come back weekly and clocks change yearly: what does not change in it never will
_MOST_EDGES = 2_000  # a second or so: more handovers without a gap are nobody's schedule


class Direction(StrEnum):
    """As the status of a policy calls it."""

    OPEN = "Open"
    CLOSE = "Close"


@dataclass(frozen=True, slots=True)
class Transition:
    """An instant from which on a node is lent, or no longer is."""

    at: datetime
    direction: Direction


def next_transition(standing_at: Callable[[datetime], Standing], now: datetime) -> Transition | None:
    """The first one after `now` if nobody edits anything; None if there is none within 400 days or 2,000 handovers."""
    standing = standing_at(now)
    is_lent = standing.outcome is Outcome.LENT
    for _ in range(_MOST_EDGES):
        edge = standing.next_edge
        if edge is None or edge > now + _HORIZON:
            return None
        standing = standing_at(edge)
        if (standing.outcome is Outcome.LENT) is not is_lent:
            return Transition(edge, Direction.CLOSE if is_lent else Direction.OPEN)
    return None
