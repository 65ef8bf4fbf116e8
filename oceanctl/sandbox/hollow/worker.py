"""One pod on a hollow node, from its binding to its end: `advance` decides, this writes down what became of it."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from oceanctl.sandbox.hollow.addresses import Addresses
from oceanctl.sandbox.hollow.admission import Refusal
from oceanctl.sandbox.hollow.lifecycle import PodRun, Running, Stop, advance, may_start, next_change
from oceanctl.sandbox.hollow.logs import PodLogs
from oceanctl.sandbox.hollow.podspec import Container, Pod
from oceanctl.sandbox.hollow.reader import PodReader
from oceanctl.sandbox.hollow.recovery import grown
from oceanctl.sandbox.hollow.status import (
    HOST_ADDRESS,
    Transitions,
    rejected_status,
    status_for,
    timestamp,
    transitions_of,
)
from reconciler.clock import Clock
from reconciler.kube.backoff import Backoff
from reconciler.kube.client import Client
from reconciler.kube.errors import ConflictError, KubeError, NotFoundError
from reconciler.kube.resources import PODS

log = logging.getLogger(__name__)

STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"  # merges conditions by type: others' survive
_DEFAULT_GRACE_SECONDS = 30
_RETRY = Backoff(base_seconds=0.2, cap_seconds=2.0)  # a test waits for every one of them


@dataclass(frozen=True, slots=True)
class Node:
    """What the pods of one node share."""

    name: str
    client: Client
    clock: Clock
    addresses: Addresses
    logs: Path


class PodWorker:
    """Carries one pod; `update` hands it what the watch saw, `run` returns when the pod is gone.

    `life` is the pod's containers, a Refusal, or None when the pod had reached its end before: then only its deletion is left to do.
    """

    def __init__(self, node: Node, pod: Pod, life: PodRun | Refusal | None) -> None:
        self.pod = pod
        self.logs = PodLogs(node.logs / pod.metadata.uid)
        self._node = node
        self._life = life
        self._posted: dict[str, Any] = {}
        self._transitions: Transitions = {
            c.type: (c.status, _text(c.last_transition_time)) for c in pod.status.conditions
        }
        self._attempts = 0
        self._is_gone = False
        self._changed = asyncio.Event()
        self._address = life.address if isinstance(life, PodRun) else None
        if self._address is not None:
            node.addresses.keep(self._address)

    def update(self, pod: Pod) -> None:
        """The pod as the watch shows it now."""
        self.pod = pod
        self._changed.set()

    def remove(self) -> None:
        """The pod is gone from the API."""
        self._is_gone = True
        self._changed.set()

    @property
    def is_alive(self) -> bool:
        """Whether the pod takes any of the node's resources."""
        return isinstance(self._life, PodRun)

    def is_running(self, container: str) -> bool:
        """Whether the container's log may still grow."""
        return isinstance(self._life, PodRun) and any(
            c.name == container and isinstance(c.state, Running) for c in self._life.containers
        )

    def running(self) -> dict[str, datetime]:
        """The containers that run, and since when."""
        containers = self._life.containers if isinstance(self._life, PodRun) else ()
        return {each.name: each.state.since for each in containers if isinstance(each.state, Running)}

    async def run(self) -> None:
        """Carry the pod until it is gone from the API, then forget its logs and its address."""
        while not self._is_gone:
            self._changed.clear()
            await self._try()
            await self._rest()
        self.logs.remove()
        if self._address is not None:
            self._node.addresses.give_back(self._address)

    async def _try(self) -> None:
        try:
            await self._pass(self._node.clock.now())
        except KubeError as error:
            self._attempts += 1
            log.warning("pod not carried on", extra={"pod": self.pod.metadata.key, "error": str(error)})
        else:
            is_blocked = isinstance(self._life, PodRun) and self._life.is_blocked
            self._attempts = self._attempts + 1 if is_blocked else 0

    async def _pass(self, now: datetime) -> None:
        match self._life:
            case PodRun() as run:
                await self._carry(run, now)
            case Refusal(reason=reason, message=message):
                await self._post(rejected_status(reason, message, now))
                self._life = None
            case None:
                pass
        if self._life is None and self.pod.metadata.is_deleting:
            await self._delete()

    async def _carry(self, run: PodRun, now: datetime) -> None:
        pod = self.pod  # may be another one after any wait
        run = replace(grown(run, pod), stop=self._stop(run, now))
        reader = PodReader(self._node.client, pod)
        if may_start(run, now):
            run = await self._prepared(run, reader)
        self._life = advance(run, now)
        await self._write_logs(run, self._life, reader)
        await self._post(status_for(pod, self._life, self._transitions, now))
        if self._life.is_over:
            self._life = None

    def _stop(self, run: PodRun, now: datetime) -> Stop | None:
        """The order that the pod's deletion gives. Its grace period may still be shortened; patience counts from when it was first seen."""
        metadata = self.pod.metadata
        if not metadata.is_deleting:
            return run.stop
        grace = metadata.deletion_grace_period_seconds
        patience = timedelta(seconds=_DEFAULT_GRACE_SECONDS if grace is None else grace)
        before = run.stop or Stop(now, now)
        return replace(before, kill_at=before.ordered_at + patience)

    async def _prepared(self, run: PodRun, reader: PodReader) -> PodRun:
        """With an address once the volumes are mounted, and with what each container still waits for."""
        containers = reader.pod.spec.every_container
        if (unmounted := await reader.volumes()) is not None:
            return replace(run, blocked={container.name: unmounted for container in containers})
        if self._address is None and not self.pod.spec.host_network:
            self._address = self._node.addresses.take()
        waiting = {container.name: await reader.environment(container) for container in containers}
        blocked = {name: reason for name, reason in waiting.items() if reason is not None}
        return replace(run, address=self._address or HOST_ADDRESS, blocked=blocked)

    async def _write_logs(self, before: PodRun, after: PodRun, reader: PodReader) -> None:
        specs = reader.pod.spec.every_container
        for spec, was, is_now in zip(specs, before.containers, after.containers, strict=True):
            for start in range(was.starts + 1, is_now.starts + 1):
                self._append(spec.name, start, _opening(spec), *await reader.digests(spec))
            for end in range(was.endings + 1, is_now.endings + 1):
                self._append(spec.name, end, f"ended with exit code {is_now.exit_code}")

    def _append(self, container: str, start: int, *lines: str) -> None:
        self.logs.append(container, start, lines, self._node.clock.now())

    async def _post(self, status: dict[str, Any]) -> None:
        if status == self._posted and not self._is_overwritten():
            return
        metadata = self.pod.metadata
        path = PODS.path(metadata.name, metadata.namespace, "status")
        body = {"metadata": {"uid": metadata.uid}, "status": status}  # another pod of this name is a conflict
        await self._node.client.request("PATCH", path, body=body, content_type=STRATEGIC_PATCH)
        self._posted = status
        self._transitions = transitions_of(status)
        log.info("pod reported", extra={"pod": metadata.key, "phase": status["phase"]})

    def _is_overwritten(self) -> bool:
        """Whether the pod shows other conditions than were posted: the node controller marks pods of silent nodes not Ready, and kubelets mend that."""
        seen = {condition.type: condition.status for condition in self.pod.status.conditions}
        return any(seen.get(kind, status) != status for kind, (status, _) in self._transitions.items())

    async def _delete(self) -> None:
        """The last word of a kubelet: nothing runs any more, the object may go. Finalizers may still hold it."""
        metadata = self.pod.metadata
        with suppress(NotFoundError, ConflictError):
            await self._node.client.delete(PODS, metadata.name, metadata.namespace, uid=metadata.uid, grace_seconds=0)

    async def _rest(self) -> None:
        """Until the pod changes, until time changes something, or until it is worth another try."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._rest_seconds()):
                await self._changed.wait()

    def _rest_seconds(self) -> float | None:
        delays = [_RETRY.delay_seconds(self._attempts)] if self._attempts else []
        if isinstance(self._life, PodRun) and (change := next_change(self._life)) is not None:
            delays.append(max(0.0, (change - self._node.clock.now()).total_seconds()))
        return min(delays, default=None)


def _opening(spec: Container) -> str:
    return f"started {spec.name} of {spec.image}: {' '.join((*spec.command, *spec.args)) or '(the image decides)'}"


def _text(instant: datetime | None) -> str:
    return timestamp(instant) if instant is not None else ""
