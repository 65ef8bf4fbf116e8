"""Pods of the computing cluster run in the workers: both directions, on real API servers (issue cases 5 and 7)."""

import asyncio

import pytest

from reconciler import names
from reconciler.kube.resources import NAMESPACES, PODS
from tests.integration.lending.hands import Hands, Json, eventually, found, own_annotation, removed, sleeper

NODE_1 = "vnode-worker-1-worker-1-node-1"


@pytest.fixture
async def node(fleet: Hands) -> str:
    """Some vnode of worker-1."""
    vnodes = await fleet.vnodes("worker-1")
    return str(min(vnode["metadata"]["name"] for vnode in vnodes))


async def the_worker_pod(fleet: Hands, name: str, worker: str = "worker-1") -> Json:
    async def probe() -> Json | None:
        pods = await fleet.worker_pods(worker, name)
        assert len(pods) <= 1, f"{len(pods)} worker pods for {name}"
        return pods[0] if pods else None

    return await fleet.until(probe, f"a worker pod for {name}")


async def test_a_pod_runs_in_the_worker_and_shows_it(fleet: Hands, node: str) -> None:
    await fleet.create(PODS, sleeper("web", node=node))
    shown = await fleet.running("web")
    worker_pod = await the_worker_pod(fleet, "web")
    assert shown["status"]["podIP"] == worker_pod["status"]["podIP"]
    assert shown["status"]["containerStatuses"] == worker_pod["status"]["containerStatuses"]
    assert own_annotation(shown, names.PHYSICAL_POD_UID) == worker_pod["metadata"]["uid"]
    assert worker_pod["spec"]["nodeName"] == node.removeprefix("vnode-worker-1-")
    assert worker_pod["spec"]["automountServiceAccountToken"] is False
    assert worker_pod["spec"]["priority"] == names.DEFAULT_PRIORITY


async def test_the_ordinary_scheduler_spreads_pods_over_both_workers(fleet: Hands) -> None:
    for number in range(8):
        await fleet.create(PODS, sleeper(f"spread-{number}", cpu="500m"))
    for number in range(8):
        await fleet.running(f"spread-{number}")
    assert await fleet.worker_pods("worker-1")
    assert await fleet.worker_pods("worker-2")


async def test_a_finished_pod_stays_finished_when_its_worker_pod_is_collected(fleet: Hands, node: str) -> None:
    await fleet.create(PODS, sleeper("brief", seconds=1, node=node))
    await fleet.in_phase("brief", "Succeeded")
    worker_pod = await the_worker_pod(fleet, "brief")
    await removed(fleet.workers["worker-1"], PODS, worker_pod["metadata"]["name"], fleet.mount)
    await eventually(lambda: _none_left(fleet, "brief"), "worker pod collected")
    await fleet.create(
        PODS, sleeper("after", seconds=1, node=node)
    )  # what comes after has been worked on, so what came before has
    await fleet.in_phase("after", "Succeeded")
    pod = await fleet.pod("brief")
    assert pod is not None
    assert pod["status"]["phase"] == "Succeeded"


async def test_a_failed_pod_is_failed_with_its_exit_code(fleet: Hands, node: str) -> None:
    manifest = sleeper("bad", seconds=1, node=node)
    manifest["metadata"]["annotations"] = {"hollow.kubeocean.io/exit-code": "3"}
    await fleet.create(PODS, manifest)
    pod = await fleet.in_phase("bad", "Failed")
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


async def test_a_deleted_pod_gets_the_grace_it_was_given(fleet: Hands, node: str) -> None:
    manifest = sleeper("stubborn", node=node)
    manifest["metadata"]["annotations"] = {"hollow.kubeocean.io/ignore-term": "true"}
    await fleet.create(PODS, manifest)
    await fleet.running("stubborn")
    begun = asyncio.get_running_loop().time()
    await fleet.delete(PODS, "stubborn", grace_seconds=4)

    async def is_told() -> Json | None:
        pods = await fleet.worker_pods("worker-1", "stubborn")
        return pods[0] if pods and "deletionTimestamp" in pods[0]["metadata"] else None

    told = await fleet.until(is_told, "the worker pod to be told")
    assert told["metadata"]["deletionGracePeriodSeconds"] <= 4
    await fleet.gone("stubborn")
    assert 3 <= asyncio.get_running_loop().time() - begun <= 15
    assert await fleet.worker_pods("worker-1", "stubborn") == []


