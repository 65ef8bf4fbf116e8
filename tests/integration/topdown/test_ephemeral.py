"""Ephemeral containers: a real API server takes each as it was decided, and shows it so that nothing is left to do."""

from dataclasses import replace

import msgspec
import pytest

from reconciler import names
from reconciler.clock import SystemClock
from reconciler.decision import Create, Decision
from reconciler.kube.errors import ConflictError
from reconciler.kube.projections import Copied, Pod
from reconciler.kube.resources import PODS
from reconciler.topdown.decide_pod import decide_pod
from tests.integration.debugging import ephemeral_patch
from tests.integration.topdown.conftest import World, status_of
from tests.integration.topdown.test_pods import FULL_SPEC
from tests.mirroring import Json, running

DEBUG: Json = {
    "name": "d",
    "image": "busybox",
    "stdin": True,
    "tty": True,
    "targetContainerName": "main",
    "env": [
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}},
    ],
    "envFrom": [{"secretRef": {"name": "passwords", "optional": True}}],
    "volumeMounts": [{"name": it, "mountPath": f"/{it}"} for it in ("config", "mixed", "about", "data")],
}


async def a_running_pod(world: World) -> str:
    name = await world.create(FULL_SPEC)
    view = await world.settle(name)
    await world.patch(view.worker_pod, {"status": running()}, "status")
    await world.settle(name)
    return name


async def debug(world: World, name: str, *containers: Json) -> None:
    """As a user of the computing cluster."""
    pod = await world.read(PODS, name, world.namespace)
    assert pod is not None
    await add(world, pod, *containers)


async def add(world: World, pod: Json, *containers: Json) -> None:
    metadata, patch = pod["metadata"], ephemeral_patch(world.programs, pod, *containers)
    await world.client.patch(PODS, metadata["name"], patch, metadata["namespace"], subresource="ephemeralcontainers")


def ephemerals(pod: Copied[Pod] | None) -> list[Json]:
    assert pod is not None
    return list(msgspec.json.decode(pod.raw)["spec"].get("ephemeralContainers", []))


async def test_one_with_everything_is_accepted_and_nothing_is_left_to_do(world: World) -> None:
    name = await a_running_pod(world)
    await debug(world, name, DEBUG)
    view = await world.settle(name)
    (made,) = ephemerals(view.worker_pod)
    assert made["terminationMessagePath"], "the server fills in what was not said"
    assert made["env"][1]["valueFrom"]["configMapKeyRef"]["name"] == names.mirrored_name(world.namespace, "settings")
    assert [it["name"] for it in made["volumeMounts"]] == ["config", "mixed", "about", "data"]
    assert decide_pod(await world.view(name), SystemClock().now()).actions == ()


async def test_more_are_added_to_those_that_are_there_whoever_made_them(world: World) -> None:
    name = await a_running_pod(world)
    await debug(world, name, DEBUG)
    view = await world.settle(name)
    assert view.worker_pod is not None
    await add(world, msgspec.json.decode(view.worker_pod.raw), {**DEBUG, "name": "of-the-owner", "env": []})
    await debug(world, name, {"name": "e", "image": "busybox"}, {"name": "f", "image": "busybox"})
    view = await world.settle(name)
    assert [it["name"] for it in ephemerals(view.worker_pod)] == ["d", "of-the-owner", "e", "f"]


async def test_somebody_who_was_quicker_is_not_overwritten(world: World) -> None:
    name = await a_running_pod(world)
    await debug(world, name, DEBUG)
    decision = decide_pod(await world.view(name), SystemClock().now())
    view = await world.view(name)
    assert view.worker_pod is not None
    await add(world, msgspec.json.decode(view.worker_pod.raw), {"name": "of-the-owner", "image": "busybox"})
    with pytest.raises(ConflictError):
        await world.perform(decision)
    view = await world.settle(name)
    assert [it["name"] for it in ephemerals(view.worker_pod)] == ["of-the-owner", "d"]


async def test_its_status_is_shown_and_that_of_the_owner_s_is_not(world: World) -> None:
    name = await a_running_pod(world)
    await debug(world, name, DEBUG)
    view = await world.settle(name)
    state = {
        "image": "busybox",
        "imageID": "",
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "state": {"running": {"startedAt": "2026-03-02T12:00:00Z"}},
    }
    both = [{"name": it, **state} for it in ("d", "of-the-owner")]
    await world.patch(view.worker_pod, {"status": {"ephemeralContainerStatuses": both}}, "status")
    shown = status_of((await world.settle(name)).computing_pod)
    assert shown["ephemeralContainerStatuses"] == both[:1]


async def test_a_refusal_is_told_once_and_takes_no_other_with_it(world: World) -> None:
    """The worker's webhooks have given its pod a container that is called as the user calls his."""
    name = await world.create(FULL_SPEC)
    (create, *_) = decide_pod(await world.view(name), SystemClock().now()).actions
    assert isinstance(create, Create)
    spec = create.manifest["spec"]
    injected = {**spec, "containers": [*spec["containers"], {"name": "taken", "image": "proxy"}]}
    await world.perform(Decision("injected", (replace(create, manifest={**create.manifest, "spec": injected}),)))
    await world.settle(name)
    await debug(world, name, {"name": "taken", "image": "busybox"}, {"name": "free", "image": "busybox"})
    view = await world.settle(name)
    assert [it["name"] for it in ephemerals(view.worker_pod)] == ["free"]
    told = {it["type"]: it for it in status_of(view.computing_pod)["conditions"]}[names.CONDITION_EPHEMERAL]
    assert told["reason"] == names.EVENT_EPHEMERAL_REFUSED
    assert 'Duplicate value: "taken"' in told["message"]


async def test_a_worker_that_does_not_offer_them_is_told_of_once(world: World) -> None:
    name = await a_running_pod(world)
    await debug(world, name, DEBUG)
    view = await world.settle(name, ephemeral_api=None)
    assert ephemerals(view.worker_pod) == []
    told = {it["type"]: it for it in status_of(view.computing_pod)["conditions"]}[names.CONDITION_EPHEMERAL]
    assert told["reason"] == names.EVENT_EPHEMERAL_NOT_OFFERED
    view = await world.settle(name)
    assert [it["name"] for it in ephemerals(view.worker_pod)] == ["d"]
    assert names.CONDITION_EPHEMERAL not in {it["type"] for it in status_of(view.computing_pod)["conditions"]}
