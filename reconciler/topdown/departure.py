"""How pods end: in the worker first, then, as a kubelet would have it, in the computing cluster."""

from datetime import datetime

from reconciler import names
from reconciler.decision import Action, Decision, Delete
from reconciler.kube.projections import Copied, Pod
from reconciler.marks import is_mirrored
from reconciler.topdown.mapping import mapped_uid, stands_for
from reconciler.topdown.targets import of_computing_pod, of_worker_pod, whole
from reconciler.topdown.upkeep import brought_up
from reconciler.topdown.verdicts import Verdict, ending_there, failed, failure_of
from reconciler.topdown.view import PodView

DELETED = Verdict(names.REASON_DELETED, "deleted; its containers have stopped")


def orphaned(view: PodView, worker_pod: Copied[Pod]) -> Decision:
    """The worker pod's computing pod is gone, or another one has its name."""
    name = worker_pod.metadata.key
    if view.unreachable_since is not None:
        return Decision(f"nobody needs {name}; waiting for the worker to answer")
    if not view.computing_pod_is_gone:
        return Decision(f"waiting to be sure that nobody needs {name}")
    if worker_pod.metadata.is_deleting:
        return Decision(f"nobody needs {name}; waiting for it to stop")
    return Decision(f"nobody needs {name}", (Delete(of_worker_pod(worker_pod)),))


def leaving(view: PodView, computing_pod: Copied[Pod], now: datetime) -> Decision:
    """The computing pod is being deleted."""
    worker_pod = view.worker_pod
    if view.state.abandons_worker:
        return _let_go(computing_pod, "the binding ends without its worker", now)
    if worker_pod is None:
        return _leaving_alone(view, computing_pod, now)
    if not stands_for(worker_pod, computing_pod):
        return orphaned(view, worker_pod)
    name = worker_pod.metadata.key
    if view.unreachable_since is not None:
        return Decision(f"waiting for the worker to answer, then for {name} to stop")
    grace = _grace_of(computing_pod)
    if _must_be_told(worker_pod, grace):
        given = "its own grace" if grace is None else f"{grace} s of grace"
        return Decision(f"stopping {name} with {given}", (Delete(of_worker_pod(worker_pod), grace),))
    return Decision(f"waiting for {name} to stop", brought_up(view, computing_pod, worker_pod, now))


def lost(view: PodView, computing_pod: Copied[Pod], now: datetime) -> Decision:
    """The computing pod had a worker pod, and a synced cache has none."""
    annotations = computing_pod.metadata.annotations
    name = f"{annotations.get(names.PHYSICAL_POD_NAMESPACE)}/{annotations.get(names.PHYSICAL_POD_NAME)}"
    if not view.worker_pod_is_gone:
        return Decision(f"waiting to be sure that {name} is gone")
    if view.worker_node is None:
        verdict = Verdict(names.REASON_NODE_LOST, f"the worker node is gone, and {name} with it")
    else:
        conditions = whole(computing_pod).get("status", {}).get("conditions")
        verdict = ending_there(conditions, name, view.ended_by)
    return failed(computing_pod, verdict, now)


def _leaving_alone(view: PodView, computing_pod: Copied[Pod], now: datetime) -> Decision:
    if mapped_uid(computing_pod) is None and not is_mirrored(computing_pod.metadata, view.binding):
        return _let_go(computing_pod, "nothing of it ever was in the worker", now)
    if view.unreachable_since is not None:
        return Decision("waiting for the worker to answer")
    if not view.worker_pod_is_gone:
        return Decision("waiting to be sure that nothing of it is left in the worker")
    return _let_go(computing_pod, "nothing of it is left in the worker", now)


def _let_go(computing_pod: Copied[Pod], because: str, now: datetime) -> Decision:
    """End a deletion as kubelets do: grace 0. A pod that others' finalizers hold back must not look alive meanwhile (Jobs wait for a final phase)."""
    metadata = computing_pod.metadata
    actions: list[Action] = []
    if metadata.finalizers and not computing_pod.seen.status.is_terminal:
        actions.append(failure_of(computing_pod, DELETED, now))
    if metadata.deletion_grace_period_seconds != 0:
        actions.append(Delete(of_computing_pod(computing_pod), grace_seconds=0))
    held = f"; held back by {', '.join(metadata.finalizers)}" if metadata.finalizers else ""
    return Decision(because + held, tuple(actions))


def _grace_of(computing_pod: Copied[Pod]) -> int | None:
    """The grace that the user gave. At least a second: with none the worker's API server would forget the pod while it still runs."""
    grace = computing_pod.metadata.deletion_grace_period_seconds
    return None if grace is None else max(1, grace)


def _must_be_told(worker_pod: Copied[Pod], grace: int | None) -> bool:
    if not worker_pod.metadata.is_deleting:
        return True
    current = worker_pod.metadata.deletion_grace_period_seconds
    return grace is not None and current is not None and current > grace
