"""Whether two policies can lend the same node at the same time.

An answer of yes is always right, because it comes with a node that both select and an hour at which both are open; a no can be wrong where selectors
have very many terms, or where windows of two time zones meet only in an odd week.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, product
from typing import Final

from inventory.model import NodeSelector, Policy, Requirement, SelectorTerm, Window
from inventory.selectors import matches
from inventory.windows import Interval, intervals, zone_for

_WEEK: Final = timedelta(days=7)
_WEEKS: Final = (datetime(2030, 1, 7, tzinfo=UTC), datetime(2030, 7, 8, tzinfo=UTC))  # either side of daylight saving
_MAX_COMBINATIONS: Final = 1000  # of terms; real selectors have one or two each


@dataclass(frozen=True, slots=True)
class Witness:
    """A node that several selectors select."""

    name: str
    labels: Mapping[str, str]


def are_open_together(one: Policy, other: Policy) -> bool:
    """Whether there is an instant at which the windows of both are open."""
    if not one.windows or not other.windows:
        return True
    return any(
        _meet(_open(one.windows, one.time_zone, week), _open(other.windows, other.time_zone, week)) for week in _WEEKS
    )


def common_node(selectors: Iterable[NodeSelector | None]) -> Witness | None:
    """A node that all of these selectors select, if one can be found; their requirements have to be legal."""
    given = [selector for selector in selectors if selector is not None and selector.terms]
    combinations = islice(product(*(selector.terms for selector in given)), _MAX_COMBINATIONS)
    witnesses = (_witness(terms) for terms in combinations)
    fitting = (
        witness
        for witness in witnesses
        if witness is not None and all(matches(selector, witness.labels, witness.name) for selector in given)
    )
    return next(fitting, None)


@lru_cache(maxsize=1024)
def _open(windows: tuple[Window, ...], time_zone: str, week: datetime) -> tuple[Interval, ...]:
    return intervals(windows, zone_for(time_zone), week, week + _WEEK)


def _meet(some: Iterable[Interval], others: Iterable[Interval]) -> bool:
    return any(one.start < other.end and other.start < one.end for one, other in product(some, others))


def _witness(terms: Iterable[SelectorTerm]) -> Witness | None:
    """A node for one choice of terms. Keys do not depend on each other, so each gets the first value that suits it."""
    by_key: defaultdict[str, list[Requirement]] = defaultdict(list)
    on_name: list[Requirement] = []
    for term in terms:
        on_name.extend(term.fields)
        for requirement in term.expressions:
            by_key[requirement.key].append(requirement)
    name = _name_for(on_name)
    parts = [_label_for(key, requirements) for key, requirements in by_key.items()]
    if name is None or any(part is None for part in parts):
        return None
    return Witness(name, {key: value for part in parts if part for key, value in part.items()})


def _label_for(key: str, requirements: Sequence[Requirement]) -> Mapping[str, str] | None:
    """The label, or no label, that meets these requirements; None if nothing does."""
    asked = NodeSelector((SelectorTerm(expressions=tuple(requirements)),))
    options = ({}, *({key: value} for value in _candidates(requirements)))
    return next((labels for labels in options if matches(asked, labels, "")), None)


def _name_for(requirements: Sequence[Requirement]) -> str | None:
    if not requirements:
        return "any"
    asked = NodeSelector((SelectorTerm(fields=tuple(requirements)),))
    return next((name for name in _candidates(requirements) if matches(asked, {}, name)), None)


def _candidates(requirements: Sequence[Requirement]) -> Iterator[str]:
    """Values of which one meets the requirements if any value does: those they list, those beyond their bounds, and unlisted ones."""
    spare = range(1 + sum(len(requirement.values) for requirement in requirements))
    for requirement in requirements:
        match requirement.operator:
            case "In":
                yield from requirement.values
            case "Gt":
                yield from (str(int(requirement.values[0]) + 1 + step) for step in spare)
            case "Lt":
                yield from (str(int(requirement.values[0]) - 1 - step) for step in spare)
            case _:
                pass
    yield from (f"any-{step}" for step in spare)
