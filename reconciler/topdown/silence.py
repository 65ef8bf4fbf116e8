"""A worker that does not answer: its pods are not Ready, and nothing else is said of them (design 5.5)."""

from datetime import datetime, timedelta

from reconciler import names
from reconciler.decision import Decision, Patch, Side
from reconciler.kube.projections import Copied, Pod
from reconciler.topdown.pod_conditions import READY, by_type, condition_for
from reconciler.topdown.targets import as_seen, whole

PATIENCE = timedelta(seconds=40)  # the node controller's own default for a silent kubelet


def cut_off(computing_pod: Copied[Pod], since: datetime, now: datetime) -> Decision:
    """The worker has not answered since `since`."""
    due = since + PATIENCE
    if now < due:
        return Decision("waiting for the worker to answer", wake_at=due)
    if not _claims_ready(computing_pod):
        return Decision("the worker does not answer; the pod is not shown as ready")
    own = by_type(whole(computing_pod)["status"]["conditions"])
    message = "the worker cluster does not answer"
    own[READY] = condition_for(READY, "False", names.REASON_UNREACHABLE, message, own[READY], now)
    patch = {"status": {"conditions": list(own.values())}}
    return Decision("the worker does not answer", (Patch(as_seen(computing_pod, Side.COMPUTING), patch, "status"),))


def _claims_ready(computing_pod: Copied[Pod]) -> bool:
    """Ready, or not Ready without a reason: that is how the node controller leaves it, and users deserve one."""
    ready = next((it for it in computing_pod.seen.status.conditions if it.type == READY), None)
    if ready is None or computing_pod.seen.status.is_terminal:
        return False
    return ready.status != "False" or not ready.reason
