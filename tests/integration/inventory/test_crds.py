"""What a real API server makes of the CRDs: the same as inventory/kinds.py, as far as a server can."""

from typing import Any

import pytest

from inventory.errors import InvalidInventoryError
from inventory.manifests import binding_from, policy_from
from inventory.names import API_VERSION
from reconciler.kube.client import Client
from reconciler.kube.errors import RejectedError
from reconciler.names import BINDINGS, POLICIES
from tests.unit.inventory.test_schema import FULL_BINDING, FULL_POLICY, binding_with, policy_with

OLDEST_WITH_RULES = 25  # minor version of the first Kubernetes that checks x-kubernetes-validations by default


def named(name: str, manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "apiVersion": API_VERSION, "metadata": {"name": name}}


async def checks_rules(client: Client) -> bool:
    return (await client.server_version()).minor >= OLDEST_WITH_RULES


@pytest.mark.parametrize("manifest", [policy_with(), FULL_POLICY], ids=["minimal", "full"])
async def test_a_policy_comes_back_as_it_was_meant(client: Client, name: str, manifest: dict[str, Any]) -> None:
    live = await client.create(POLICIES, named(name, manifest))

    from_server, written = policy_from(dict(live)), policy_from(named(name, manifest))
    assert (from_server.created_at is not None, written.created_at) == (True, None)
    assert manifest["spec"].items() <= live["spec"].items()
    assert (from_server.limits, from_server.windows, from_server.drain) == (
        written.limits,
        written.windows,
        written.drain,
    )


@pytest.mark.parametrize("manifest", [binding_with(), FULL_BINDING], ids=["minimal", "full"])
async def test_a_binding_comes_back_as_it_was_meant(client: Client, name: str, manifest: dict[str, Any]) -> None:
    live = await client.create(BINDINGS, named(name, manifest))

    assert binding_from(dict(live)) == binding_from(named(name, manifest))


@pytest.mark.parametrize(
    "manifest",
    [
        policy_with(timeWindows=[{"start": "25:00", "end": "06:00"}]),
        policy_with(timeWindows=[{"start": "22:00", "end": "6:00"}]),
        policy_with(timeWindows=[{"start": "22:00", "end": "06:00", "days": ["Fri"]}]),
        policy_with(resourceLimits=[{"resource": "cpu", "percent": 150}]),
        policy_with(resourceLimits=[{"resource": "cpu", "quantity": "-1"}]),
        policy_with(resourceLimits=[{"resource": "cpu", "quantity": -1}]),
        policy_with(resourceLimits=[{"resource": "a b", "percent": 1}]),
        policy_with(noticeSeconds=-1),
        policy_with(priority=2**31),
        policy_with(expiresAt="tomorrow"),
        policy_with(cluster="Worker_1"),
        policy_with(nodeSelector={"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Equals"}]}]}),
        {**policy_with(), "spec": {}},
    ],
    ids=lambda manifest: str(manifest["spec"])[:40],
)
async def test_what_an_inventory_refuses_the_server_refuses_too(
    client: Client, name: str, manifest: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInventoryError):
        policy_from(named(name, manifest))
    with pytest.raises(RejectedError):
        await client.create(POLICIES, named(name, manifest))


async def test_what_an_old_server_lets_pass_is_found_when_it_is_read(client: Client, name: str) -> None:
    twice = policy_with(resourceLimits=[{"resource": "cpu", "percent": 50}, {"resource": "cpu", "percent": 40}])

    if await checks_rules(client):
        with pytest.raises(RejectedError, match="one limit only"):
            await client.create(POLICIES, named(name, twice))
    with pytest.raises(InvalidInventoryError):
        policy_from(named(name, twice))


async def test_the_identity_of_a_binding_cannot_change_where_the_server_knows_rules(client: Client, name: str) -> None:
    await client.create(BINDINGS, named(name, binding_with()))
    change = {"spec": {"clusterID": "other"}}

    if await checks_rules(client):
        with pytest.raises(RejectedError, match="immutable"):
            await client.patch(BINDINGS, name, change)
    else:
        assert (await client.patch(BINDINGS, name, change))["spec"]["clusterID"] == "other"


async def test_a_status_may_hold_an_empty_message_and_zeros(client: Client, name: str) -> None:
    await client.create(BINDINGS, named(name, binding_with()))
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "ValidationPassed",
        "message": "",
        "lastTransitionTime": "2026-01-05T12:00:00Z",
    }
    status = {"phase": "Ready", "nodes": {"matched": 0, "leased": 0}, "leased": {"cpu": "0"}, "conditions": [condition]}

    live = await client.patch(BINDINGS, name, {"status": status}, subresource="status")

    assert live["status"] == status


async def test_the_status_of_a_policy_is_kept_whole(client: Client, name: str) -> None:
    await client.create(POLICIES, named(name, policy_with()))
    status = {
        "phase": "Active",
        "observedGeneration": 1,
        "activeTimeWindow": True,
        "nextTransition": {"at": "2026-01-05T12:00:00Z", "direction": "Close"},
        "nodes": {"matched": 3, "leased": 2},
    }

    live = await client.patch(POLICIES, name, {"status": status}, subresource="status")

    assert live["status"] == status


async def test_a_field_that_nobody_declared_is_pruned(client: Client, name: str) -> None:
    live = await client.create(POLICIES, named(name, policy_with(novelty=1)))

    assert "novelty" not in live["spec"]
