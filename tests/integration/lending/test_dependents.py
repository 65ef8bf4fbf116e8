"""ConfigMaps and Secrets follow their pods, and nothing else does (issue case 3)."""

import base64

import pytest

from reconciler.kube.resources import CONFIGMAPS, PODS, SECRETS
from tests.integration.lending.hands import Hands, Json, eventually, removed, sleeper


def configmap(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> Json:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


def reader(name: str, node: str) -> Json:
    """A pod that needs a ConfigMap `settings` and a Secret `key`."""
    pod = sleeper(name, node=node)
    container = pod["spec"]["containers"][0]
    container["env"] = [{"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}}]
    container["volumeMounts"] = [{"name": "key", "mountPath": "/key"}]
    pod["spec"]["volumes"] = [{"name": "key", "secret": {"secretName": "key"}}]
    return pod


@pytest.fixture
async def node(fleet: Hands) -> str:
    vnodes = await fleet.vnodes("worker-1")
    return str(min(vnode["metadata"]["name"] for vnode in vnodes))


async def the_copy_has(fleet: Hands, name: str, data: dict[str, str]) -> Json:
    async def probe() -> Json | None:
        copies = await fleet.copies("worker-1", CONFIGMAPS, name)
        return copies[0] if copies and copies[0].get("data") == data else None

    return await fleet.until(probe, f"copy of {name} with {data}")


async def test_a_pod_gets_what_it_references_and_changes_follow(fleet: Hands, node: str) -> None:
    await fleet.create(CONFIGMAPS, configmap("settings", color="blue", size="1"))
    await fleet.create(SECRETS, secret("key", token="abc"))
    await fleet.create(PODS, reader("reader", node))
    await fleet.running("reader")
    await the_copy_has(fleet, "settings", {"color": "blue", "size": "1"})
    (copied,) = await fleet.copies("worker-1", SECRETS, "key")
    assert copied["data"] == secret("key", token="abc")["data"]
    await fleet.patch(CONFIGMAPS, "settings", {"data": {"color": "red", "size": None}})
    await the_copy_has(fleet, "settings", {"color": "red"})


async def test_what_is_created_after_its_pod_is_picked_up(fleet: Hands, node: str) -> None:
    await fleet.create(PODS, reader("early", node))
    await fleet.until(lambda: _mirrored(fleet, "early"), "the worker pod to wait")
    pod = await fleet.pod("early")
    assert pod is not None
    assert pod["status"]["phase"] == "Pending"
    await fleet.create(CONFIGMAPS, configmap("settings", color="blue"))
    await fleet.create(SECRETS, secret("key", token="abc"))
    await fleet.running("early")


async def test_a_copy_edited_or_deleted_by_hand_is_repaired(fleet: Hands, node: str) -> None:
    await fleet.create(CONFIGMAPS, configmap("settings", color="blue"))
    await fleet.create(SECRETS, secret("key", token="abc"))
    await fleet.create(PODS, reader("reader", node))
    await fleet.running("reader")
    copy = await the_copy_has(fleet, "settings", {"color": "blue"})
    worker, name = fleet.workers["worker-1"], copy["metadata"]["name"]
    await worker.patch(CONFIGMAPS, name, {"data": {"color": "tampered", "more": "x"}}, fleet.mount)
    await the_copy_has(fleet, "settings", {"color": "blue"})
    await removed(worker, CONFIGMAPS, name, fleet.mount)

    async def made_again() -> Json | None:
        copies = await fleet.copies("worker-1", CONFIGMAPS, "settings")
        return copies[0] if copies and copies[0]["metadata"]["uid"] != copy["metadata"]["uid"] else None

    assert (await fleet.until(made_again, "the copy to be made again"))["data"] == {"color": "blue"}


async def test_a_copy_goes_with_the_last_pod_that_names_it(fleet: Hands, node: str) -> None:
    await fleet.create(CONFIGMAPS, configmap("settings", color="blue"))
    await fleet.create(SECRETS, secret("key", token="abc"))
    await fleet.create(PODS, reader("one", node))
    await fleet.create(PODS, reader("two", node))
    await fleet.running("one")
    await fleet.running("two")
    await fleet.delete(PODS, "one")
    await fleet.gone("one")
    assert await fleet.copies("worker-1", SECRETS, "key")
    await fleet.delete(PODS, "two")
    await fleet.gone("two")
    await eventually(lambda: _no_copies(fleet), "copies to go")


async def test_what_no_pod_names_never_leaves_the_computing_cluster(fleet: Hands, node: str) -> None:
    await fleet.create(SECRETS, secret("private", token="abc"))
    await fleet.create(PODS, sleeper("plain", node=node))
    await fleet.running("plain")
    assert await fleet.copies("worker-1", SECRETS, "private") == []


async def _mirrored(fleet: Hands, name: str) -> bool:
    return bool(await fleet.worker_pods("worker-1", name))


async def _no_copies(fleet: Hands) -> bool:
    return not await fleet.copies("worker-1", CONFIGMAPS, "settings") and not await fleet.copies(
        "worker-1", SECRETS, "key"
    )
