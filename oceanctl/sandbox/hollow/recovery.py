"""The runs of pods that a kubelet finds when it starts: new ones, and those that an earlier kubelet reported on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from oceanctl.sandbox.hollow.lifecycle import ContainerRun, PodRun, Running, State, Terminated, Waiting
from oceanctl.sandbox.hollow.podspec import Container, ContainerState, ContainerStatus, Pod, PodSpec
from oceanctl.sandbox.hollow.script import Script, ephemeral_script_for

_DEFAULT_GRACE = 30


def run_for(pod: Pod, scripts: Mapping[str, Script], now: datetime, backoff: timedelta) -> PodRun:
    """The pod's containers as its status tells, all of them waiting when it tells nothing.

    The status knows whole seconds only: a container that was taken over may end up to a second early.
    """
    started_at = pod.status.start_time or now
    reported = _reported(pod)
    spec = pod.spec
    limit = spec.active_deadline_seconds
    init = [_container(c.name, scripts, _init_policy(spec, c)) for c in spec.init_containers]
    main = [_container(c.name, scripts, spec.restart_policy) for c in spec.containers]
    return PodRun(
        started_at=started_at,
        init=tuple(_recovered(container, reported.get(container.name)) for container in init),
        main=tuple(_recovered(container, reported.get(container.name)) for container in main),
        ephemeral=tuple(_recovered(it, reported.get(it.name)) for it in _ephemeral(pod, ())),
        address=pod.status.pod_ip or None,
        backoff=backoff,
        grace=timedelta(seconds=spec.termination_grace_period_seconds or _DEFAULT_GRACE),
        deadline=started_at + timedelta(seconds=limit) if limit is not None else None,
    )


def grown(run: PodRun, pod: Pod) -> PodRun:
    """The run with the ephemeral containers that were added to the pod since."""
    return replace(run, ephemeral=_ephemeral(pod, run.ephemeral))


def _ephemeral(pod: Pod, known: Sequence[ContainerRun]) -> tuple[ContainerRun, ...]:
    """One per ephemeral container of the pod, in its order; none is ever started again."""
    there = {container.name: container for container in known}
    return tuple(
        there.get(spec.name) or ContainerRun(spec.name, ephemeral_script_for(spec), "Never")
        for spec in pod.spec.ephemeral_containers
    )


def _reported(pod: Pod) -> Mapping[str, ContainerStatus]:
    status = pod.status
    every = (*status.init_container_statuses, *status.container_statuses, *status.ephemeral_container_statuses)
    return {each.name: each for each in every}


def _container(name: str, scripts: Mapping[str, Script], policy: str) -> ContainerRun:
    return ContainerRun(name, scripts[name], policy)


def _init_policy(spec: PodSpec, container: Container) -> str:
    """Sidecars run on; the others are repeated until they succeed, unless the pod may not restart anything."""
    if container.restart_policy == "Always":
        return "Always"
    return "Never" if spec.restart_policy == "Never" else "OnFailure"


def _recovered(container: ContainerRun, status: ContainerStatus | None) -> ContainerRun:
    if status is None:
        return container
    last = _terminated(status.last_state)
    return replace(container, state=_state(status.state), last=last, restarts=status.restart_count)


def _state(state: ContainerState) -> State:
    if state.running is not None and state.running.started_at is not None:
        return Running(state.running.started_at)
    return _terminated(state) or Waiting()


def _terminated(state: ContainerState) -> Terminated | None:
    ended = state.terminated
    if ended is None or ended.finished_at is None:
        return None
    return Terminated(ended.exit_code, ended.started_at, ended.finished_at)
