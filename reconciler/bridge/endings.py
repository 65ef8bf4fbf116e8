"""How the worker ended a pod of ours, from its Events: servers before 1.26 say it nowhere else."""

from reconciler import names
from reconciler.kube.client import Client
from reconciler.kube.errors import ForbiddenError
from reconciler.kube.projections import Copied, Pod
from reconciler.kube.resources import EVENTS
from reconciler.topdown.mapping import mapped_uid
from reconciler.topdown.view import Disruption

_TOLD_BY = {
    "Preempted": names.REASON_PREEMPTED,  # the scheduler
    "TaintManagerEviction": names.REASON_EVICTED,  # the node controller
    "Evicted": names.REASON_EVICTED,  # a kubelet
}


def ended_uid(computing_pod: Copied[Pod], worker_pod: Copied[Pod] | None) -> str | None:
    """UID of the worker pod if somebody has ended it there and neither pod tells who."""
    if computing_pod.metadata.is_deleting or computing_pod.seen.status.is_terminal:
        return None
    if worker_pod is None:
        return None if _tells(computing_pod) else mapped_uid(computing_pod)
    was_ended = worker_pod.metadata.is_deleting and worker_pod.seen.status.phase == "Failed"
    return worker_pod.metadata.uid if was_ended and not _tells(worker_pod) else None


def _tells(pod: Copied[Pod]) -> bool:
    return any(it.type == names.CONDITION_DISRUPTION for it in pod.seen.status.conditions)


async def ending_told(worker: Client, namespace: str, worker_pod_uid: str) -> Disruption | None:
    """What ended a worker pod; None where no Event tells of it, or the owner does not let us read them."""
    try:
        events = await worker.list(EVENTS, namespace, field_selector=f"involvedObject.uid={worker_pod_uid}")
    except ForbiddenError:
        return None
    told = [event for event in events if event.get("reason") in _TOLD_BY]
    return Disruption(_TOLD_BY[told[-1]["reason"]], told[-1].get("message", "")) if told else None
