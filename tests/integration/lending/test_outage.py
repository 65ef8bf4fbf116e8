"""A worker that cannot be reached: seen after 40 s, nothing deleted, everything converges on return (issue case 4)."""

import signal

import pytest

from reconciler.kube.resources import NODES, PODS
from tests.integration.lending.hands import Hands, Json, sleeper

VNODE = "vnode-worker-1-worker-1-node-1"
SILENCE_SECONDS = 40


async def ready_condition(fleet: Hands, vnode: str) -> Json:
    item = await fleet.find(NODES, vnode)
    assert item is not None
    return next(condition for condition in item["status"]["conditions"] if condition["type"] == "Ready")


@pytest.mark.slow
async def test_an_unreachable_worker_is_shown_and_comes_back_without_a_restart(fleet: Hands) -> None:
    await fleet.create(PODS, sleeper("patient", node=VNODE))
    await fleet.create(PODS, sleeper("other", node="vnode-worker-2-worker-2-node-1"))
    before = await fleet.running("patient")
    await fleet.running("other")
    worker = fleet.sandbox.cluster("worker-1")
    worker.stop_component("kube-apiserver", signal.SIGKILL)
    try:

        async def is_shown() -> Json | None:
            condition = await ready_condition(fleet, VNODE)
            return condition if condition["reason"] == "WorkerUnreachable" else None

        condition = await fleet.until(is_shown, "the vnode to be WorkerUnreachable", SILENCE_SECONDS + 30)
        assert condition["status"] == "Unknown"

        async def pod_is_not_ready() -> Json | None:
            pod = await fleet.pod("patient")
            assert pod is not None
            assert "deletionTimestamp" not in pod["metadata"]
            ready = next(each for each in pod["status"]["conditions"] if each["type"] == "Ready")
            return pod if (ready["status"], ready.get("reason")) == ("False", "WorkerUnreachable") else None

        pod = await fleet.until(pod_is_not_ready, "the pod not to be Ready")
        assert pod["status"]["phase"] == "Running"
        await fleet.create(PODS, sleeper("meanwhile", node="vnode-worker-2-worker-2-node-1"))
        await fleet.running("meanwhile")
        assert (await ready_condition(fleet, "vnode-worker-2-worker-2-node-1"))["status"] == "True"
    finally:
        worker.start_component("kube-apiserver")
    await fleet.vnodes_ready(6)

    async def is_ready_again() -> Json | None:
        pod = await fleet.pod("patient")
        assert pod is not None
        ready = next(each for each in pod["status"]["conditions"] if each["type"] == "Ready")
        return pod if ready["status"] == "True" else None

    after = await fleet.until(is_ready_again, "the pod to be Ready again")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    (worker_pod,) = await fleet.worker_pods("worker-1", "patient")
    assert worker_pod["status"]["podIP"] == before["status"]["podIP"]


@pytest.mark.slow
async def test_a_pod_deleted_during_an_outage_ends_when_the_worker_is_back(fleet: Hands) -> None:
    await fleet.create(PODS, sleeper("leaving", node=VNODE))
    await fleet.running("leaving")
    worker = fleet.sandbox.cluster("worker-1")
    worker.stop_component("kube-apiserver", signal.SIGKILL)
    try:
        await fleet.delete(PODS, "leaving")
        await fleet.create(PODS, sleeper("witness", seconds=1, node="vnode-worker-2-worker-2-node-1"))
        await fleet.in_phase("witness", "Succeeded")
        pod = await fleet.pod("leaving")
        assert pod is not None
        assert "deletionTimestamp" in pod["metadata"]
    finally:
        worker.start_component("kube-apiserver")
    await fleet.gone("leaving")
    assert await fleet.worker_pods("worker-1", "leaving") == []
    await fleet.vnodes_ready(6)


@pytest.mark.slow
async def test_a_restart_during_an_outage_keeps_the_leases_and_shows_the_silence(fleet: Hands) -> None:
    await fleet.create(PODS, sleeper("patient", node=VNODE))
    before = await fleet.running("patient")
    worker = fleet.sandbox.cluster("worker-1")
    worker.stop_component("kube-apiserver", signal.SIGKILL)
    try:
        fleet.process.kill()
        fleet.process.start()

        async def is_shown() -> bool:
            return bool((await ready_condition(fleet, VNODE))["reason"] == "WorkerUnreachable")

        await fleet.until(is_shown, "the vnode to be WorkerUnreachable", SILENCE_SECONDS + 40)
        pod = await fleet.pod("patient")
        assert pod is not None
        assert (pod["metadata"]["uid"], pod["status"]["phase"]) == (before["metadata"]["uid"], "Running")
    finally:
        worker.start_component("kube-apiserver")
    await fleet.vnodes_ready(6)
    await fleet.create(PODS, sleeper("newcomer", node=VNODE))
    await fleet.running("newcomer")
