"""Our own last word on a computing pod: Failed, for a reason that no kubelet will ever report."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler import names
from reconciler.decision import Decision, Emit, Manifest, Patch, Side
from reconciler.kube.projections import Copied, Pod
from reconciler.topdown.pod_conditions import CONTAINERS_READY, READY, by_type, condition_for
from reconciler.topdown.targets import as_seen, of_computing_pod, whole
from reconciler.topdown.view import Disruption

KILLED = 137  # the exit code that kubelets give a container of which nobody knows how it ended (128 + SIGKILL)
_DISRUPTIONS = {
    "PreemptionByScheduler": names.REASON_PREEMPTED,
    "PreemptionByKubeScheduler": names.REASON_PREEMPTED,  # its name in 1.25
    "EvictionByEvictionAPI": names.REASON_EVICTED,
    "DeletionByTaintManager": names.REASON_EVICTED,
}
CONTAINER_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a pod is Failed; `reason` is one of `names.VERDICTS`, or how the worker ended it."""

    reason: str
    message: str

    @property
    def is_disruption(self) -> bool:
        """Whether it was done to the pod: all but the end of a pod that its user deleted (Jobs do not count disruptions against it)."""
        return self.reason != names.REASON_DELETED


def failed(pod: Copied[Pod], verdict: Verdict, now: datetime) -> Decision:
    """Mark a computing pod Failed, and tell its user once."""
    told = Emit(of_computing_pod(pod), "Warning", verdict.reason, verdict.message)
    return Decision(f"{verdict.reason}: {verdict.message}", (failure_of(pod, verdict, now), told))


def failure_of(pod: Copied[Pod], verdict: Verdict, now: datetime) -> Patch:
    """The write that makes a computing pod Failed."""
    return Patch(as_seen(pod, Side.COMPUTING), {"status": failed_status_for(whole(pod), verdict, now)}, "status")


def ended_there(status: Manifest, worker_pod: str, told: Disruption | None, now: datetime) -> Manifest:
    """What the status of a pod that was deleted in the worker lacks: a reason (a kubelet's own goes first) and that it was a disruption."""
    verdict = ending_there(status.get("conditions"), worker_pod, told)
    conditions = list(_disrupted(by_type(status.get("conditions")), verdict, now).values())
    return {
        "reason": status.get("reason") or verdict.reason,
        "message": status.get("message") or verdict.message,
        "conditions": conditions,
    }


def ending_there(conditions: Iterable[Manifest] | None, worker_pod: str, told: Disruption | None) -> Verdict:
    """Why a pod was deleted in the worker, as far as its conditions tell, or else its Events (servers before 1.26 set no condition)."""
    condition = by_type(conditions).get(names.CONDITION_DISRUPTION, {})
    if condition.get("status") == "True" and (reason := _DISRUPTIONS.get(condition.get("reason", ""))):
        told = Disruption(reason, condition.get("message", ""))
    if told is None:
        return Verdict(names.REASON_POD_LOST, f"{worker_pod} was deleted in the worker")
    detail = f": {told.message}" if told.message else ""
    return Verdict(told.reason, f"{worker_pod} was {told.reason.lower()} in the worker{detail}")


def failed_status_for(computing_pod: Manifest, verdict: Verdict, now: datetime) -> Manifest:
    """The changed fields of the status of a pod that failed by our verdict: no container of it runs or is ready any more."""
    status = computing_pod.get("status", {})
    stopped = {field: [_stopped(it, verdict) for it in status[field]] for field in CONTAINER_LISTS if status.get(field)}
    return {
        "phase": "Failed",
        "reason": verdict.reason,
        "message": verdict.message,
        "conditions": _conditions(status.get("conditions"), verdict, now),
        **stopped,
    }


def _conditions(seen: Iterable[Manifest] | None, verdict: Verdict, now: datetime) -> list[Manifest]:
    own = by_type(seen)
    for kind in (READY, CONTAINERS_READY):
        own[kind] = condition_for(kind, "False", "PodFailed", "", own.get(kind), now)
    return list((_disrupted(own, verdict, now) if verdict.is_disruption else own).values())


def _disrupted(own: dict[str, Manifest], verdict: Verdict, now: datetime) -> dict[str, Manifest]:
    kind = names.CONDITION_DISRUPTION
    was = own.get(kind)
    if was is not None and was.get("status") == "True":
        return own
    return {**own, kind: condition_for(kind, "True", verdict.reason, verdict.message, was, now)}


def _stopped(container: Manifest, verdict: Verdict) -> Manifest:
    state = container.get("state", {})
    if "terminated" in state:
        return {**container, "ready": False}
    ended: dict[str, Any] = {"exitCode": KILLED, "reason": verdict.reason, "message": verdict.message}
    if since := state.get("running", {}).get("startedAt"):
        ended["startedAt"] = since
    if container.get("containerID"):
        ended["containerID"] = container["containerID"]
    started = {"started": False} if "started" in container else {}
    return {**container, **started, "ready": False, "state": {"terminated": ended}}
