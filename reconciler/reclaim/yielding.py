"""Where room is made for pods of the owner that wait for want of it: on one node each, and on the same one until they are placed or gone.

A node that gives way counts the waiting pod as if it ran there already. Its lease shrinks by that much, so just enough pods go, on the road of every shrink,
and what they leave is not lent again meanwhile.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.kube.placement import Placement
from reconciler.kube.projections import Node

AT_ONCE = 20  # pods that room is made for at the same time; the others follow when these are placed

_EPOCH = 0.0


@dataclass(frozen=True, slots=True)
class Wish:
    """A pod of the owner that its scheduler cannot place; `requests` in milli-units."""

    uid: str
    created_at: datetime | None
    requests: Mapping[str, int]
    placement: Placement


@dataclass(frozen=True, slots=True)
class Host:
    """A lent node that would give way.

    Attributes:
        node: The worker node.
        free: What the owner's pods that run there leave over of it, in milli-units.
        ours: What our pods request there, those that are leaving among them.
        promised_to: UIDs of the pods that it gives way to, as recorded on its vnode.

    """

    node: Node
    free: Mapping[str, int]
    ours: Mapping[str, int]
    promised_to: frozenset[str]

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.metadata.name


def places_for(wishes: Iterable[Wish], hosts: Sequence[Host]) -> dict[str, tuple[Wish, ...]]:
    """Which pods each node gives way to, by the node's name; the oldest wish is served first."""
    given: dict[str, tuple[Wish, ...]] = {}
    for wish in sorted(wishes, key=_age)[:AT_ONCE]:
        allowed = [
            _Offer.of(host, given.get(host.name, ()), wish) for host in hosts if wish.placement.allows(host.node)
        ]
        if chosen := _chosen([offer for offer in allowed if offer.is_enough], wish):
            given[chosen] = (*given.get(chosen, ()), wish)
    return given


def _age(wish: Wish) -> tuple[float, str]:
    return wish.created_at.timestamp() if wish.created_at else _EPOCH, wish.uid


@dataclass(frozen=True, slots=True)
class _Offer:
    """What it would take to let a pod in: `is_enough` if the node is large enough without us, `lacking` what we hold of that, as a share of the node."""

    host: Host
    is_enough: bool
    lacking: float

    @classmethod
    def of(cls, host: Host, before: Iterable[Wish], wish: Wish) -> "_Offer":
        free = dict(host.free)
        for other in before:
            for resource, milli in other.requests.items():
                free[resource] = free.get(resource, 0) - milli
        wanted = {resource: milli for resource, milli in wish.requests.items() if milli}
        is_enough = all(milli <= free.get(resource, 0) for resource, milli in wanted.items())
        shares = (
            (milli + host.ours.get(resource, 0) - free.get(resource, 0)) / max(1, host.free.get(resource, 0))
            for resource, milli in wanted.items()
        )
        return cls(host, is_enough, max((share for share in shares if share > 0), default=0.0))


def _chosen(offers: Sequence[_Offer], wish: Wish) -> str | None:
    """The node that is at it already; else none where there is room, for the pod waits for something else; else the one that has the least to give."""
    kept = [offer.host.name for offer in offers if wish.uid in offer.host.promised_to]
    if kept:
        return min(kept)
    if any(not offer.lacking for offer in offers):
        return None
    best = min(offers, key=lambda offer: (offer.lacking, offer.host.name), default=None)
    return best.host.name if best else None
