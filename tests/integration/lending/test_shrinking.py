"""A lease that no longer holds what is on it sends away just enough pods; and owners that wait for room get it where the policy says so."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from inventory.quantity import parse
from reconciler import names
from reconciler.kube.client import Client
from reconciler.kube.resources import NODES, PODS, PRIORITY_CLASSES
from tests.integration.lending.hands import Hands, Json, own_annotation, policy, removed, sleeper

WORKER_NODE = "worker-1-node-1"
VNODE = f"vnode-worker-1-{WORKER_NODE}"
POLICY = "worker-1-always"
IMPORTANT = "important"
CALM = "calm"  # owners' pods of this class wait instead of preempting


@pytest.fixture
async def lent(fleet: Hands) -> AsyncIterator[Hands]:
    """An empty vnode, a class for important pods in the computing cluster and one for patient ones in the worker; all is as before afterwards."""
    worker = fleet.workers["worker-1"]

    async def is_empty() -> bool:
        return not await fleet.computing.list(PODS, field_selector=f"spec.nodeName={VNODE}")

    await fleet.until(is_empty, "pods of the tests before to be gone")
    await fleet.create(PRIORITY_CLASSES, priority_class(IMPORTANT, 1000), "")
    await worker.create(PRIORITY_CLASSES, priority_class(CALM, 0, preemptionPolicy="Never"))
    yield fleet
    await removed(worker, PODS, "owner", "default")
    await removed(worker, PRIORITY_CLASSES, CALM)
    await fleet.delete(PRIORITY_CLASSES, IMPORTANT)
    await fleet.apply(policy(POLICY, "worker-1"))


def priority_class(name: str, value: int, **more: str) -> Json:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        **more,
    }


def owners_pod(cpu: int, **spec: Any) -> Json:
    """A pod of the worker's owner that needs so many milli-CPU of the node."""
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["sleep", "3600"],
        "resources": {"requests": {"cpu": f"{cpu}m"}},
    }
    base = {"terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "owner"}, "spec": {**base, **spec}}


async def vnode(fleet: Hands) -> Json:
    item = await fleet.find(NODES, VNODE)
    assert item is not None
    return item


async def half_lent(fleet: Hands, **spec: Any) -> None:
    """Lend half of what is left, so that an owner's pod fits on the node and shrinks the lease."""
    whole = parse((await vnode(fleet))["status"]["allocatable"]["cpu"])
    await fleet.apply(policy(POLICY, "worker-1", resourceLimits=[{"resource": "cpu", "percent": 50}], **spec))

    async def is_half() -> bool:
        return parse((await vnode(fleet))["status"]["allocatable"]["cpu"]) == whole // 2

    await fleet.until(is_half, "half of the node to be lent")


async def filled(fleet: Hands) -> int:
    """Three pods that take nine tenths of the lease, the important one last; returns a tenth in milli-CPU."""
    tenth = parse((await vnode(fleet))["status"]["allocatable"]["cpu"]) // 10
    await fleet.create(PODS, sleeper("b-old", node=VNODE, cpu=f"{3 * tenth}m"))
    await fleet.running("b-old")
    await fleet.create(PODS, sleeper("a-young", node=VNODE, cpu=f"{3 * tenth}m"))
    await fleet.running("a-young")
    await fleet.create(PODS, sleeper("important", node=VNODE, cpu=f"{3 * tenth}m", priorityClassName=IMPORTANT))
    await fleet.running("important")
    return tenth


def annotated(fleet: Hands, key: str, *, present: bool) -> Callable[[], Awaitable[bool]]:
    async def probe() -> bool:
        return (own_annotation(await vnode(fleet), key) is not None) is present

    return probe


async def still_run(fleet: Hands, *names_of_pods: str) -> None:
    for name in names_of_pods:
        pod = await fleet.pod(name)
        assert pod is not None
        assert "deletionTimestamp" not in pod["metadata"]
        assert pod["status"]["phase"] == "Running"


async def is_unschedulable(worker: Client) -> bool:
    pod = await worker.get(PODS, "owner", "default")
    return any(it.get("reason") == "Unschedulable" for it in pod["status"].get("conditions", []))


async def test_more_load_sends_away_the_youngest_of_the_least_important_and_nobody_else(lent: Hands) -> None:
    worker = lent.workers["worker-1"]
    await half_lent(lent, gracefulReclaimPeriodSeconds=8)
    tenth = await filled(lent)
    await worker.create(PODS, owners_pod(4 * tenth, nodeName=WORKER_NODE), "default")

    async def is_told() -> bool:
        pod = await lent.pod("a-young")
        conditions = pod["status"].get("conditions", []) if pod else []
        return any((it["type"], it.get("reason")) == (names.CONDITION_LEASE_ENDING, "LeaseShrunk") for it in conditions)

    await lent.until(is_told, "the victim to be told")
    shrunk = await vnode(lent)
    assert own_annotation(shrunk, names.SHRUNK_AT) is not None
    assert own_annotation(shrunk, names.SHRINK_VICTIMS) == f"{lent.namespace}/a-young"
    await still_run(lent, "b-old", "important")
    await lent.gone("a-young")
    await lent.until(annotated(lent, names.SHRUNK_AT, present=False), "the shrink to be over")
    await still_run(lent, "b-old", "important")
    for name in ("b-old", "important"):
        pod = await lent.pod(name)
        assert pod is not None
        assert names.CONDITION_LEASE_ENDING not in {it["type"] for it in pod["status"]["conditions"]}
    assert await lent.events(VNODE, "LeaseShrunk", "default")
    assert await lent.events("a-young", "LeaseEnding")


async def test_a_shrink_that_recovers_within_its_grace_is_forgotten(lent: Hands) -> None:
    worker = lent.workers["worker-1"]
    await half_lent(lent, gracefulReclaimPeriodSeconds=600)
    tenth = await filled(lent)
    await worker.create(PODS, owners_pod(4 * tenth, nodeName=WORKER_NODE), "default")
    await lent.until(annotated(lent, names.SHRUNK_AT, present=True), "the shrink to be recorded")
    await removed(worker, PODS, "owner", "default")
    await lent.until(annotated(lent, names.SHRUNK_AT, present=False), "the shrink to be forgotten")
    await still_run(lent, "a-young", "b-old", "important")


async def test_an_owner_s_pod_waits_for_room_until_the_policy_yields(lent: Hands) -> None:
    worker = lent.workers["worker-1"]
    tenth = await filled(lent)
    waiting = owners_pod(2 * tenth, priorityClassName=CALM, nodeSelector={names.HOSTNAME: WORKER_NODE})
    await worker.create(PODS, waiting, "default")
    await lent.until(lambda: is_unschedulable(worker), "the owner's pod to find no room")
    await still_run(lent, "a-young", "b-old", "important")
    assert own_annotation(await vnode(lent), names.YIELDS_TO) is None
    await lent.apply(policy(POLICY, "worker-1", yieldToOwner=True))
    await lent.gone("a-young")

    async def is_placed() -> bool:
        pod = await worker.get(PODS, "owner", "default")
        return bool(pod["status"].get("phase") == "Running")

    await lent.until(is_placed, "the owner's pod to run")
    await lent.until(annotated(lent, names.YIELDS_TO, present=False), "the wish to be fulfilled")
    await still_run(lent, "b-old", "important")


async def test_a_restart_does_not_start_it_over(lent: Hands) -> None:
    worker = lent.workers["worker-1"]
    tenth = await filled(lent)
    await lent.apply(policy(POLICY, "worker-1", yieldToOwner=True, gracefulReclaimPeriodSeconds=600))
    waiting = owners_pod(2 * tenth, priorityClassName=CALM, nodeSelector={names.HOSTNAME: WORKER_NODE})
    await worker.create(PODS, waiting, "default")
    await lent.until(annotated(lent, names.SHRUNK_AT, present=True), "the shrink to be recorded")
    before = await vnode(lent)
    lent.process.restart()
    await lent.apply(policy(POLICY, "worker-1", yieldToOwner=True, gracefulReclaimPeriodSeconds=601))

    async def has_looked() -> bool:
        return "grace=601" in (own_annotation(await vnode(lent), names.RECLAIM_TERMS) or "")

    await lent.until(has_looked, "the new process to have looked at the node")
    after = await vnode(lent)
    for key in (names.SHRUNK_AT, names.YIELDS_TO, names.SHRINK_VICTIMS):
        assert own_annotation(after, key) == own_annotation(before, key) is not None
    await removed(worker, PODS, "owner", "default")
    await lent.until(annotated(lent, names.SHRUNK_AT, present=False), "the shrink to be forgotten")
    await still_run(lent, "a-young", "b-old", "important")
