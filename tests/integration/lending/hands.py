"""Hands on a running fleet: what a person would do with kubectl on either side, and waiting for what should come of it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from oceanctl.sandbox.sandbox import Sandbox
from reconciler import names
from reconciler.kube.client import Client
from reconciler.kube.errors import ConflictError, KubeError, NotFoundError
from reconciler.kube.resources import EVENTS, NAMESPACES, NODES, PODS, Resource

if TYPE_CHECKING:
    from tests.integration.lending.conftest import ReconcilerProcess

MOUNT = "kubeocean-worker"
DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.1
T = TypeVar("T")
Json = dict[str, Any]


async def eventually(
    probe: Callable[[], Awaitable[T | None]], what: str, deadline_seconds: float = DEADLINE_SECONDS
) -> T:
    """The first answer of `probe` that is neither None nor False; AssertionError with `what` and the last trouble when it takes too long."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + deadline_seconds
    trouble = ""
    while loop.time() < give_up_at:
        try:
            found = await probe()
        except KubeError as error:
            trouble = f" (last error: {error})"
        else:
            if found is not None and found is not False:
                return found
        await asyncio.sleep(POLL_SECONDS)
    raise AssertionError(f"not within {deadline_seconds:g} s: {what}{trouble}")


def binding(name: str, **spec: Any) -> Json:
    """A ClusterBinding for a worker of the sandbox."""
    wanted = {
        "clusterID": name,
        "secretRef": {"name": f"{name}-kubeconfig", "namespace": names.SYSTEM_NAMESPACE},
        "mountNamespace": MOUNT,
    }
    return {
        "apiVersion": names.BINDINGS.api_version,
        "kind": names.BINDINGS.kind,
        "metadata": {"name": name},
        "spec": {**wanted, **spec},
    }


def policy(name: str, cluster: str, **spec: Any) -> Json:
    """A policy that lends everything of a worker at all times, and takes it back within seconds."""
    wanted = {"cluster": cluster, "forceReclaim": True, "gracefulReclaimPeriodSeconds": 3, "drainSeconds": 2}
    return {
        "apiVersion": names.POLICIES.api_version,
        "kind": names.POLICIES.kind,
        "metadata": {"name": name},
        "spec": {**wanted, **spec},
    }


def sleeper(name: str, *, seconds: int = 3600, node: str | None = None, cpu: str = "100m", **spec: Any) -> Json:
    """A pod that sleeps; it tolerates vnodes, and sits on `node` if one is named."""
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["sleep", str(seconds)],
        "resources": {"requests": {"cpu": cpu, "memory": "16Mi"}},
    }
    base: Json = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 5,
        "tolerations": [{"key": names.TAINT_VNODE, "operator": "Exists"}],
        "containers": [container],
    }
    if node:
        base["nodeSelector"] = {names.HOSTNAME: node}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**base, **spec}}


def own_annotation(item: Json, key: str) -> str | None:
    """An annotation of an object."""
    value: str | None = item["metadata"].get("annotations", {}).get(key)
    return value


