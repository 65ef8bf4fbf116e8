"""What a pod is told of the end of its capacity, as its vnode has it on record: a condition, annotations and, once, an Event."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconciler import names
from reconciler.conditions import rfc3339
from reconciler.decision import Emit, Manifest
from reconciler.kube.projections import Copied, ObjectMeta, Pod
from reconciler.promise import shrink_from
from reconciler.topdown.pod_conditions import by_type, condition_for
from reconciler.topdown.targets import of_computing_pod

LEASE_ANNOTATIONS = (names.WINDOW_CLOSED_AT, names.LEASE_ENDS_AT)


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the capacity of one pod goes, and when."""

    reason: str
    message: str
    annotations: Mapping[str, str]


def ending_of(vnode: ObjectMeta, pod_key: str) -> Ending | None:
    """The end of a pod's capacity: with the whole lease, or before because the lease has shrunk and the pod must go for others to stay; None while it may stay."""
    annotations = {key: text for key in LEASE_ANNOTATIONS if (text := vnode.annotations.get(key)) is not None}
    closed, ends = annotations.get(names.WINDOW_CLOSED_AT), annotations.get(names.LEASE_ENDS_AT)
    shrinking = _shrinking(vnode, pod_key)
    if not annotations or (shrinking and ends and shrinking.annotations[names.LEASE_ENDS_AT] < ends):
        return shrinking
    reason = names.REASON_WINDOW_ENDING if closed is None else names.REASON_WINDOW_CLOSED
    message = f"the capacity is due back at {ends}" if ends else f"closed at {closed}; pods here may finish"
    return Ending(reason, message, annotations)


def with_lease_ending(conditions: Iterable[Manifest], ending: Ending | None, now: datetime) -> list[Manifest]:
    """The list with, or without, the condition that tells a pod that its capacity is going."""
    own = by_type(conditions)
    was = own.pop(names.CONDITION_LEASE_ENDING, None)
    if ending is None:
        return list(own.values())
    return [
        *own.values(),
        condition_for(names.CONDITION_LEASE_ENDING, "True", ending.reason, ending.message, was, now),
    ]


def told_of(ending: Ending, pod: Copied[Pod]) -> tuple[Emit, ...]:
    """An Event, unless the pod knows already."""
    knows = any(it.type == names.CONDITION_LEASE_ENDING for it in pod.seen.status.conditions)
    return () if knows else (Emit(of_computing_pod(pod), "Normal", "LeaseEnding", ending.message),)


def _shrinking(vnode: ObjectMeta, pod_key: str) -> Ending | None:
    shrink = shrink_from(vnode.annotations)
    if shrink is None or shrink.ends_at is None or pod_key not in shrink.victims:
        return None
    ends = rfc3339(shrink.ends_at)
    message = f"the lease has shrunk below what its pods request; this one must go by {ends}"
    return Ending(names.REASON_LEASE_SHRUNK, message, {names.LEASE_ENDS_AT: ends})
