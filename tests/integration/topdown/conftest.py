"""One real API server in both roles, and decisions carried out on it until nothing is left to do."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.programs import Programs
from reconciler import names
from reconciler.clock import SystemClock
from reconciler.decision import Decision, Patch, Side, Target
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import AlreadyExistsError, NotFoundError, RejectedError
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.projections import Copied, Pod
from reconciler.kube.resources import NAMESPACES, PODS, PRIORITY_CLASSES, Resource
from reconciler.marks import BindingState, Identity
from reconciler.perform import Performer
from reconciler.topdown.decide_pod import decide_pod, refused_pod
from reconciler.topdown.ephemeral import EPHEMERAL_CONTAINERS
from reconciler.topdown.references import references_of
from reconciler.topdown.view import Dependent, EphemeralApi, PodView
from tests.mirroring import BINDING, OPEN_VNODE, WORKER_NODE, Json
from tests.recording import new_recorder

MOST_PASSES = 5


@dataclass(slots=True)
class World:
    """One API server in both roles: a namespace of the computing cluster and a mount namespace."""

    client: Client
    namespace: str
    identity: Identity
    programs: Programs

    async def read(self, resource: Resource, name: str, namespace: str) -> Json | None:
        try:
            return await self.client.get(resource, name, namespace)
        except NotFoundError:
            return None

    async def view(self, name: str, **more: Any) -> PodView:
        computing = await self.read(PODS, name, self.namespace)
        worker = await self.read(PODS, names.mirrored_name(self.namespace, name), self.identity.mount_namespace)
        kind = await self.client.kind_of(PODS, EPHEMERAL_CONTAINERS)
        api = next((it for it in EphemeralApi if it.value == kind), None)
        fields: Json = {
            "ephemeral_api": api,
            "vnode": OPEN_VNODE,
            "worker_node": WORKER_NODE,
            "binding": BINDING,
            **more,
        }
        return PodView(
            state=BindingState(self.identity),
            key=f"{self.namespace}/{name}",
            computing_pod=_copied(computing),
            worker_pod=_copied(worker),
            computing_pod_is_gone=computing is None,
            worker_pod_is_gone=worker is None,
            dependents=_dependents(computing, self.namespace),
            **fields,
        )

    async def perform(self, decision: Decision) -> None:
        recorder = new_recorder()
        clients = {Side.COMPUTING: self.client, Side.WORKER: self.client}
        performer = Performer(clients, SystemClock(), lambda _line: None, recorder.record)
        for action in decision.actions:
            await performer.perform(action, decision.because)
        await recorder.flush()

    async def settle(self, name: str, later: timedelta = timedelta(), **more: Any) -> PodView:
        """Pass after pass until nothing is left to do."""
        for _ in range(MOST_PASSES):
            view = await self.view(name, **more)
            decision = decide_pod(view, SystemClock().now() + later)
            if not decision.actions:
                return view
            try:
                await self.perform(decision)
            except RejectedError as error:
                await self.perform(refused_pod(view, str(error), SystemClock().now()))
        raise AssertionError(f"still busy after {MOST_PASSES} passes")

    async def create(self, spec: Mapping[str, Any]) -> str:
        name = f"web.{uuid.uuid4().hex[:8]}"
        metadata = {"name": name, "namespace": self.namespace, "labels": {"app": "web"}}
        await self.client.create(
            PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": dict(spec)}, self.namespace
        )
        return name

    async def patch(self, pod: Copied[Pod] | None, patch: Json, subresource: str = "") -> None:
        assert pod is not None
        target = Target(Side.WORKER, PODS, pod.metadata.name, pod.metadata.namespace)
        await self.perform(Decision("the test", (Patch(target, patch, subresource),)))


def _copied(pod: Json | None) -> Copied[Pod] | None:
    if pod is None:
        return None
    raw = msgspec.json.encode(pod)
    return Copied(msgspec.json.decode(raw, type=Pod), raw)


def _dependents(pod: Json | None, namespace: str) -> tuple[Dependent, ...]:
    references = references_of(msgspec.json.encode(pod)) if pod else ()
    return tuple(Dependent(it, None, None, names.mirrored_name(namespace, it.name)) for it in references)


def status_of(pod: Copied[Pod] | None) -> Json:
    assert pod is not None
    return dict(msgspec.json.decode(pod.raw)["status"])


@pytest.fixture
async def world(bare_cluster: ControlPlane) -> AsyncIterator[World]:
    namespace, mount = (f"{role}-{uuid.uuid4().hex[:8]}" for role in ("shop", "mount"))
    async with await connect(await from_file(bare_cluster.kubeconfig)) as client:
        for name in (namespace, mount):
            await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        rank = {"apiVersion": PRIORITY_CLASSES.api_version, "kind": "PriorityClass", "value": names.DEFAULT_PRIORITY}
        with suppress(AlreadyExistsError):  # the cluster is shared
            await client.create(PRIORITY_CLASSES, {**rank, "metadata": {"name": names.DEFAULT_PRIORITY_CLASS}})
        yield World(
            client, namespace, Identity("computing-uid", "tokyo", "binding-uid", "c1", mount), bare_cluster.programs
        )
