"""A window that closes takes its capacity back, and a closed vnode starts nothing (issue case 11 and the demo's step 6)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from reconciler import names
from reconciler.kube.resources import NODES, PODS, Resource
from tests.integration.lending.hands import Hands, Json, own_annotation, policy, sleeper

JOBS = Resource("batch", "v1", "jobs", "Job")
POLICY = "worker-1-always"


def closed(**spec: object) -> Json:
    """worker-1's policy, closed today and tomorrow."""
    day = (datetime.now(UTC) + timedelta(days=3)).strftime("%A")
    return policy(POLICY, "worker-1", timeWindows=[{"start": "00:00", "end": "00:00", "days": [day]}], **spec)


@pytest.fixture
async def reopened(fleet: Hands) -> AsyncIterator[Hands]:
    """The window is open again after the test."""
    yield fleet
    await fleet.apply(policy(POLICY, "worker-1"))
    await fleet.vnodes_ready(3, "worker-1")


async def all_closed(fleet: Hands) -> list[Json] | None:
    vnodes = await fleet.vnodes("worker-1")
    shut = [
        vnode
        for vnode in vnodes
        if own_annotation(vnode, names.WINDOW_CLOSED_AT) and vnode["status"]["allocatable"]["pods"] == "0"
    ]
    return shut if len(shut) == 3 else None


@pytest.mark.usefixtures("reopened")
async def test_a_closing_window_drains_its_vnodes_and_the_job_finishes_elsewhere(fleet: Hands) -> None:
    pod = sleeper("unused", seconds=4)["spec"]
    await fleet.create(
        JOBS,
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "job"},
            "spec": {"completions": 8, "parallelism": 8, "backoffLimit": 12, "template": {"spec": pod}},
        },
    )
    await fleet.until(lambda: _some(fleet, "worker-1"), "pods of the job on worker-1")
    await fleet.apply(closed())
    vnodes = await fleet.until(lambda: all_closed(fleet), "all vnodes of worker-1 to close")
    assert all(names.TAINT_CLOSED in {taint["key"] for taint in vnode["spec"]["taints"]} for vnode in vnodes)
    assert {taint["effect"] for vnode in vnodes for taint in vnode["spec"]["taints"]} == {"NoSchedule"}
    await fleet.until(lambda: _finished(fleet), "the job to finish", 90)
    phases = {pod["status"]["phase"] for pod in await fleet.worker_pods("worker-1")}
    assert phases <= {"Succeeded", "Failed"}


@pytest.mark.usefixtures("reopened")
async def test_what_cannot_finish_in_the_grace_is_told_to_go(fleet: Hands) -> None:
    await fleet.create(PODS, sleeper("long", node="vnode-worker-1-worker-1-node-1"))
    await fleet.running("long")
    await fleet.apply(closed())
    await fleet.gone("long")
    assert await fleet.worker_pods("worker-1", "long") == []


@pytest.mark.usefixtures("reopened")
async def test_without_force_running_pods_stay(fleet: Hands) -> None:
    await fleet.create(PODS, sleeper("calm", node="vnode-worker-1-worker-1-node-1"))
    await fleet.running("calm")
    await fleet.apply(closed(forceReclaim=False, gracefulReclaimPeriodSeconds=0))
    await fleet.until(lambda: all_closed(fleet), "all vnodes of worker-1 to close")
    await fleet.create(PODS, sleeper("elsewhere"))  # the scheduler has looked at the closed vnodes since
    shown = await fleet.running("elsewhere")
    assert shown["spec"]["nodeName"].startswith("vnode-worker-2-")
    pod = await fleet.pod("calm")
    assert pod is not None
    assert "deletionTimestamp" not in pod["metadata"]
    assert pod["status"]["phase"] == "Running"


@pytest.mark.usefixtures("reopened")
async def test_a_pod_bound_by_hand_to_a_closed_vnode_never_starts(fleet: Hands) -> None:
    await fleet.apply(closed())
    await fleet.until(lambda: all_closed(fleet), "all vnodes of worker-1 to close")
    await fleet.create(
        PODS, sleeper("pushy", nodeName="vnode-worker-1-worker-1-node-1", tolerations=[{"operator": "Exists"}])
    )
    pod = await fleet.in_phase("pushy", "Failed")
    assert pod["status"]["reason"] == "OutsideWindows"
    assert await fleet.worker_pods("worker-1", "pushy") == []


@pytest.mark.usefixtures("reopened")
async def test_a_replacement_does_not_loop_on_the_closed_vnode(fleet: Hands) -> None:
    await fleet.apply(closed())
    await fleet.until(lambda: all_closed(fleet), "all vnodes of worker-1 to close")
    pod = sleeper(
        "unused", seconds=1, tolerations=[{"operator": "Exists"}], nodeSelector={names.CLUSTER_BINDING: "worker-1"}
    )["spec"]
    await fleet.create(
        JOBS,
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "loop"},
            "spec": {"backoffLimit": 4, "template": {"spec": pod}},
        },
    )

    async def unschedulable() -> bool:
        pods = await fleet.computing.list(PODS, fleet.namespace)
        conditions = [condition for each in pods for condition in each.get("status", {}).get("conditions", [])]
        return any(condition["type"] == "PodScheduled" and condition["status"] == "False" for condition in conditions)

    await fleet.until(unschedulable, "the job's pod to be unschedulable: a closed vnode has room for no pods")
    job = await fleet.find(JOBS, "loop")
    assert job is not None
    assert job["status"].get("failed", 0) == 0


@pytest.mark.usefixtures("reopened")
async def test_a_window_that_reopens_stops_the_drain(fleet: Hands) -> None:
    await fleet.create(PODS, sleeper("lucky", node="vnode-worker-1-worker-1-node-1"))
    await fleet.running("lucky")
    await fleet.apply(closed(gracefulReclaimPeriodSeconds=600))
    vnodes = await fleet.until(lambda: all_closed(fleet), "all vnodes of worker-1 to close")
    assert all(own_annotation(vnode, names.LEASE_ENDS_AT) for vnode in vnodes)
    await fleet.apply(policy(POLICY, "worker-1"))
    for vnode in await fleet.vnodes_ready(3, "worker-1"):
        assert own_annotation(vnode, names.WINDOW_CLOSED_AT) is None
    pod = await fleet.pod("lucky")
    assert pod is not None
    assert pod["status"]["phase"] == "Running"


@pytest.mark.usefixtures("reopened")
async def test_a_deleted_policy_ends_as_promised_and_its_vnodes_go(fleet: Hands) -> None:
    await fleet.create(PODS, sleeper("tenant", node="vnode-worker-1-worker-1-node-1"))
    await fleet.running("tenant")
    await fleet.delete(names.POLICIES, POLICY)
    await fleet.gone("tenant")

    async def none_left() -> bool:
        return not await fleet.vnodes("worker-1")

    await fleet.until(none_left, "the vnodes of worker-1 to go")
    assert await fleet.find(NODES, "vnode-worker-2-worker-2-node-1") is not None


async def _some(fleet: Hands, worker: str) -> bool:
    return any(pod["status"].get("phase") == "Running" for pod in await fleet.worker_pods(worker))


async def _finished(fleet: Hands) -> bool:
    job = await fleet.find(JOBS, "job")
    return job is not None and job.get("status", {}).get("succeeded") == 8
