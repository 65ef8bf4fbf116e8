"""kubectl against pods on vnodes, with the whole system between it and the worker's nodes."""

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from oceanctl.sandbox.programs import Programs
from oceanctl.sandbox.proxiers import SandboxProxier
from oceanctl.sandbox.sandbox import Sandbox
from reconciler.kube.resources import NODES, PODS
from tests.integration.kubectl import Kubectl
from tests.integration.lending.hands import Hands, eventually, is_served, sleeper


@pytest.fixture(scope="module")
def proxiers(sandbox: Sandbox) -> Iterator[list[SandboxProxier]]:
    replicas = [SandboxProxier(sandbox, "worker-1", number) for number in (1, 2)]
    for replica in replicas:
        replica.start()
    yield replicas
    for replica in replicas:
        replica.stop()


@pytest.fixture
def kubectl(sandbox: Sandbox, programs: Programs) -> Kubectl:
    return Kubectl(programs.path("kubectl"), sandbox.kubeconfig("computing"))


def address_of(vnode: dict[str, Any]) -> str | None:
    addresses = vnode["status"].get("addresses", [])
    return next((each["address"] for each in addresses if each["type"] == "InternalIP"), None)


async def vnodes_of(fleet: Hands) -> list[dict[str, Any]]:
    return await fleet.computing.list(NODES, label_selector="kubeocean.io/cluster-binding=worker-1")


async def test_logs_and_commands_reach_the_worker(
    fleet: Hands, proxiers: list[SandboxProxier], kubectl: Kubectl
) -> None:
    served = {replica.address for replica in proxiers}

    async def all_served() -> bool:
        return all([await is_served(vnode, served) for vnode in await vnodes_of(fleet)])

    await eventually(all_served, "every vnode to be served by a proxier")
    await fleet.create(PODS, sleeper("p", node="vnode-worker-1-worker-1-node-1"))
    await fleet.running("p")
    arguments = ("-n", fleet.namespace, "p")
    assert "started main" in await asyncio.to_thread(kubectl.run, "logs", *arguments)
    done = await asyncio.to_thread(kubectl.try_run, "exec", *arguments, "--", "sh", "-c", "echo here; exit 7")
    assert (done.stdout, done.returncode) == ("here\n", 7)


async def test_a_dead_proxier_s_vnodes_are_moved_within_five_seconds(
    fleet: Hands, proxiers: list[SandboxProxier]
) -> None:
    first, second = proxiers

    async def moved() -> bool:
        return {address_of(vnode) for vnode in await vnodes_of(fleet)} == {second.address}

    ports = await ports_of(fleet)
    first.stop(signal.SIGKILL)
    await eventually(moved, "every vnode points at the other proxier", 6)
    assert await ports_of(fleet) == ports
    first.start()


async def ports_of(fleet: Hands) -> dict[str, int]:
    return {
        each["metadata"]["name"]: each["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        for each in await vnodes_of(fleet)
    }
