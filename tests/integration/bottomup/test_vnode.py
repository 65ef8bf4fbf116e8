"""A vnode on a real API server, beside the computing cluster's own node controller."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from inventory.model import Limit, Window
from reconciler import names
from reconciler.clock import SystemClock
from reconciler.kube.projections import Condition, Node, NodeSpec, Taint
from reconciler.kube.resources import LEASES, NODES
from reconciler.leases.renewer import Renewer
from reconciler.marks import BindingState
from tests.integration.bottomup.conftest import Lease
from tests.leasing import policy, standing_by, worker_node

NOW = datetime.now(UTC).replace(microsecond=0)
READY = Condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", NOW)
OPEN = policy("open", force_reclaim=True, grace=300, limits=(Limit("cpu", percent=50),))
PATIENCE_SECONDS = 30


def lent(lease: Lease, spec: NodeSpec | None = None, **status: object) -> None:
    lease.fields["worker_node"] = worker_node({"zone": "a"}, spec, **{"conditions": (READY,), **status})
    lease.fields["standing"] = standing_by(OPEN, now=NOW)


def elsewhen(now: datetime) -> Window:
    """A window on the day before yesterday."""
    return Window(0, 60, frozenset({(now.weekday() - 2) % 7}))


def taints(vnode: Node | None) -> dict[str, str]:
    assert vnode is not None
    return {taint.key: taint.effect for taint in vnode.spec.taints}


async def made(lease: Lease) -> Node:
    """A lent vnode, after the node controller has had its say about it."""
    lent(lease)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "node.kubernetes.io/not-ready" in taints(vnode := await lease.settle(NOW)):
            await asyncio.sleep(0.1)
    assert vnode is not None
    return vnode


async def test_a_vnode_is_made_with_its_status_and_needs_no_second_write(lease: Lease) -> None:
    vnode = await made(lease)
    assert vnode.spec.provider_id == f"kubeocean://{lease.identity.cluster_id}/n1"
    assert vnode.status.allocatable == {"cpu": "3950m", "memory": "31Gi", "pods": "110"}
    assert vnode.status.capacity["cpu"] == "8"
    assert [(each.type, each.status) for each in vnode.status.conditions] == [("Ready", "True")]
    assert vnode.status.node_info["kubeletVersion"] == "v1.30.1"
    assert (await lease.decide(NOW)).actions == ()


async def test_closing_and_reopening_change_taint_size_and_memory_and_nothing_of_others(lease: Lease) -> None:
    await made(lease)
    theirs = {"metadata": {"labels": {"mine": "yes"}, "annotations": {"mine": "too"}}}
    await lease.client.patch(NODES, lease.vnode_name, theirs)
    lease.fields["standing"] = standing_by(replace(OPEN, windows=(elsewhen(NOW),)), now=NOW)
    closed = await lease.settle(NOW)
    assert closed is not None
    assert taints(closed)[names.TAINT_CLOSED] == "NoSchedule"
    assert (closed.status.allocatable["pods"], closed.status.allocatable["cpu"]) == ("0", "3950m")
    assert names.WINDOW_CLOSED_AT in closed.metadata.annotations
    lent(lease)
    reopened = await lease.settle(NOW + timedelta(seconds=5))
    assert reopened is not None
    assert names.TAINT_CLOSED not in taints(reopened)
    assert names.WINDOW_CLOSED_AT not in reopened.metadata.annotations
    assert reopened.status.allocatable["pods"] == "110"
    assert (reopened.metadata.labels["mine"], reopened.metadata.annotations["mine"]) == ("yes", "too")


async def test_the_node_controllers_taints_and_ours_live_side_by_side(lease: Lease) -> None:
    await made(lease)
    unready = Condition("Ready", "False", "KubeletNotReady", "the container runtime is down", NOW)
    gpu = NodeSpec(unschedulable=True, taints=(Taint("gpu", "NoSchedule", "a100"),))
    lent(lease, gpu, conditions=(unready,))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "node.kubernetes.io/not-ready" not in taints(vnode := await lease.settle(NOW)):
            await asyncio.sleep(0.1)
    assert taints(vnode).keys() >= {"gpu", names.TAINT_UNSCHEDULABLE, names.TAINT_VNODE}
    lent(lease)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while taints(await lease.settle(NOW)) != {names.TAINT_VNODE: "NoSchedule"}:
            await asyncio.sleep(0.1)


async def test_a_vnode_deleted_by_hand_is_made_again(lease: Lease) -> None:
    first = await made(lease)
    await lease.client.delete(NODES, lease.vnode_name, uid=first.metadata.uid)
    second = await lease.settle(NOW)
    assert second is not None
    assert second.metadata.uid != first.metadata.uid
    assert not second.metadata.is_deleting


async def test_an_empty_vnode_goes_with_its_binding(lease: Lease) -> None:
    await made(lease)
    lease.fields["state"] = BindingState(lease.identity, is_deleting=True)
    assert await lease.settle(NOW) is None


async def test_a_node_lease_is_kept_and_goes_with_its_vnode(lease: Lease) -> None:
    vnode = await made(lease)
    renewer = Renewer(lease.client, SystemClock())
    work = asyncio.create_task(renewer.run(), name="renewer")
    renewer.add(vnode)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while renewer.renewals < 2:
            await asyncio.sleep(0.1)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    found = await lease.client.get(LEASES, lease.vnode_name, names.NODE_LEASE_NAMESPACE)
    assert found["spec"]["holderIdentity"] == lease.vnode_name
    assert found["metadata"]["ownerReferences"][0]["uid"] == vnode.metadata.uid
    assert renewer.failures == 0