async def test_a_worker_pod_deleted_by_hand_fails_its_computing_pod(fleet: Hands, node: str) -> None:
    await fleet.create(PODS, sleeper("lost", node=node))
    await fleet.running("lost")
    worker_pod = await the_worker_pod(fleet, "lost")
    await removed(fleet.workers["worker-1"], PODS, worker_pod["metadata"]["name"], fleet.mount)
    pod = await fleet.in_phase("lost", "Failed")
    assert pod["status"]["reason"] == "PhysicalPodLost"
    assert "DisruptionTarget" in {
        condition["type"] for condition in pod["status"]["conditions"] if condition["status"] == "True"
    }


async def test_a_force_deleted_pod_leaves_nothing_in_the_worker(fleet: Hands, node: str) -> None:
    await fleet.create(PODS, sleeper("forced", node=node))
    await fleet.running("forced")
    await fleet.delete(PODS, "forced", grace_seconds=0)
    await fleet.until(lambda: _none_left(fleet, "forced"), "orphan removed")


async def test_labels_and_annotations_follow_and_the_user_s_stay(fleet: Hands, node: str) -> None:
    manifest = sleeper("dressed", node=node)
    manifest["metadata"]["labels"] = {"app": "web", "l" * 63: "v" * 63}
    manifest["metadata"]["annotations"] = {"note": "mine", "cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    await fleet.create(PODS, manifest)
    await fleet.running("dressed")
    await fleet.patch(PODS, "dressed", {"metadata": {"labels": {"app": "other", "l" * 63: None}}})

    async def follows() -> Json | None:
        pod = await the_worker_pod(fleet, "dressed")
        labels = pod["metadata"]["labels"]
        return pod if labels.get("app") == "other" and "l" * 63 not in labels else None

    worker_pod = await fleet.until(follows, "labels to follow")
    assert own_annotation(worker_pod, "note") == "mine"
    assert own_annotation(worker_pod, "cluster-autoscaler.kubernetes.io/safe-to-evict") is None
    pod = await fleet.pod("dressed")
    assert pod is not None
    assert pod["metadata"]["labels"] == {"app": "other"}
    assert own_annotation(pod, "note") == "mine"


async def test_two_pods_of_one_name_in_two_namespaces_both_run(fleet: Hands, node: str) -> None:
    other = f"{fleet.namespace}-2"
    await fleet.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    try:
        await fleet.create(PODS, sleeper("same", node=node))

        async def accepted() -> Json | None:
            return await fleet.create(PODS, sleeper("same", node=node), other)

        await fleet.until(accepted, "the second pod to be accepted (its namespace needs a service account)")
        await fleet.running("same")

        async def other_runs() -> bool:
            pod = await fleet.find(PODS, "same", other)
            return pod is not None and pod["status"].get("phase") == "Running"

        await fleet.until(other_runs, "the other pod to run")
    finally:
        await fleet.delete(NAMESPACES, other, "")
        await fleet.until(lambda: _absent(fleet, other), f"namespace {other} gone")


async def test_a_pod_s_name_may_have_253_characters_and_dots(fleet: Hands, node: str) -> None:
    name = ".".join(["a" * 49] * 5) + "-bc"
    assert len(name) == 252
    name += "d"
    await fleet.create(PODS, sleeper(name, node=node))
    await fleet.running(name)
    await fleet.delete(PODS, name)
    await fleet.gone(name)


async def test_an_api_token_is_never_the_worker_s(fleet: Hands, node: str) -> None:

    async def accepted() -> Json:
        return await fleet.create(PODS, sleeper("tokened", node=node, automountServiceAccountToken=True))

    await fleet.until(accepted, "the pod to be accepted (1.20 makes the token some time after the account)")
    await fleet.running("tokened")
    worker_pod = await the_worker_pod(fleet, "tokened")
    assert "projected" not in str(worker_pod["spec"].get("volumes"))
    assert all("secret" not in volume for volume in worker_pod["spec"].get("volumes", []))
    assert any("emptyDir" in volume for volume in worker_pod["spec"].get("volumes", []))
    (event,) = await fleet.events("tokened", "TokenNotMirrored")
    assert event["type"] == "Warning"


async def _none_left(fleet: Hands, name: str) -> bool:
    return not await fleet.worker_pods("worker-1", name)


async def _absent(fleet: Hands, namespace: str) -> bool:
    return await found(fleet.computing, NAMESPACES, namespace) is None
