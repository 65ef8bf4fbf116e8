"""What topdown decides about copies: a real API server accepts every write, and shows it so that nothing is left to do."""

import pytest

from reconciler import names
from reconciler.clock import SystemClock
from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource
from reconciler.marks import BindingState
from reconciler.topdown.decide_dependent import decide_dependent
from reconciler.topdown.view import DependentView
from tests.integration.topdown.conftest import MOST_PASSES, World
from tests.mirroring import BINDING, Json


def dependent_view(world: World, resource: Resource, origin: Json | None, copy: Json | None) -> DependentView:
    state = BindingState(world.identity)
    return DependentView(
        BINDING, state, resource, world.namespace, "settings", origin, copy, is_referenced=origin is not None
    )


@pytest.mark.parametrize("resource", [CONFIGMAPS, SECRETS], ids=lambda it: it.plural)
async def test_a_copy_follows_its_origin_from_birth_to_death(world: World, resource: Resource) -> None:
    name = names.mirrored_name(world.namespace, "settings")

    async def settle(origin: Json | None) -> Json | None:
        for _ in range(MOST_PASSES):
            copy = await world.read(resource, name, world.identity.mount_namespace)
            decision = decide_dependent(dependent_view(world, resource, origin, copy), SystemClock().now())
            if not decision.actions:
                return copy
            await world.perform(decision)
        raise AssertionError("still busy")

    manifest = {
        "apiVersion": "v1",
        "kind": resource.kind,
        "metadata": {"name": "settings"},
        "data": {"a": "MQ==", "b": "Mg=="},
    }
    origin = await world.client.create(resource, manifest, world.namespace)
    for change in (
        {"data": {"a": "OQ==", "b": None}},
        {"metadata": {"labels": {"app": "web"}}},
        {"immutable": True},
        {"metadata": {"labels": {"app": None}}},
    ):
        origin = await world.client.patch(resource, "settings", change, world.namespace)
        copy = await settle(origin)
        assert copy is not None
        assert (copy["data"], copy.get("immutable")) == (origin["data"], origin.get("immutable"))
        assert copy["metadata"]["labels"].get("app") == origin["metadata"].get("labels", {}).get("app")
    frozen = await world.read(resource, name, world.identity.mount_namespace)
    replaced = {**origin, "data": {"a": "Nw=="}, "metadata": {**origin["metadata"], "uid": "another"}}
    anew = await settle(replaced)
    assert frozen is not None
    assert anew is not None
    assert anew["data"] == {"a": "Nw=="}
    assert anew["metadata"]["uid"] != frozen["metadata"]["uid"], "an immutable copy is made anew"
    assert await settle(None) is None
