"""When a node begins or ceases to be lent, past the instants at which only the lender changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from inventory.model import Policy
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
    was_lent = standing_at(now).outcome is Outcome.LENT
    for at, standing in _answers_after(standing_at, now):
        if (standing.outcome is Outcome.LENT) is not was_lent:
            return Transition(at, Direction.CLOSE if was_lent else Direction.OPEN)
    return None


def next_handover(standing_at: Callable[[datetime], Standing], now: datetime) -> tuple[datetime, Standing] | None:
    """The first instant after `now` at which other policies lend, and what the answer is then; as `next_transition`."""
    before = _lenders(standing_at(now))
    return next((found for found in _answers_after(standing_at, now) if _lenders(found[1]) != before), None)


def _answers_after(standing_at: Callable[[datetime], Standing], now: datetime) -> Iterator[tuple[datetime, Standing]]:
    edge = standing_at(now).next_edge
    for _ in range(_MOST_EDGES):
        if edge is None or edge - now > _HORIZON:
            return
        standing = standing_at(edge)
        yield edge, standing
        edge = standing.next_edge


def _lenders(standing: Standing) -> tuple[Policy, ...]:
    return standing.lenders if standing.outcome is Outcome.LENT else ()
