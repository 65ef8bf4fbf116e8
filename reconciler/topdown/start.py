"""A computing pod that has no worker pod yet: when it gets one, when it waits, and when it never will."""

from collections.abc import Iterator
from datetime import datetime

from reconciler import names
from reconciler.conditions import rfc3339
from reconciler.decision import Action, Create, Decision, Emit, Side, Target
from reconciler.kube.projections import Copied, Node, Pod
from reconciler.kube.resources import PODS
from reconciler.marks import is_mirrored
from reconciler.promise import promise_of
from reconciler.topdown.dependents import is_on_its_way
from reconciler.topdown.pod_forge import worker_pod_for
from reconciler.topdown.renaming import renaming_for
from reconciler.topdown.shortfalls import shortfalls_of
from reconciler.topdown.stand_in import stand_in
from reconciler.topdown.targets import of_computing_pod, whole
from reconciler.topdown.verdicts import Verdict, failed
from reconciler.topdown.view import PodView

OWNED_BY = (names.VIRTUAL_POD_UID, names.BINDING_UID, names.COMPUTING_CLUSTER_UID)


def start(view: PodView, computing_pod: Copied[Pod], now: datetime) -> Decision:
    """Create the worker pod, unless something stands in the way."""
    if not is_mirrored(computing_pod.metadata, view.binding):
        return stand_in(computing_pod, view.vnode, now)
    closed_at = promise_of(view.vnode).closed_at
    if closed_at is not None:
        node = computing_pod.seen.spec.node_name
        message = f"{node} closed at {rfc3339(closed_at)}, before this pod had started"
        return failed(computing_pod, Verdict(names.REASON_OUTSIDE_WINDOWS, message), now)
    if view.worker_node is None:
        return Decision("waiting for the worker node to be there")
    obstacle = next(_obstacles(view), None)
    if obstacle is not None:
        return Decision(obstacle)
    return _create(view, computing_pod, view.worker_node)


def _obstacles(view: PodView) -> Iterator[str]:
    if view.state.is_deleting or view.state.abandons_worker:
        yield "nothing new starts: the binding is being deleted"
    if view.binding.suspend:
        yield "nothing new starts: the binding is suspended"
    # A vnode deleted by hand comes back. If it does not, Kubernetes' own garbage collection ends pods whose node is gone.
    if view.vnode is None or view.vnode.metadata.is_deleting:
        yield "waiting for the vnode to be there again"
    missing = [f"{it.reference.resource.kind} {it.reference.name}" for it in view.dependents if is_on_its_way(it)]
    if missing:
        yield f"waiting for {', '.join(missing)} to be copied to the worker"


def _create(view: PodView, computing_pod: Copied[Pod], worker_node: Node) -> Decision:
    pod = worker_pod_for(view, computing_pod, worker_node.metadata.name)
    metadata, spec = pod["metadata"], whole(computing_pod)["spec"]
    target = Target(Side.WORKER, PODS, metadata["name"], metadata["namespace"])
    renaming = renaming_for(view, computing_pod.metadata.namespace, spec)
    regarding = of_computing_pod(computing_pod)
    told = (Emit(regarding, "Warning", it.reason, it.message) for it in shortfalls_of(spec, renaming))
    actions: tuple[Action, ...] = (Create(target, pod, OWNED_BY), *told)
    return Decision(f"starting {target.namespace}/{target.name} on {worker_node.metadata.name}", actions)
