"""Pods of DaemonSets that are not mirrored: shown Running and Ready, or the rollouts of their DaemonSets would wait for them for ever.

Nothing of them is in the worker, which has agents of its own; the condition `kubeocean.io/NotMirrored` says so.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from reconciler import names
from reconciler.conditions import rfc3339
from reconciler.decision import Action, Decision, Emit, Manifest, Patch, Side
from reconciler.kube.projections import Copied, Node, Pod
from reconciler.marks import is_of_daemon_set
from reconciler.topdown.pod_conditions import CONTAINERS_READY, READY, by_type, condition_for
from reconciler.topdown.pod_status import status_changes
from reconciler.topdown.targets import as_seen, of_computing_pod, whole

MESSAGE = "pods of DaemonSets are not mirrored to worker clusters; nothing of it runs there"
EVENT = "NotMirrored"
_SHOWN_TRUE = ("Initialized", READY, CONTAINERS_READY)
_SIDECAR = "Always"


def stand_in(computing_pod: Copied[Pod], vnode: Node | None, now: datetime) -> Decision:
    """What a pod shows that gets no worker pod; only those of DaemonSets claim to run."""
    if not is_of_daemon_set(computing_pod.metadata) or names.KUBELETS_OWN in computing_pod.metadata.annotations:
        return Decision("pods of this kind or namespace are not mirrored")
    if vnode is not None and any(it.type == READY and it.status != "True" for it in vnode.status.conditions):
        return Decision("not mirrored; not shown as running while its vnode is not ready")
    pod = whole(computing_pod)
    changes = status_changes(_status_for(pod, now), pod)
    if not changes:
        return Decision("shown as running; pods of this DaemonSet are not mirrored")
    patch = Patch(as_seen(computing_pod, Side.COMPUTING), {"status": changes}, "status")
    is_told = names.CONDITION_NOT_MIRRORED in by_type(pod.get("status", {}).get("conditions"))
    event = Emit(of_computing_pod(computing_pod), "Normal", EVENT, MESSAGE)
    actions: tuple[Action, ...] = (patch,) if is_told else (patch, event)
    return Decision("pods of this DaemonSet are not mirrored; it is shown as running", actions)


def _status_for(pod: Manifest, now: datetime) -> Manifest:
    """As a kubelet would write it of containers that started at once; what it shows already keeps its times."""
    status = pod.get("status", {})
    since = status.get("startTime") or rfc3339(now)
    own = by_type(status.get("conditions"))
    for kind in _SHOWN_TRUE:
        own[kind] = condition_for(kind, "True", "", "", own.get(kind), now)
    kind = names.CONDITION_NOT_MIRRORED
    own[kind] = condition_for(kind, "True", EVENT, MESSAGE, own.get(kind), now)
    spec = pod["spec"]
    return {
        "phase": "Running",
        "startTime": since,
        "conditions": list(own.values()),
        "containerStatuses": [_running(container, since) for container in spec["containers"]],
        "initContainerStatuses": list(_begun(spec, since)),
    }


def _begun(spec: Manifest, since: str) -> Iterator[Manifest]:
    """Sidecars run on; other init containers have done their work."""
    for container in spec.get("initContainers") or ():
        yield _running(container, since) if container.get("restartPolicy") == _SIDECAR else _completed(container, since)


def _running(container: Manifest, since: str) -> dict[str, Any]:
    return {**_container(container), "started": True, "state": {"running": {"startedAt": since}}}


def _completed(container: Manifest, since: str) -> dict[str, Any]:
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": since, "finishedAt": since}
    return {**_container(container), "started": False, "state": {"terminated": ended}}


def _container(container: Manifest) -> dict[str, Any]:
    """Its lastState must be there: servers write an empty one out."""
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "lastState": {},
    }
