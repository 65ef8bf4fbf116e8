"""Names and labels at their limits reach the vnode and its pods (issue case 7)."""

from collections.abc import AsyncIterator

import pytest

from reconciler import names
from reconciler.kube.resources import NODES, PODS
from tests.integration.lending.hands import Hands, Json, removed, sleeper

LONG = {"n63": "n" * 63, "n253": ".".join(["n" * 49] * 5)}


def paper_node(name: str) -> Json:
    """A Ready node without a kubelet, as good as any for the minute until its cluster misses it."""
    quantities = {"cpu": "4", "memory": "8Gi", "pods": "20"}
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Paper",
        "message": "",
        "lastHeartbeatTime": None,
        "lastTransitionTime": None,
    }
    labels = {"example.com/" + "k" * 63: "v" * 63, ".".join(["d" * 62] * 4) + "/" + "k" * 63: "v" * 63}
    status = {"capacity": quantities, "allocatable": quantities, "conditions": [ready]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


@pytest.fixture(params=list(LONG))
async def node(fleet: Hands, request: pytest.FixtureRequest) -> AsyncIterator[Json]:
    worker = fleet.workers["worker-1"]
    name = LONG[request.param]
    yield await worker.create(NODES, paper_node(name))
    await removed(worker, NODES, name)

    async def vnode_is_gone() -> bool:
        return await fleet.find(NODES, names.vnode_name("worker-1", name)) is None

    await fleet.until(vnode_is_gone, "the vnode to go")


async def test_a_long_node_name_and_full_labels_make_a_vnode_that_takes_pods(fleet: Hands, node: Json) -> None:
    name = node["metadata"]["name"]
    vnode_name = names.vnode_name("worker-1", name)
    assert len(vnode_name) <= 63

    async def is_there() -> Json | None:
        return await fleet.find(NODES, vnode_name)

    vnode = await fleet.until(is_there, "the vnode of a long name")
    assert vnode["spec"]["providerID"] == f"kubeocean://worker-1/{name}"
    assert node["metadata"]["labels"].items() <= vnode["metadata"]["labels"].items()
    await fleet.create(PODS, sleeper("guest", nodeName=vnode_name))

    async def is_mirrored() -> Json | None:
        pods = await fleet.worker_pods("worker-1", "guest")
        return pods[0] if pods else None

    worker_pod = await fleet.until(is_mirrored, "the worker pod")
    term = worker_pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ][0]
    assert term == {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}
    await fleet.delete(PODS, "guest", grace_seconds=0)
