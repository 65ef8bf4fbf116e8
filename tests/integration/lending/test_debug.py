"""`kubectl debug` on vnodes, with the whole system between it and the worker's nodes."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from oceanctl.sandbox.components import API_SERVER
from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.proxiers import SandboxProxier
from oceanctl.sandbox.sandbox import Sandbox
from reconciler import names
from reconciler.kube.calls import MERGE_PATCH
from reconciler.kube.errors import RejectedError
from reconciler.kube.resources import NODES, PODS, SECRETS
from tests.integration.audit import AuditLog
from tests.integration.debugging import ephemeral_patch
from tests.integration.kubectl import Kubectl
from tests.integration.lending.hands import Hands, Json, is_served, sleeper
from tests.integration.lending.test_dependents import secret
from tests.integration.lending.test_quiet import audit_file, our_writes, settled
from tests.integration.terminal import terminal
from tests.integration.webhook import denying

VNODE = "vnode-worker-1-worker-1-node-1"
OLD_VNODE = "vnode-worker-2-worker-2-node-1"


@pytest.fixture(scope="module")
def proxier(sandbox: Sandbox) -> Iterator[SandboxProxier]:
    replica = SandboxProxier(sandbox, "worker-1")
    replica.start()
    yield replica
    replica.stop()


@pytest.fixture
def kubectl(sandbox: Sandbox, debug_kubectl: Path) -> Kubectl:
    return Kubectl(debug_kubectl, sandbox.kubeconfig("computing"))


@pytest.fixture
async def target(fleet: Hands) -> str:
    await fleet.create(PODS, sleeper("target", node=VNODE))
    await fleet.running("target")
    return "target"


async def debug(fleet: Hands, name: str, *containers: Json) -> None:
    pod = await fleet.pod(name)
    assert pod is not None
    patch = ephemeral_patch(fleet.sandbox.cluster("computing").programs, pod, *containers)
    await fleet.patch(PODS, name, patch, subresource="ephemeralcontainers")


async def state_of(fleet: Hands, pod: str, container: str) -> Json:
    """How a pod shows one of its ephemeral containers."""
    statuses = (await fleet.pod(pod) or {}).get("status", {}).get("ephemeralContainerStatuses", [])
    return next((dict(it["state"]) for it in statuses if it["name"] == container), {})


async def starts(fleet: Hands, pod: str, container: str) -> None:
    async def probe() -> bool:
        return "running" in await state_of(fleet, pod, container)

    await fleet.until(probe, f"{container} to run in {pod}")


async def there(fleet: Hands, pod: str, worker: str = "worker-1") -> list[Json]:
    """The ephemeral containers of a worker pod."""
    (found,) = await fleet.worker_pods(worker, pod)
    return list(found["spec"].get("ephemeralContainers", []))


async def condition(fleet: Hands, pod: str) -> Json | None:
    found = (await fleet.pod(pod) or {}).get("status", {}).get("conditions", [])
    return next((it for it in found if it["type"] == names.CONDITION_EPHEMERAL), None)


async def test_a_person_debugs_a_pod_on_a_terminal(
    fleet: Hands, target: str, proxier: SandboxProxier, kubectl: Kubectl
) -> None:
    async def served() -> bool:
        vnode = await fleet.find(NODES, VNODE)
        return vnode is not None and await is_served(vnode, {proxier.address})

    await fleet.until(served, "the vnode to be served by its proxier")
    head = [str(kubectl.program), f"--kubeconfig={kubectl.kubeconfig}", "-n", fleet.namespace]
    arguments = ["debug", "-it", target, "--image=busybox", "--container=d", "--target=main"]

    def converse() -> None:
        with terminal([*head, *arguments], rows=24, columns=80) as screen:
            screen.until(b"command prompt")
            screen.type(b"hello\r")
            screen.until(b"hello")
            screen.type(b"\x04")
            assert screen.exit_code() == 0

    await asyncio.to_thread(converse)
    await starts(fleet, target, "d")
    of_debug = ("-n", fleet.namespace, target, "-c", "d")
    assert "started d" in await asyncio.to_thread(kubectl.run, "logs", *of_debug)
    assert await asyncio.to_thread(kubectl.run, "exec", *of_debug, "--", "echo", "here") == "here\n"
    (made,) = await there(fleet, target)
    assert made["targetContainerName"] == "main"


async def test_a_debugged_pod_is_not_written_to_again(fleet: Hands, target: str) -> None:
    await debug(fleet, target, {"name": "d", "image": "busybox", "stdin": True})
    await starts(fleet, target, "d")
    logs = [AuditLog(audit_file(fleet, cluster)) for cluster in ("computing", "worker-1")]
    await settled(logs)  # a whole resync without a write
    assert [write for log in logs for write in our_writes(log)] == []


async def test_what_it_names_is_copied_first(fleet: Hands, target: str) -> None:
    await fleet.create(SECRETS, secret("for-debug", pw="x"))
    variables = [{"secretRef": {"name": "for-debug"}}]
    await debug(fleet, target, {"name": "d", "image": "busybox", "stdin": True, "envFrom": variables})

    async def is_there() -> list[Json] | None:
        return await there(fleet, target) or None

    (made,) = await fleet.until(is_there, "the ephemeral container in the worker")
    copy = made["envFrom"][0]["secretRef"]["name"]
    assert copy == names.mirrored_name(fleet.namespace, "for-debug")
    assert [it["metadata"]["name"] for it in await fleet.copies("worker-1", SECRETS, "for-debug")] == [copy]


async def test_one_that_the_worker_refuses_is_told_of_and_the_next_one_runs(fleet: Hands, target: str) -> None:
    worker = fleet.sandbox.cluster("worker-1")
    with denying(worker, "pods/ephemeralcontainers", "privileged"):
        await fleet.until(lambda: is_refused(fleet, target, "privileged"), "the webhook to be in force")
        await debug(fleet, target, {"name": "privileged", "image": "busybox", "stdin": True})
        told = await fleet.until(lambda: condition(fleet, target), "the refusal on the pod")
        assert (told["status"], told["reason"]) == ("False", names.EVENT_EPHEMERAL_REFUSED)
        assert "privileged is against the rules" in told["message"]
        await debug(fleet, target, {"name": "plain", "image": "busybox", "stdin": True})
        await starts(fleet, target, "plain")
        log = AuditLog(audit_file(fleet, "worker-1"))
        await settled([log])
    assert len(await fleet.events(target, names.EVENT_EPHEMERAL_REFUSED)) == 1
    assert [it["name"] for it in await there(fleet, target)] == ["plain"]


async def is_refused(fleet: Hands, pod: str, name: str) -> bool:
    """Whether the worker's owner himself would be refused such a container; nothing comes of the question."""
    (found,) = await fleet.worker_pods("worker-1", pod)
    patch = ephemeral_patch(fleet.sandbox.cluster("worker-1").programs, found, {"name": name, "image": "busybox"})
    path = PODS.path(found["metadata"]["name"], fleet.mount, "ephemeralcontainers")
    try:
        await fleet.workers["worker-1"].request(
            "PATCH", path, query={"dryRun": "All"}, body=patch, content_type=MERGE_PATCH
        )
    except RejectedError:
        return True
    return False


