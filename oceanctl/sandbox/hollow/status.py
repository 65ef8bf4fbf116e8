"""A pod's status as a kubelet reports it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from oceanctl.sandbox.hollow.lifecycle import (
    POD_INITIALIZING,
    ContainerRun,
    PodRun,
    Running,
    Terminated,
    Waiting,
)
from oceanctl.sandbox.hollow.podspec import Container, Pod

HOST_ADDRESS: Final = "127.0.0.1"


Transitions = Mapping[str, tuple[str, str]]
"""By type of condition: its status, and since when."""


def status_for(pod: Pod, run: PodRun, before: Transitions, now: datetime) -> dict[str, Any]:
    """The status of a pod whose containers are as in `run`; a condition that did not change keeps the time from `before`."""
    phase = phase_of(run)
    status: dict[str, Any] = {
        "phase": phase,
        "hostIP": HOST_ADDRESS,
        "startTime": timestamp(run.started_at),
        "conditions": [
            _condition(kind, content, before, now) for kind, content in _conditions(pod, run, phase).items()
        ],
        "containerStatuses": _container_statuses(pod, run, pod.spec.containers, run.main),
    }
    if run.address:
        status |= {"podIP": run.address, "podIPs": [{"ip": run.address}]}
    if run.init:
        status["initContainerStatuses"] = _container_statuses(pod, run, pod.spec.init_containers, run.init)
    if run.ephemeral:
        statuses = _container_statuses(pod, run, pod.spec.ephemeral_containers, run.ephemeral)
        status["ephemeralContainerStatuses"] = [_never_ready(each) for each in statuses]
    if run.stop is not None and run.stop.reason:
        status |= {"reason": run.stop.reason, "message": run.stop.message}
    return status


def rejected_status(reason: str, message: str, now: datetime) -> dict[str, Any]:
    """The status of a pod that the node does not admit."""
    return {"phase": "Failed", "reason": reason, "message": message, "startTime": timestamp(now)}


def phase_of(run: PodRun) -> str:
    """The phase by the rules of kubelets: what has ended for good, what still has to start, else Running."""
    if run.is_over:
        was_cut_short = run.stop is not None and run.stop.reason
        return "Succeeded" if not was_cut_short and all(main.has_succeeded for main in run.main) else "Failed"
    if not run.is_initialized or any(isinstance(main.state, Waiting) and main.last is None for main in run.main):
        return "Pending"
    return "Running"


def timestamp(instant: datetime) -> str:
    """As Kubernetes writes instants: whole seconds of UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def transitions_of(status: Mapping[str, Any]) -> Transitions:
    """What `status_for` needs to know of the status that was reported before."""
    return {c["type"]: (c["status"], c["lastTransitionTime"]) for c in status.get("conditions", ())}


def _conditions(pod: Pod, run: PodRun, phase: str) -> dict[str, tuple[str, str, str]]:
    """Status, reason and message by type."""
    unready = [main.name for main in run.main if not isinstance(main.state, Running)]
    gates = {condition.type: condition.status for condition in pod.status.conditions}
    closed_gates = [g.condition_type for g in pod.spec.readiness_gates if gates.get(g.condition_type) != "True"]
    containers_ready = ready = _readiness(phase, unready)
    if not unready and closed_gates:
        ready = ("False", "ReadinessGatesNotReady", f"readiness gates not ready: [{' '.join(closed_gates)}]")
    return {
        "Initialized": _initialized(run),
        "Ready": ready,
        "ContainersReady": containers_ready,
        "PodScheduled": ("True", "", ""),
    }


def _readiness(phase: str, unready: Sequence[str]) -> tuple[str, str, str]:
    if phase == "Succeeded":
        return "False", "PodCompleted", ""
    if phase == "Failed":
        return "False", "PodFailed", ""
    if unready:
        return "False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return "True", "", ""


def _initialized(run: PodRun) -> tuple[str, str, str]:
    if run.is_initialized:
        return "True", "", ""
    names = [init.name for init in run.init if not init.has_succeeded]
    return "False", "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(names)}]"


def _condition(kind: str, content: tuple[str, str, str], before: Transitions, now: datetime) -> dict[str, Any]:
    status, reason, message = content
    was, since = before.get(kind, ("", ""))
    return {
        "type": kind,
        "status": status,
        "reason": reason or None,
        "message": message or None,
        "lastProbeTime": None,
        "lastTransitionTime": since if was == status else timestamp(now),
    }


def _container_statuses(
    pod: Pod, run: PodRun, specs: Sequence[Container], runs: Sequence[ContainerRun]
) -> list[dict[str, Any]]:
    return [_container_status(pod, run, spec, container) for spec, container in zip(specs, runs, strict=True)]


def _container_status(pod: Pod, run: PodRun, spec: Container, container: ContainerRun) -> dict[str, Any]:
    is_running = isinstance(container.state, Running)
    latest = _container_id(pod, container, container.starts)
    last = _container_id(pod, container, container.endings - isinstance(container.state, Terminated))
    return {
        "name": container.name,
        "image": spec.image,
        "imageID": "hollow://" + _digest(spec.image) if container.starts else "",
        "containerID": latest,
        "ready": is_running or (container in run.init and container.has_succeeded),
        "started": is_running,
        "restartCount": container.restarts,
        "state": _state(run, container, latest),
        "lastState": _terminated(container.last, last) if container.last else {},
    }


def _never_ready(status: dict[str, Any]) -> dict[str, Any]:
    """Nobody probes ephemeral containers."""
    return {**{field: value for field, value in status.items() if field != "started"}, "ready": False}


def _state(run: PodRun, container: ContainerRun, identity: str) -> dict[str, Any]:
    match container.state:
        case Running(since=since):
            return {"running": {"startedAt": timestamp(since)}}
        case Terminated() as ended:
            return _terminated(ended, identity)
        case Waiting(reason=reason, message=message) as waiting:
            comes_later = waiting == Waiting() and container in run.main and not run.is_initialized
            return {"waiting": {"reason": POD_INITIALIZING if comes_later else reason, "message": message or None}}


def _terminated(ended: Terminated, identity: str) -> dict[str, Any]:
    started = {"startedAt": timestamp(ended.started_at)} if ended.started_at else {}
    content = {"exitCode": ended.exit_code, "reason": ended.reason, "finishedAt": timestamp(ended.finished_at)}
    return {"terminated": {**content, **started, "containerID": identity}}


def _container_id(pod: Pod, container: ContainerRun, start: int) -> str:
    """Another one for every start of every container; none before the first."""
    return "hollow://" + _digest(f"{pod.metadata.uid}/{container.name}/{start}") if start else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
