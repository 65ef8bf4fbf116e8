"""Which policy lends each of many nodes: the answers of `standing_of`, from an index of the selectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Binding
from inventory.selectors import Matcher
from inventory.standing import Sides, Standing, is_for, is_virtual, standing_among, standing_of

_BINDING = 0  # the position of the binding's own selector


class Selection:
    """The policies of a binding, indexed.

    Nodes that the same policies select stand the same, and nothing changes before a verdict's next edge: until then it is made once for each set of policies.
    """

    def __init__(self, binding: Binding, sides: Sides) -> None:
        self._binding = binding
        self._sides = sides
        self._computing = tuple(each for each in sides.computing if is_for(each, binding))
        self._worker = tuple(each for each in sides.worker or () if is_for(each, binding))
        selectors = [each.node_selector for each in (*self._computing, *self._worker)]
        self._matcher = Matcher([binding.node_selector, *selectors])
        self._verdicts: dict[tuple[int, ...], _Verdict] = {}

    def standing_of(self, labels: Mapping[str, str], node_name: str, now: datetime) -> Standing | None:
        """What the policies of both clusters say of a node; None when the worker's cannot be listed."""
        positions = self._matcher.matching(labels, node_name)
        if self._sides.worker is None or is_virtual(labels) or _BINDING not in positions:
            return standing_of(labels, node_name, self._binding, Sides((), self._sides.worker), now)
        verdict = self._verdicts.get(positions)
        if verdict is None or not verdict.holds_at(now):
            verdict = self._verdicts[positions] = _Verdict(now, self._judge(positions, now))
        return verdict.standing

    def _judge(self, positions: tuple[int, ...], now: datetime) -> Standing:
        first_of_worker = 1 + len(self._computing)
        computing = [self._computing[at - 1] for at in positions if _BINDING < at < first_of_worker]
        worker = [self._worker[at - first_of_worker] for at in positions if at >= first_of_worker]
        return standing_among(computing, worker, self._binding, now)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """An answer and the instant for which it was made; clocks may step back."""

    made_at: datetime
    standing: Standing

    def holds_at(self, now: datetime) -> bool:
        edge = self.standing.next_edge
        return self.made_at <= now and (edge is None or now < edge)
