"""Which nodes give way to pods of the owner that wait for room; found again whenever either of them changes."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from inventory.standing import Outcome, Standing
from reconciler import names
from reconciler.bottomup.capacity import left_of, requests_of, sum_of
from reconciler.bottomup.load import ForeignPod, LoadBook
from reconciler.bridge.computing import ON_NODE
from reconciler.bridge.ground import Ground
from reconciler.bridge.worker import WorkerPodEntry
from reconciler.clock import Clock
from reconciler.kube.cache import Change
from reconciler.kube.projections import Node
from reconciler.marks import live_pods
from reconciler.promise import promise_of, yields_to
from reconciler.reclaim.yielding import Host, Wish, places_for

SETTLE_SECONDS = 0.2  # changes come together; one look answers them


class Yields:
    """The places that `places_for` finds, kept until a waiting pod or a node that gives way has changed."""

    def __init__(
        self, ground: Ground, load: LoadBook, standing_of: Callable[[Node, datetime], Standing | None]
    ) -> None:
        self.on_change: Callable[[Iterable[str]], None] = lambda _nodes: None
        self._ground = ground
        self._load = load
        self._standing_of = standing_of
        self._wishes: dict[str, Wish] = {}
        self._places: dict[str, tuple[Wish, ...]] = {}
        self._has_looked = False
        self._due = asyncio.Event()

    def given_on(self, node_name: str, now: datetime) -> tuple[Wish, ...]:
        """The waiting pods that a node gives way to, as far as they still wait.

        The first question is answered by a look: a node whose record says that it gives way must not be taken for one that does not, just after a restart.
        """
        if not self._has_looked:
            self._look(now)
        return tuple(wish for wish in self._places.get(node_name, ()) if wish.uid in self._wishes)

    def take(self, change: Change[WorkerPodEntry]) -> None:
        """Follow a pod of the worker."""
        before, after = _wish_of(change.before), _wish_of(change.after)
        if before == after:
            return
        if before is not None:
            self._wishes.pop(before.uid, None)
        if after is not None:
            self._wishes[after.uid] = after
        self._due.set()

    def node_changed(self, node_name: str) -> None:
        """Look again where a node that gives way may have become unfit."""
        if node_name in self._places:
            self._due.set()

    def look_again(self) -> None:
        """Look again, whatever happened."""
        if self._wishes or self._places:
            self._due.set()

    async def run(self, clock: Clock) -> None:
        """Answer changes until cancelled; begin when the caches are there."""
        while True:
            await self._due.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._due.clear()
            self._look(clock.now())

    def _look(self, now: datetime) -> None:
        if not self._knows(now):
            return
        self._has_looked = True
        before = self._places
        self._places = places_for(self._wishes.values(), tuple(self._hosts(now))) if self._wishes else {}
        changed = [name for name in {**before, **self._places} if before.get(name) != self._places.get(name)]
        self.on_change(sorted(changed))

    def _knows(self, now: datetime) -> bool:
        """Whether anything may be concluded; while the worker is silent or its policies are unknown, what was given stays given."""
        node = next(iter(self._ground.worker.nodes), None)
        is_told = node is None or self._standing_of(node, now) is not None
        return is_told and self._ground.unreachable_since is None

    def _hosts(self, now: datetime) -> Iterator[Host]:
        bound = self._ground.bound()
        identity = bound.state.identity
        for node in self._ground.worker.nodes.values():
            vnode_name = names.vnode_name(identity.cluster_id, node.metadata.name)
            vnode = self._ground.computing.nodes.get(vnode_name)
            if vnode is None or not identity.owns_vnode(vnode) or not self._may_yield(node, vnode, now):
                continue
            pods = live_pods(
                (pod.seen for pod in self._ground.computing.pods.by_index(ON_NODE, vnode_name)), bound.binding
            )
            yield Host(
                node=node,
                free=left_of(node.status.allocatable, self._load.load_of(node.metadata.name)),
                ours=sum_of(map(requests_of, pods)),
                promised_to=frozenset(yields_to(vnode)),
            )

    def _may_yield(self, node: Node, vnode: Node, now: datetime) -> bool:
        """A lease that is closed goes home as a whole."""
        if promise_of(vnode).closed_at is not None or self._ground.bound().state.is_deleting:
            return False
        standing = self._standing_of(node, now)
        if standing is None or standing.outcome is not Outcome.LENT:
            return False
        return any(policy.yield_to_owner for policy in standing.lenders)


def _wish_of(pod: WorkerPodEntry | None) -> Wish | None:
    if not isinstance(pod, ForeignPod) or pod.waiting is None:
        return None
    waiting = pod.waiting
    return Wish(pod.uid, waiting.created_at, dict(waiting.requests), waiting.placement)
