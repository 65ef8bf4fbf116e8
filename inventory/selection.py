"""Which policy lends each of many nodes: the answers of `standing_of`, from an index of the selectors."""

from collections.abc import Mapping
from datetime import datetime

from inventory.model import Binding
from inventory.selectors import Matcher
from inventory.standing import Sides, Standing, is_for, is_virtual, standing_among, standing_of

_BINDING = 0  # the position of the binding's own selector


class Selection:
    """The policies of a binding, indexed.

    Nodes that the same policies select stand the same, so a verdict is made once for each set of policies and instant.
    """

    def __init__(self, binding: Binding, sides: Sides) -> None:
        self._binding = binding
        self._sides = sides
        self._computing = tuple(each for each in sides.computing if is_for(each, binding))
        self._worker = tuple(each for each in sides.worker or () if is_for(each, binding))
        selectors = [each.node_selector for each in (*self._computing, *self._worker)]
        self._matcher = Matcher([binding.node_selector, *selectors])
        self._verdicts: dict[tuple[int, ...], Standing] = {}
        self._now: datetime | None = None

    def standing_of(self, labels: Mapping[str, str], node_name: str, now: datetime) -> Standing | None:
        """What the policies of both clusters say of a node; None when the worker's cannot be listed."""
        positions = self._matcher.matching(labels, node_name)
        if self._sides.worker is None or is_virtual(labels) or _BINDING not in positions:
            return standing_of(labels, node_name, self._binding, Sides((), self._sides.worker), now)
        if now != self._now:
            self._now, self._verdicts = now, {}
        if positions not in self._verdicts:
            self._verdicts[positions] = self._judge(positions, now)
        return self._verdicts[positions]

    def _judge(self, positions: tuple[int, ...], now: datetime) -> Standing:
        first_of_worker = 1 + len(self._computing)
        computing = [self._computing[at - 1] for at in positions if _BINDING < at < first_of_worker]
        worker = [self._worker[at - first_of_worker] for at in positions if at >= first_of_worker]
        return standing_among(computing, worker, self._binding, now)
