"""Why a pod waits, runs or has ended: the reconciler's own decision on it, and everything that went in, for whoever wrote the pod."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from oceanctl.explain.steps import Step
from oceanctl.explain.territory import NodeCase
from oceanctl.explain.wording import instant, told
from oceanctl.problems import counted
from reconciler import names
from reconciler.decision import Action, Decision, Emit, Reclaim
from reconciler.kube.projections import Copied, Pod
from reconciler.reclaim.decide import decide as reclaim
from reconciler.topdown.decide_pod import decide_pod
from reconciler.topdown.pod_conditions import SCHEDULED, by_type
from reconciler.topdown.targets import whole
from reconciler.topdown.view import Dependent, PodView

_TOLD: Final = (
    names.CONDITION_LEASE_ENDING,
    names.CONDITION_DISRUPTION,
    names.CONDITION_MIRRORED,
    names.CONDITION_NOT_MIRRORED,
)
"""Conditions that explain something, and not only that all is well."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a pod is on its way: `view` and `node` only once it is bound to a vnode.

    Attributes:
        vnodes: How many vnodes there are in which state, for a pod that has no place yet.
        is_tolerant: Whether the taint of vnodes lets it in.
        trouble: Why its worker cannot be read, if it cannot.

    """

    pod: Copied[Pod]
    vnodes: Mapping[str, int]
    is_tolerant: bool
    view: PodView | None = None
    node: NodeCase | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class PodExplanation:
    """One pod of the computing cluster; `lease` is the verdict on its vnode."""

    pod: str
    at: datetime
    phase: str
    node: str | None
    binding: str | None
    worker_pod: str | None
    because: str
    lease: Reclaim | None
    steps: Sequence[Step]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "pod": self.pod,
            "at": instant(self.at),
            "phase": self.phase,
            "node": self.node,
            "binding": self.binding,
            "workerPod": self.worker_pod,
            "because": self.because,
            "lease": _lease_document(self.lease) if self.lease else None,
            "steps": [step.document() for step in self.steps],
        }


def explain_pod(case: Placement, now: datetime) -> PodExplanation:
    """What stands in the pod's way, or has ended it, as far as both clusters show."""
    metadata, view = case.pod.metadata, case.view
    decision = decide_pod(view, now) if view else None
    lease = reclaim(case.node.view, now) if case.node else None
    return PodExplanation(
        pod=metadata.key,
        at=now,
        phase="Terminating" if metadata.is_deleting else case.pod.seen.status.phase or "Pending",
        node=case.pod.seen.spec.node_name or None,
        binding=view.binding.name if view else None,
        worker_pod=view.worker_pod.metadata.key if view and view.worker_pod else None,
        because=_because(case, decision),
        lease=lease,
        steps=tuple(_steps(case, decision, lease)),
    )


def _because(case: Placement, decision: Decision | None) -> str:
    """The one sentence that its owner needs most."""
    seen, metadata = case.pod.seen.status, case.pod.metadata
    if seen.is_terminal:
        return ": ".join(filter(None, (seen.reason, seen.message))) or f"it has finished: {seen.phase}"
    if decision is None:
        return _scheduled(case).outcome
    held = list(_waiting(case.view.worker_pod)) if case.view and case.view.worker_pod else []
    refusal = _conditions(case.pod).get(names.CONDITION_MIRRORED, {})
    if metadata.is_deleting or not (held or refusal.get("status") == "False"):
        return decision.because
    return "; ".join(held) or f"the worker refuses it: {refusal.get('message', '')}"


def _steps(case: Placement, decision: Decision | None, lease: Reclaim | None) -> Iterator[Step]:
    yield _scheduled(case)
    if case.view is None:
        if not case.pod.seen.spec.node_name:
            yield from _prospects(case)
    else:
        yield from _on_vnode(case, case.view, lease)
    yield from _said(case.pod)
    if decision is not None:
        inputs = {"actions": [_named(action) for action in decision.actions if not isinstance(action, Emit)]}
        yield Step("decision", inputs, decision.because)


def _scheduled(case: Placement) -> Step:
    node = case.pod.seen.spec.node_name
    condition = _conditions(case.pod).get(SCHEDULED, {})
    inputs = {"node": node or None, "reason": condition.get("reason"), "message": condition.get("message")}
    if node and case.view is None:
        return Step("scheduled", inputs, f"on {node}, which is no vnode of any binding: an ordinary kubelet runs it")
    if node:
        return Step("scheduled", inputs, f"on {node}")
    if not condition:
        return Step("scheduled", inputs, "the scheduler has not looked at it yet")
    return Step("scheduled", inputs, f"no node fits yet: {condition.get('reason')}: {condition.get('message', '')}")


