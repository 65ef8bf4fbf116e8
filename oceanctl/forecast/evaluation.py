"""From policies and machines to what is lent when: evaluated where something changes, never minute by minute."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Policy
from inventory.selection import Selection
from inventory.selectors import Matcher
from inventory.standing import Candidate, Outcome, Sides, Standing, is_virtual
from oceanctl.forecast.supply import Machine, Supply
from reconciler.bottomup.capacity import lease_of


@dataclass(frozen=True, slots=True)
class Step:
    """What a cluster lends from this instant until the next step: nodes, and milli-units by resource."""

    at: datetime
    nodes: int
    capacity: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Series:
    """One cluster: its steps in order, the first at the begin of the forecast, no two neighbours alike."""

    supply: Supply
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The binding's."""
        return self.supply.binding.name


@dataclass(frozen=True, slots=True)
class Forecast:
    """What all clusters lend in `[begin, end)`."""

    begin: datetime
    end: datetime
    series: tuple[Series, ...]


def forecast_of(supplies: Sequence[Supply], policies: Sequence[Policy], begin: datetime, end: datetime) -> Forecast:
    """What the machines will lend if the owners' pods stay as they are.

    What is suspended takes no new pods and so lends nothing; a notice does not end a lease, the close does.
    """
    candidates = tuple(Candidate(policy.name, policy) for policy in policies)
    return Forecast(begin, end, tuple(_series(supply, candidates, begin, end) for supply in supplies))


_Lenders = tuple[Policy, ...]
_Course = dict[datetime, _Lenders]
"""Who lends from each instant on; empty while nobody does."""


def _series(supply: Supply, candidates: tuple[Candidate, ...], begin: datetime, end: datetime) -> Series:
    selection = Selection(supply.binding, Sides(candidates, supply.worker))
    groups = [
        (_Group(machines), _course(selection, machines[0], begin, end)) for machines in _alike(supply, candidates)
    ]
    edges = sorted({begin}.union(*(course for _, course in groups)))
    steps: list[Step] = []
    lending = dict.fromkeys((group for group, _ in groups), _Lenders())
    for edge in edges:
        lending |= {group: course[edge] for group, course in groups if edge in course}
        step = _step(edge, lending)
        if not steps or (step.nodes, step.capacity) != (steps[-1].nodes, steps[-1].capacity):
            steps.append(step)
    return Series(supply, tuple(steps))


def _alike(supply: Supply, candidates: tuple[Candidate, ...]) -> Iterator[list[Machine]]:
    """Machines that the same policies select: they stand the same at every instant."""
    matcher = Matcher(
        [supply.binding.node_selector, *(each.node_selector for each in (*candidates, *(supply.worker or ())))]
    )
    groups: defaultdict[tuple[bool, tuple[int, ...]], list[Machine]] = defaultdict(list)
    for machine in supply.machines:
        groups[is_virtual(machine.labels), matcher.matching(machine.labels, machine.name)].append(machine)
    yield from groups.values()


def _course(selection: Selection, machine: Machine, begin: datetime, end: datetime) -> _Course:
    course: _Course = {}
    at: datetime | None = begin
    while at is not None and at < end:
        standing = selection.standing_of(machine.labels, machine.name, at)
        course[at] = _lenders(standing)
        at = standing.next_edge if standing else None
    return course


def _lenders(standing: Standing | None) -> _Lenders:
    if standing is None or standing.outcome is not Outcome.LENT or standing.is_suspended:
        return ()
    return standing.lenders


class _Group:
    """Machines that stand the same; what they lend is added up once for each set of lenders."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        self._machines = machines
        self._sums: dict[_Lenders, Mapping[str, int]] = {}

    def __len__(self) -> int:
        return len(self._machines)

    def lease(self, lenders: _Lenders) -> Mapping[str, int]:
        """What all of them lend, in milli-units."""
        if lenders not in self._sums:
            total: Counter[str] = Counter()
            for machine in self._machines:
                total.update(lease_of(machine.allocatable, machine.load, lenders))
            self._sums[lenders] = dict(total)
        return self._sums[lenders]


def _step(at: datetime, lending: Mapping[_Group, _Lenders]) -> Step:
    total: Counter[str] = Counter()
    for group, lenders in lending.items():
        if lenders:
            total.update(group.lease(lenders))
    nodes = sum(len(group) for group, lenders in lending.items() if lenders)
    return Step(at, nodes, {name: total[name] for name in sorted(total) if total[name]})