async def test_a_worker_that_does_not_offer_it_is_told_of_until_it_does(fleet: Hands) -> None:
    """Such a worker is one whose API server starts with the gate closed."""
    await fleet.create(PODS, sleeper("old", node=OLD_VNODE))
    await fleet.running("old")
    opened = fleet.sandbox.cluster("worker-2")
    closed = replace(opened, wants=replace(opened.wants, ephemeral_containers=False))
    async with restarted(closed, opened):
        await debug(fleet, "old", {"name": "d", "image": "busybox", "stdin": True})
        told = await fleet.until(lambda: condition(fleet, "old"), "the reason on the pod")
        assert told["reason"] == names.EVENT_EPHEMERAL_NOT_OFFERED
        await settled([AuditLog(audit_file(fleet, cluster)) for cluster in ("computing", "worker-2")])
        assert len(await fleet.events("old", names.EVENT_EPHEMERAL_NOT_OFFERED)) == 1
    await starts(fleet, "old", "d")
    assert await condition(fleet, "old") is None


@asynccontextmanager
async def restarted(meanwhile: ControlPlane, afterwards: ControlPlane) -> AsyncIterator[None]:
    """The API server of a cluster with other flags, until the context ends."""
    await asyncio.to_thread(_restart, meanwhile)
    try:
        yield
    finally:
        await asyncio.to_thread(_restart, afterwards)


def _restart(cluster: ControlPlane) -> None:
    cluster.stop_component(API_SERVER, signal.SIGKILL)
    cluster.start_component(API_SERVER)
