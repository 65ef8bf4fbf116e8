"""Nobody is broken by a window that ends; and what the worker's owner does to a pod shows on it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from inventory.quantity import parse
from oceanctl.sandbox.hollow.podspec import IGNORE_TERM
from reconciler import names
from reconciler.kube.resources import NODES, PODS, Resource
from tests.integration.lending.hands import Hands, Json, found, own_annotation, policy, removed, sleeper

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
OLD_BUDGETS = Resource("policy", "v1beta1", "poddisruptionbudgets", "PodDisruptionBudget")  # before 1.21
NODE = "worker-1-node-1"
VNODE = f"vnode-worker-1-{NODE}"
LABELS = {"app": "web"}
ITS_OWN_GRACE = 60  # seconds
TELLS_OF_EVICTIONS = 26  # the minor version from which on an evicted pod gets a condition by default


@pytest.fixture
async def restored(fleet: Hands) -> AsyncIterator[Hands]:
    """Both workers lend again after the test."""
    yield fleet
    await removed(fleet.workers["worker-1"], PODS, "owner", "default")
    for worker in fleet.workers:
        await fleet.apply(policy(f"{worker}-always", worker))
    await fleet.vnodes_ready(6)


async def close(fleet: Hands, worker: str, **spec: object) -> None:
    """End the window of a worker, and wait until all its vnodes are closed."""
    day = (datetime.now(UTC) + timedelta(days=3)).strftime("%A")
    windows = [{"start": "00:00", "end": "00:00", "days": [day]}]
    await fleet.apply(policy(f"{worker}-always", worker, timeWindows=windows, **spec))

    async def is_closed() -> bool:
        vnodes = await fleet.vnodes(worker)
        return all(own_annotation(vnode, names.WINDOW_CLOSED_AT) for vnode in vnodes)

    await fleet.until(is_closed, f"{worker} to close")


def deployment(replicas: int) -> Json:
    template = {
        "metadata": {"labels": LABELS},
        "spec": {**sleeper("unused")["spec"], "restartPolicy": "Always"},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def budget(resource: Resource) -> Json:
    spec = {"minAvailable": 1, "selector": {"matchLabels": LABELS}}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": "web"}, "spec": spec}


async def ready_on(fleet: Hands) -> list[str]:
    """The vnodes of all pods of the test that are Ready, one entry for each pod."""
    pods = await fleet.computing.list(PODS, fleet.namespace)
    return [
        pod["spec"]["nodeName"]
        for pod in pods
        if any((it["type"], it["status"]) == ("Ready", "True") for it in pod["status"].get("conditions", []))
    ]


async def test_a_deployment_with_a_budget_survives_a_window_end(restored: Hands) -> None:
    fleet = restored
    await close(fleet, "worker-2")
    budgets = BUDGETS if await fleet.computing.has(BUDGETS) else OLD_BUDGETS
    await fleet.create(budgets, budget(budgets))
    await fleet.create(DEPLOYMENTS, deployment(3))

    async def is_up() -> bool:
        return len(await ready_on(fleet)) == 3

    await fleet.until(is_up, "three replicas to be ready on worker-1")
    await fleet.apply(policy("worker-2-always", "worker-2"))
    await fleet.vnodes_ready(3, "worker-2")
    await close(fleet, "worker-1", gracefulReclaimPeriodSeconds=40, drainSeconds=39)
    least = 3

    async def has_moved() -> bool:
        nonlocal least
        ready = await ready_on(fleet)
        least = min(least, len(ready))
        return len(ready) == 3 and all(node.startswith("vnode-worker-2-") for node in ready)

    await fleet.until(has_moved, "three replicas to be ready on worker-2")
    assert least >= 1


@pytest.mark.slow
async def test_a_budget_that_never_allows_holds_until_the_deadline_and_no_longer(restored: Hands) -> None:
    fleet = restored
    await close(fleet, "worker-2")
    budgets = BUDGETS if await fleet.computing.has(BUDGETS) else OLD_BUDGETS
    await fleet.create(budgets, budget(budgets))
    await fleet.create(DEPLOYMENTS, deployment(1))

    async def is_up() -> bool:
        return len(await ready_on(fleet)) == 1

    await fleet.until(is_up, "the replica to be ready on worker-1")
    (pod,) = await fleet.computing.list(PODS, fleet.namespace)
    await close(fleet, "worker-1", gracefulReclaimPeriodSeconds=20, drainSeconds=19)
    vnode = await fleet.find(NODES, pod["spec"]["nodeName"])
    assert vnode is not None
    due = datetime.fromisoformat(own_annotation(vnode, names.LEASE_ENDS_AT) or "")
    last_seen = datetime.now(UTC)

    async def is_told() -> bool:
        nonlocal last_seen
        seen = await fleet.pod(pod["metadata"]["name"])
        if seen is not None and "deletionTimestamp" not in seen["metadata"]:
            last_seen = datetime.now(UTC)
            return False
        return True

    await fleet.until(is_told, "the pod to be deleted")
    assert timedelta(seconds=-0.5) < last_seen - due < timedelta(seconds=2)


@pytest.mark.slow
async def test_a_pod_has_its_own_grace_to_the_end(restored: Hands) -> None:
    fleet = restored
    stubborn = sleeper("stubborn", node=VNODE, terminationGracePeriodSeconds=ITS_OWN_GRACE)
    stubborn["metadata"]["annotations"] = {IGNORE_TERM: "true"}
    await fleet.create(PODS, stubborn)
    await fleet.running("stubborn")
    (worker_pod,) = await fleet.worker_pods("worker-1", "stubborn")
    name = worker_pod["metadata"]["name"]
    await close(fleet, "worker-1", gracefulReclaimPeriodSeconds=0)
    worker = fleet.workers["worker-1"]

    async def is_told() -> Json | None:
        pod = await found(worker, PODS, name, fleet.mount)
        return pod if pod and "deletionTimestamp" in pod["metadata"] else None

    told = await fleet.until(is_told, "the worker pod to be told")
    assert told["metadata"]["deletionGracePeriodSeconds"] == ITS_OWN_GRACE
    due = datetime.fromisoformat(told["metadata"]["deletionTimestamp"])
    last_seen = datetime.now(UTC)
    while (pod := await found(worker, PODS, name, fleet.mount)) is not None and last_seen < due + timedelta(seconds=30):
        assert pod["metadata"]["deletionGracePeriodSeconds"] == ITS_OWN_GRACE
        last_seen = datetime.now(UTC)
        await asyncio.sleep(0.2)
    assert last_seen >= due - timedelta(seconds=1)
    await fleet.gone("stubborn")


async def test_a_drain_in_the_worker_shows_as_a_disruption_and_where_the_worker_tells_as_an_eviction(
    fleet: Hands,
) -> None:
    worker = fleet.workers["worker-1"]
    is_told = (await worker.server_version()).minor >= TELLS_OF_EVICTIONS
    await fleet.create(PODS, sleeper("drained", node=VNODE))
    await fleet.running("drained")
    (worker_pod,) = await fleet.worker_pods("worker-1", "drained")
    metadata = worker_pod["metadata"]
    await worker.evict(metadata["name"], metadata["namespace"], uid=metadata["uid"])
    shown = await fleet.in_phase("drained", "Failed")
    assert shown["status"]["reason"] == ("Evicted" if is_told else "PhysicalPodLost")
    assert any(it["type"] == names.CONDITION_DISRUPTION for it in shown["status"]["conditions"])


async def test_a_preemption_by_the_worker_s_scheduler_shows_as_one(restored: Hands) -> None:
    fleet = restored
    vnode = await fleet.find(NODES, VNODE)
    assert vnode is not None
    most = parse(vnode["status"]["allocatable"]["cpu"]) * 8 // 10
    await fleet.create(PODS, sleeper("lodger", node=VNODE, cpu=f"{most}m"))
    await fleet.running("lodger")
    owner = sleeper("owner", cpu=f"{most}m", nodeSelector={names.HOSTNAME: NODE})
    await fleet.workers["worker-1"].create(PODS, owner, "default")
    shown = await fleet.in_phase("lodger", "Failed")
    assert shown["status"]["reason"] == "Preempted"
