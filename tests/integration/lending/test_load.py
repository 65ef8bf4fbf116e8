"""What the worker's owner runs shrinks the lease; the node's labels, taints and cordon follow (issue case 6)."""

from typing import Any

import pytest

from inventory.quantity import parse
from reconciler import names
from reconciler.kube.resources import NODES, PODS
from tests.integration.lending.hands import Hands, Json, removed

WORKER_NODE = "worker-1-node-2"
VNODE = f"vnode-worker-1-{WORKER_NODE}"


def owners_pod(name: str, cpu: str) -> Json:
    """A pod of the worker's owner, bound to the node."""
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["sleep", "3600"],
        "resources": {"requests": {"cpu": cpu}},
    }
    spec = {
        "nodeName": WORKER_NODE,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


async def vnode(fleet: Hands) -> Json:
    item = await fleet.find(NODES, VNODE)
    assert item is not None
    return item


async def cpu_becomes(fleet: Hands, expected: int) -> None:
    async def probe() -> bool:
        return parse((await vnode(fleet))["status"]["allocatable"]["cpu"]) == expected

    await fleet.until(probe, f"{VNODE} to have {expected} milli-CPU")


async def test_an_owner_s_pod_shrinks_the_lease_and_its_end_grows_it(fleet: Hands) -> None:
    worker = fleet.workers["worker-1"]
    before = parse((await vnode(fleet))["status"]["allocatable"]["cpu"])
    try:
        await worker.create(PODS, owners_pod("owner", "1500m"), "default")
        await cpu_becomes(fleet, before - 1500)
    finally:
        await removed(worker, PODS, "owner", "default")
    await cpu_becomes(fleet, before)


@pytest.mark.parametrize(
    ("change", "undo", "taint"),
    [
        ({"spec": {"unschedulable": True}}, {"spec": {"unschedulable": None}}, names.TAINT_UNSCHEDULABLE),
        (
            {"spec": {"taints": [{"key": "owner/gpu", "value": "a100", "effect": "NoSchedule"}]}},
            {"spec": {"taints": None}},
            "owner/gpu",
        ),
    ],
    ids=["cordon", "taint"],
)
async def test_cordon_and_taints_follow_and_evict_nobody(
    fleet: Hands, change: dict[str, Any], undo: dict[str, Any], taint: str
) -> None:
    worker = fleet.workers["worker-1"]

    async def taints() -> set[str]:
        return {each["key"] for each in (await vnode(fleet))["spec"].get("taints", [])}

    async def is_tainted() -> bool:
        return taint in await taints()

    async def is_clean() -> bool:
        return await taints() == {names.TAINT_VNODE}

    await worker.patch(NODES, WORKER_NODE, change)
    try:
        await fleet.until(is_tainted, f"taint {taint} on the vnode")
    finally:
        await worker.patch(NODES, WORKER_NODE, undo)
    await fleet.until(is_clean, "the taint to go")


async def test_labels_follow_and_the_user_s_own_marks_survive(fleet: Hands) -> None:
    worker = fleet.workers["worker-1"]
    mine = {"metadata": {"labels": {"mine": "yes"}, "annotations": {"mine": "too"}}}
    await fleet.computing.patch(NODES, VNODE, mine)
    await worker.patch(NODES, WORKER_NODE, {"metadata": {"labels": {"rack": "r7"}}})

    async def has_rack() -> bool:
        return bool((await vnode(fleet))["metadata"]["labels"].get("rack") == "r7")

    async def lost_rack() -> bool:
        return "rack" not in (await vnode(fleet))["metadata"]["labels"]

    try:
        await fleet.until(has_rack, "the label to follow")
    finally:
        await worker.patch(NODES, WORKER_NODE, {"metadata": {"labels": {"rack": None}}})
    await fleet.until(lost_rack, "the label to go")
    metadata = (await vnode(fleet))["metadata"]
    assert (metadata["labels"]["mine"], metadata["annotations"]["mine"]) == ("yes", "too")
    await fleet.computing.patch(NODES, VNODE, {"metadata": {"labels": {"mine": None}, "annotations": {"mine": None}}})


async def test_a_user_s_taint_on_a_vnode_survives(fleet: Hands) -> None:
    worker = fleet.workers["worker-1"]
    taint = {"key": "mine", "effect": "NoSchedule"}
    await fleet.computing.patch(NODES, VNODE, {"spec": {"taints": [*(await vnode(fleet))["spec"]["taints"], taint]}})
    await worker.patch(NODES, WORKER_NODE, {"spec": {"unschedulable": True}})

    async def has(key: str) -> bool:
        return key in {each["key"] for each in (await vnode(fleet))["spec"].get("taints", [])}

    async def is_cordoned() -> bool:
        return await has(names.TAINT_UNSCHEDULABLE)

    async def is_free() -> bool:
        return not await has(names.TAINT_UNSCHEDULABLE)

    try:
        await fleet.until(is_cordoned, "the cordon to show")
        await worker.patch(NODES, WORKER_NODE, {"spec": {"unschedulable": None}})
        await fleet.until(is_free, "the cordon to go")
        assert await has("mine")
    finally:
        kept = [each for each in (await vnode(fleet))["spec"]["taints"] if each["key"] != "mine"]
        await fleet.computing.patch(NODES, VNODE, {"spec": {"taints": kept}})