def _prospects(case: Placement) -> Iterator[Step]:
    total = sum(case.vnodes.values())
    states = ", ".join(f"{count} {state}" for state, count in sorted(case.vnodes.items()))
    shown = f"{counted(total, 'vnode')}{f': {states}' if states else ''}"
    yield Step("vnodes", dict(case.vnodes), shown)
    refused = (
        f"it does not tolerate the taint {names.TAINT_VNODE}, which vnodes have unless their binding leaves it out"
    )
    yield Step("toleration", {"tolerates": case.is_tolerant}, "it may go to vnodes" if case.is_tolerant else refused)


def _on_vnode(case: Placement, view: PodView, lease: Reclaim | None) -> Iterator[Step]:
    answer = f"cannot be read: {case.trouble}" if case.trouble else "answers"
    yield Step("worker", {"binding": view.binding.name, "error": case.trouble or None}, answer, view.binding.name)
    if lease is not None:
        yield Step("lease", _lease_document(lease), f"{lease.state.value}: {lease.because}{_instants(lease)}")
    elif view.vnode is None:
        yield Step("lease", {"state": None}, "the vnode is not there any more")
    yield from (_dependent(each) for each in view.dependents)
    if not case.trouble:
        yield _worker_pod(view.worker_pod)


def _lease_document(lease: Reclaim) -> dict[str, Any]:
    return {
        "state": lease.state.value,
        "takesPods": lease.takes_pods,
        "closedAt": instant(lease.closed_at),
        "evictsFrom": instant(lease.evicts_from),
        "endsAt": instant(lease.ends_at),
    }


def _instants(lease: Reclaim) -> str:
    if lease.evicts_from is None or lease.ends_at is None:
        return ""
    return f"; evictions from {told(lease.evicts_from)}, deleted at {told(lease.ends_at)}"


def _dependent(found: Dependent) -> Step:
    reference = found.reference
    subject = f"{reference.resource.kind} {reference.name}"
    inputs = {
        "kind": reference.resource.kind,
        "name": reference.name,
        "optional": reference.optional,
        "exists": found.origin is not None,
        "copied": found.copy is not None,
    }
    if found.origin is None:
        outcome = "is not there, and need not be" if reference.optional else "is not there: create it"
        return Step("dependent", inputs, outcome, subject)
    return Step("dependent", inputs, "is in the worker" if found.copy else "is not in the worker yet", subject)


def _worker_pod(worker_pod: Copied[Pod] | None) -> Step:
    if worker_pod is None:
        return Step("worker-pod", {"name": None}, "there is none")
    seen, held = worker_pod.seen, list(_waiting(worker_pod))
    placed = _conditions(worker_pod).get(SCHEDULED, {})
    inputs = {
        "name": worker_pod.metadata.key,
        "uid": worker_pod.metadata.uid,
        "phase": seen.status.phase,
        "node": seen.spec.node_name or None,
        "deleting": worker_pod.metadata.is_deleting,
        "waiting": held,
    }
    where = f"on {seen.spec.node_name}" if seen.spec.node_name else f"not placed: {placed.get('message', 'not yet')}"
    leaving = ", being deleted" if worker_pod.metadata.is_deleting else ""
    outcome = f"{worker_pod.metadata.key} {seen.status.phase or 'without a phase'} {where}{leaving}"
    return Step("worker-pod", inputs, "; ".join((outcome, *held)))


def _waiting(pod: Copied[Pod] | None) -> Iterator[str]:
    """What its containers wait for, as their kubelet says it."""
    status = whole(pod).get("status", {}) if pod else {}
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(field) or ():
            waiting = (container.get("state") or {}).get("waiting")
            if waiting:
                reason = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
                yield f"container {container['name']} waits: {reason or 'for no given reason'}"


def _said(pod: Copied[Pod]) -> Iterator[Step]:
    """What the pod itself says of its end."""
    status, conditions = pod.seen.status, _conditions(pod)
    if status.reason or status.message:
        outcome = ": ".join(filter(None, (status.reason, status.message)))
        yield Step("status", {"phase": status.phase, "reason": status.reason, "message": status.message}, outcome)
    for kind in _TOLD:
        condition = conditions.get(kind)
        if condition is not None:
            inputs = {key: condition.get(key) for key in ("type", "status", "reason", "message", "lastTransitionTime")}
            said = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            yield Step("condition", inputs, f"{condition.get('status')}: {said}", kind)


def _conditions(pod: Copied[Pod]) -> dict[str, Any]:
    return dict(by_type(whole(pod).get("status", {}).get("conditions")))


def _named(action: Action) -> str:
    """`Create pods kubeocean-worker/web in the worker cluster`."""
    if isinstance(action, Emit):
        return f"Event {action.reason}"
    target = action.target
    place = f"{target.namespace}/{target.name}" if target.namespace else target.name
    return f"{type(action).__name__} {target.resource.plural} {place} in the {target.side.value} cluster"
