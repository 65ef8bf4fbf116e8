"""Names the pods of a view as targets of actions, and unpacks them."""

from typing import Any

import msgspec

from reconciler.decision import Manifest, Side, Target
from reconciler.kube.projections import Copied, Pod
from reconciler.kube.resources import PODS


def of_computing_pod(pod: Copied[Pod]) -> Target:
    """The computing pod, of this UID."""
    return _target(Side.COMPUTING, pod)


def of_worker_pod(pod: Copied[Pod]) -> Target:
    """The worker pod, of this UID."""
    return _target(Side.WORKER, pod)


def as_seen(pod: Copied[Pod], side: Side) -> Target:
    """A pod as it was seen, and not if it has changed since: for patches that replace a list."""
    metadata = pod.metadata
    return Target(side, PODS, metadata.name, metadata.namespace, metadata.uid, metadata.resource_version)


def whole(pod: Copied[Pod]) -> Manifest:
    """Everything of a pod, decoded from its bytes."""
    decoded: dict[str, Any] = msgspec.json.decode(pod.raw)
    return decoded


def _target(side: Side, pod: Copied[Pod]) -> Target:
    metadata = pod.metadata
    return Target(side, PODS, metadata.name, metadata.namespace, metadata.uid)