@dataclass
class Hands:
    """Both sides of a fleet."""

    sandbox: Sandbox
    process: "ReconcilerProcess"
    computing: Client
    workers: dict[str, Client]
    mount: str
    namespace: str = ""

    async def own_namespace(self, test: str) -> None:
        """A namespace for one test."""
        self.namespace = "t-" + hashlib.sha256(test.encode()).hexdigest()[:12]
        await self.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        await self.until(
            lambda: self.find(Resource("", "v1", "serviceaccounts", "ServiceAccount"), "default"),
            "default service account",
        )

    async def tidy(self) -> None:
        """Let the test's namespace go; nobody waits for it, the next test has its own."""
        await self.delete(NAMESPACES, self.namespace, "")

    async def apply(self, manifest: Json) -> Json:
        """Server-side apply of a custom resource, as its author."""
        resource = names.BINDINGS if manifest["kind"] == names.BINDINGS.kind else names.POLICIES
        return await self.computing.apply(resource, manifest["metadata"]["name"], manifest, field_manager="tests")

    async def create(self, resource: Resource, manifest: Json, namespace: str | None = None) -> Json:
        """Create an object in the computing cluster, in the test's namespace unless another is named."""
        return await self.computing.create(resource, manifest, self._place(resource, namespace))

    async def find(self, resource: Resource, name: str, namespace: str | None = None) -> Json | None:
        """An object of the computing cluster."""
        return await found(self.computing, resource, name, self._place(resource, namespace))

    async def patch(
        self, resource: Resource, name: str, patch: Json, namespace: str | None = None, *, subresource: str = ""
    ) -> Json:
        """Merge-patch an object of the computing cluster."""
        return await self.computing.patch(
            resource, name, patch, self._place(resource, namespace), subresource=subresource
        )

    async def delete(
        self, resource: Resource, name: str, namespace: str | None = None, grace_seconds: int | None = None
    ) -> None:
        """Delete an object of the computing cluster, if it is there."""
        await removed(self.computing, resource, name, self._place(resource, namespace), grace_seconds)

    async def pod(self, name: str) -> Json | None:
        """A computing pod of the test."""
        return await self.find(PODS, name)

    async def worker_pods(self, worker: str, name: str | None = None) -> list[Json]:
        """Worker pods that stand for pods of the test (or for one of them)."""
        pods = await self.workers[worker].list(PODS, self.mount)
        ours = [pod for pod in pods if own_annotation(pod, names.VIRTUAL_POD_NAMESPACE) == self.namespace]
        return [pod for pod in ours if name is None or own_annotation(pod, names.VIRTUAL_POD_NAME) == name]

    async def copies(self, worker: str, resource: Resource, name: str) -> list[Json]:
        """Copies of a ConfigMap or Secret of the test."""
        items = await self.workers[worker].list(resource, self.mount)
        return [
            item
            for item in items
            if own_annotation(item, names.VIRTUAL_NAME) == name
            and own_annotation(item, names.VIRTUAL_NAMESPACE) == self.namespace
        ]

    async def running(self, name: str) -> Json:
        """Wait until a computing pod runs."""
        return await self.in_phase(name, "Running")

    async def in_phase(self, name: str, phase: str, deadline_seconds: float = DEADLINE_SECONDS) -> Json:
        """Wait until a computing pod is in a phase."""

        async def probe() -> Json | None:
            pod = await self.pod(name)
            return pod if pod and pod.get("status", {}).get("phase") == phase else None

        return await self.until(probe, f"pod {name} {phase}", deadline_seconds)

    async def gone(self, name: str) -> None:
        """Wait until a computing pod is gone."""

        async def probe() -> bool:
            return await self.pod(name) is None

        await self.until(probe, f"pod {name} gone")

    async def vnodes(self, worker: str = "") -> list[Json]:
        """The vnodes (of one worker)."""
        label = f"{names.MANAGED_BY}={names.MANAGED_BY_VALUE}" + (
            f",{names.CLUSTER_BINDING}={worker}" if worker else ""
        )
        return await self.computing.list(NODES, label_selector=label)

    async def vnodes_ready(self, count: int, worker: str = "") -> list[Json]:
        """Wait until so many vnodes are Ready and take pods."""

        async def probe() -> list[Json] | None:
            ready = [vnode for vnode in await self.vnodes(worker) if is_open(vnode)]
            return ready if len(ready) == count else None

        return await self.until(probe, f"{count} vnodes of {worker or 'all workers'} ready and open")

    async def events(self, name: str, reason: str, namespace: str | None = None) -> list[Json]:
        """Events about an object."""
        found_events = await self.computing.list(EVENTS, self.namespace if namespace is None else namespace)
        return [
            event for event in found_events if event["involvedObject"].get("name") == name and event["reason"] == reason
        ]

    async def condition(self, resource: Resource, name: str, kind: str) -> Json | None:
        """A condition of a cluster-scoped object."""
        item = await self.find(resource, name, "")
        conditions: list[Json] = (item or {}).get("status", {}).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), None)

    async def until(
        self, probe: Callable[[], Awaitable[T | None]], what: str, deadline_seconds: float = DEADLINE_SECONDS
    ) -> T:
        """Wait for something; on failure the end of the reconciler's log is part of the message."""
        try:
            return await eventually(probe, what, deadline_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.process.program.log_tail(40)}") from error

    def _place(self, resource: Resource, namespace: str | None) -> str:
        if not resource.namespaced:
            return ""
        return self.namespace if namespace is None else namespace


async def found(client: Client, resource: Resource, name: str, namespace: str = "") -> Json | None:
    """An object, or None."""
    try:
        return await client.get(resource, name, namespace)
    except NotFoundError:
        return None


async def removed(
    client: Client, resource: Resource, name: str, namespace: str = "", grace_seconds: int | None = None
) -> None:
    """Delete an object if it is there."""
    item = await found(client, resource, name, namespace)
    if item is not None:
        try:
            await client.delete(resource, name, namespace, uid=item["metadata"]["uid"], grace_seconds=grace_seconds)
        except (NotFoundError, ConflictError):
            return


def is_open(vnode: Json) -> bool:
    """Whether a vnode is Ready and takes pods."""
    conditions = vnode.get("status", {}).get("conditions", [])
    is_ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    taints = {taint["key"] for taint in vnode["spec"].get("taints", [])}
    return is_ready and not taints - {names.TAINT_VNODE} and vnode["status"]["allocatable"].get("pods") != "0"


async def is_served(vnode: Json, addresses: Collection[str]) -> bool:
    """Whether a vnode points at one of these addresses, and somebody listens there: an earlier test may have left it pointing at a proxier to come."""
    status = vnode["status"]
    told = next((each["address"] for each in status.get("addresses", []) if each["type"] == "InternalIP"), None)
    if told not in addresses:
        return False
    try:
        _, writer = await asyncio.open_connection(told, status["daemonEndpoints"]["kubeletEndpoint"]["Port"])
    except OSError:
        return False
    writer.close()
    return True
