"""vnodes and worker nodes that go and come back: pods adopted or honestly Failed, never twice (issue case 12)."""

import signal

import pytest

from reconciler import names
from reconciler.kube.resources import NODES, PODS
from tests.integration.lending.hands import Hands, Json, found, removed, sleeper

WORKER_NODE = "worker-1-node-3"
VNODE = f"vnode-worker-1-{WORKER_NODE}"


async def is_back(fleet: Hands, uid: str) -> Json | None:
    vnode = await fleet.find(NODES, VNODE)
    return vnode if vnode and vnode["metadata"]["uid"] != uid else None


async def test_a_vnode_deleted_by_hand_comes_back_with_its_pods(fleet: Hands) -> None:
    await fleet.create(PODS, sleeper("settled", node=VNODE))
    before = await fleet.running("settled")
    (worker_pod,) = await fleet.worker_pods("worker-1", "settled")
    vnode = await fleet.find(NODES, VNODE)
    assert vnode is not None
    await fleet.delete(NODES, VNODE)
    await fleet.until(lambda: is_back(fleet, vnode["metadata"]["uid"]), "the vnode to come back")
    await fleet.vnodes_ready(3, "worker-1")
    await fleet.create(PODS, sleeper("newcomer", node=VNODE))
    await fleet.running("newcomer")
    after = await fleet.pod("settled")
    assert after is not None
    assert (after["metadata"]["uid"], after["status"]["phase"]) == (before["metadata"]["uid"], "Running")
    (same,) = await fleet.worker_pods("worker-1", "settled")
    assert same["metadata"]["uid"] == worker_pod["metadata"]["uid"]


@pytest.mark.slow
async def test_a_worker_node_registered_anew_is_lent_again_with_its_pods(fleet: Hands) -> None:
    worker = fleet.workers["worker-1"]
    await fleet.create(PODS, sleeper("settled", node=VNODE))
    before = await fleet.running("settled")
    (worker_pod,) = await fleet.worker_pods("worker-1", "settled")
    node = await worker.get(NODES, WORKER_NODE)
    await removed(worker, NODES, WORKER_NODE)
    nodes = fleet.sandbox.nodes("worker-1")
    nodes.stop(signal.SIGKILL)
    nodes.start()  # kubelets register when they start

    async def is_registered_anew() -> Json | None:
        item = await found(worker, NODES, WORKER_NODE)
        return item if item and item["metadata"]["uid"] != node["metadata"]["uid"] else None

    anew = await fleet.until(is_registered_anew, "the worker node to register anew")

    async def follows() -> bool:
        vnode = await fleet.find(NODES, VNODE)
        return vnode is not None and vnode["metadata"]["labels"].get(names.PHYSICAL_NODE_UID) == anew["metadata"]["uid"]

    await fleet.until(follows, "the vnode to follow the new node")
    await fleet.vnodes_ready(3, "worker-1")

    async def is_settled_again() -> Json | None:
        pod = await fleet.pod("settled")
        pods = await fleet.worker_pods("worker-1", "settled")
        assert len(pods) <= 1
        if pod is None or not pods:
            return pod if pod and pod["status"]["phase"] == "Failed" else None
        is_same = pods[0]["metadata"]["uid"] == worker_pod["metadata"]["uid"]
        return pod if is_same and pod["status"]["phase"] == "Running" else None

    after = await fleet.until(is_settled_again, "the pod adopted, or honestly Failed")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    await fleet.create(PODS, sleeper("newcomer", node=VNODE))
    await fleet.running("newcomer")
