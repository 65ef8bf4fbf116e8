"""What the worker's own pods request on each node: kept by deltas, so that an event costs the same on a full node as on an empty one."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from sys import intern

import msgspec

from reconciler import names
from reconciler.bottomup.capacity import requests_of
from reconciler.kube.placement import Placement, decode_pending
from reconciler.kube.projections import HasMetadata, ObjectMeta, Pod

Requests = tuple[tuple[str, int], ...]
"""Milli-units by resource, in the order of their names."""

_UNPLACED = ("PodScheduled", "False", "Unschedulable")


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """What is kept besides of a pod that its scheduler cannot place; there are few of them."""

    created_at: datetime | None
    requests: Requests
    placement: Placement


class ForeignPod(msgspec.Struct, frozen=True, gc=False):
    """All that is kept of a worker pod that is not ours; tens of thousands of them are held at once.

    `requests` are empty unless the pod is bound to a node and not finished.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    node_name: str
    phase: str
    requests: Requests
    waiting: Waiting | None = None

    @property
    def metadata(self) -> ObjectMeta:
        """Its identity, made when asked for."""
        return ObjectMeta(self.name, self.namespace, self.uid, self.resource_version)


def foreign_pod_for(worker_pod: Pod, raw: bytes | memoryview = b"") -> ForeignPod:
    """The little that counts of a pod that is not ours; `raw` is read again where the pod waits for a place."""
    metadata, spec, status = worker_pod.metadata, worker_pod.spec, worker_pod.status
    is_counted = spec.node_name and not status.is_terminal
    return ForeignPod(
        intern(metadata.namespace),
        metadata.name,
        metadata.uid,
        metadata.resource_version,
        intern(spec.node_name),
        intern(status.phase),
        _shared(tuple(sorted(requests_of(worker_pod).items()))) if is_counted else (),
        _waiting(worker_pod, raw) if raw and is_unplaced(worker_pod) else None,
    )


def is_unplaced(worker_pod: Pod) -> bool:
    """Whether a pod of the owner is one that its scheduler has looked at and cannot place; those of other borrowers are not the owner's."""
    metadata, spec, status = worker_pod.metadata, worker_pod.spec, worker_pod.status
    if spec.node_name or status.phase != "Pending" or metadata.is_deleting:
        return False
    if metadata.labels.get(names.MANAGED_BY) == names.MANAGED_BY_VALUE:
        return False
    return any((it.type, it.status, it.reason) == _UNPLACED for it in status.conditions)


def _waiting(worker_pod: Pod, raw: bytes | memoryview) -> Waiting | None:
    """None while the worker's scheduler makes room by preemption itself."""
    pending = decode_pending.decode(raw)
    if pending.status.nominated_node_name:
        return None
    requests = tuple(sorted(requests_of(worker_pod).items()))
    return Waiting(worker_pod.metadata.creation_timestamp, requests, pending.spec)


@lru_cache(maxsize=4096)  # pods of one workload request the same, and share the tuple
def _shared(requests: Requests) -> Requests:
    return requests


class LoadBook:
    """The load of every node: the sum of the requests of its foreign pods."""

    def __init__(self) -> None:
        self._loads: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def apply(self, before: HasMetadata | None, after: HasMetadata | None) -> frozenset[str]:
        """Take over one change of one pod (None: it was not, or is no longer, there); returns the nodes whose load changed.

        Only foreign pods count: a pod that turns out to be ours leaves the book.
        """
        old, new = _entry(before), _entry(after)
        if old == new:
            return frozenset()
        self._add(old, -1)
        self._add(new, +1)
        return frozenset(node for node, requests in (old, new) if requests)

    def load_of(self, node_name: str) -> Mapping[str, int]:
        """Milli-units requested on a node, as they are now; resources that nobody requests are absent."""
        return dict(self._loads[node_name]) if node_name in self._loads else {}

    def _add(self, entry: tuple[str, Requests], times: int) -> None:
        node_name, requests = entry
        load = self._loads[node_name]
        for resource, milli in requests:
            load[resource] += times * milli
            if not load[resource]:
                del load[resource]
        if not load:
            del self._loads[node_name]


def _entry(pod: HasMetadata | None) -> tuple[str, Requests]:
    return (pod.node_name, pod.requests) if isinstance(pod, ForeignPod) else ("", ())
