"""Every verb, as a real API server understands it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.kubeconfig import with_token
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    GoneError,
    NotFoundError,
    RejectedError,
    TransientError,
)
from reconciler.kube.kubeconfig import from_file, from_secret
from reconciler.kube.resources import CONFIGMAPS, CRDS, NODES, PODS, SECRETS, Resource

PLAINTEXT = "hunter2"
QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
BUDGETS = Resource("policy", "v1beta1", "poddisruptionbudgets", "PodDisruptionBudget")
NOWHERE = Resource("kubeocean.example", "v1", "nowheres", "Nowhere")


def configmap(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"app": "x"}},
        "spec": {"nodeName": "nowhere", "containers": [{"name": "c", "image": "i"}]},
    }


async def test_what_is_created_can_be_got_changed_and_deleted(client: Client, namespace: str) -> None:
    created = await client.create(CONFIGMAPS, configmap("c", a="1", b="2"), namespace)
    changed = await client.patch(CONFIGMAPS, "c", {"data": {"a": None, "b": "3"}}, namespace)
    assert changed["data"] == {"b": "3"}
    assert (await client.get(CONFIGMAPS, "c", namespace))["data"] == {"b": "3"}
    await client.delete(CONFIGMAPS, "c", namespace, uid=created["metadata"]["uid"])
    with pytest.raises(NotFoundError):
        await client.get(CONFIGMAPS, "c", namespace)


async def test_a_name_that_is_taken_is_told_from_a_conflict(client: Client, namespace: str) -> None:
    created = await client.create(CONFIGMAPS, configmap("c"), namespace)
    with pytest.raises(AlreadyExistsError):
        await client.create(CONFIGMAPS, configmap("c"), namespace)
    old = {"metadata": {"resourceVersion": created["metadata"]["resourceVersion"]}, "data": {"a": "2"}}
    await client.patch(CONFIGMAPS, "c", {"data": {"a": "1"}}, namespace)
    with pytest.raises(ConflictError) as error:
        await client.patch(CONFIGMAPS, "c", old, namespace)
    assert type(error.value) is ConflictError


@pytest.mark.parametrize("wrong", ["uid", "resource_version"])
async def test_another_object_of_that_name_is_not_deleted(client: Client, namespace: str, wrong: str) -> None:
    metadata = (await client.create(CONFIGMAPS, configmap("c"), namespace))["metadata"]
    named = {"uid": metadata["uid"], "resource_version": metadata["resourceVersion"], wrong: "1"}
    with pytest.raises(ConflictError):
        await client.delete(CONFIGMAPS, "c", namespace, **named)
    assert await client.get(CONFIGMAPS, "c", namespace)


async def test_apply_creates_changes_and_takes_back(client: Client, namespace: str) -> None:
    await client.apply(CONFIGMAPS, "c", configmap("c", a="1", b="2"), namespace, field_manager="git")
    applied = await client.apply(CONFIGMAPS, "c", configmap("c", a="1"), namespace, field_manager="git")
    assert applied["data"] == {"a": "1"}


async def test_apply_can_respect_or_overrule_others(client: Client, namespace: str) -> None:
    await client.apply(CONFIGMAPS, "c", configmap("c", a="1"), namespace, field_manager="git")
    with pytest.raises(ConflictError):
        await client.apply(CONFIGMAPS, "c", configmap("c", a="2"), namespace, field_manager="other", force=False)
    forced = await client.apply(CONFIGMAPS, "c", configmap("c", a="2"), namespace, field_manager="other")
    assert forced["data"] == {"a": "2"}


async def test_a_merge_patch_is_known_by_our_name(client: Client, namespace: str) -> None:
    await client.create(CONFIGMAPS, configmap("c", a="1"), namespace)
    patched = await client.patch(CONFIGMAPS, "c", {"data": {"a": "2"}}, namespace)
    assert {entry["manager"] for entry in patched["metadata"]["managedFields"]} == {"kubeocean"}


async def test_a_status_is_patched_by_itself(client: Client, namespace: str) -> None:
    await client.create(PODS, pod("p"), namespace)
    patch = {"status": {"phase": "Running"}, "spec": {"activeDeadlineSeconds": 5}}
    patched = await client.patch(PODS, "p", patch, namespace, subresource="status")
    assert (patched["status"]["phase"], patched["spec"].get("activeDeadlineSeconds")) == ("Running", None)


async def test_a_pod_is_deleted_with_the_grace_it_is_given(client: Client, namespace: str) -> None:
    created = await client.create(PODS, pod("p"), namespace)
    await client.delete(PODS, "p", namespace, uid=created["metadata"]["uid"], grace_seconds=7)
    assert (await client.get(PODS, "p", namespace))["metadata"]["deletionGracePeriodSeconds"] == 7


async def test_an_eviction_deletes_the_pod(client: Client, namespace: str) -> None:
    created = await client.create(PODS, pod("p"), namespace)
    await client.evict("p", namespace, uid=created["metadata"]["uid"])
    assert (await client.get(PODS, "p", namespace))["metadata"]["deletionTimestamp"]


async def test_another_pod_of_that_name_is_not_evicted(client: Client, namespace: str) -> None:
    await client.create(PODS, pod("p"), namespace)
    with pytest.raises(ConflictError):  # 1.20 itself tries for 10 s
        await client.evict("p", namespace, uid="another")
    assert "deletionTimestamp" not in (await client.get(PODS, "p", namespace))["metadata"]


async def test_an_eviction_that_a_budget_forbids_is_for_later(client: Client, namespace: str) -> None:
    created = await client.create(PODS, pod("p"), namespace)
    await client.patch(PODS, "p", {"status": {"phase": "Running"}}, namespace, subresource="status")
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}}
    await client.create(BUDGETS, budget, namespace)
    with pytest.raises(TransientError) as error:
        await client.evict("p", namespace, uid=created["metadata"]["uid"])
    assert error.value.status == 429


async def test_a_list_longer_than_a_page_is_whole(client: Client, namespace: str) -> None:
    for number in range(501):
        await client.create(CONFIGMAPS, configmap(f"c{number}"), namespace)
    names = [item["metadata"]["name"] for item in await client.list(CONFIGMAPS, namespace)]
    assert len(names) == len(set(names)) == 501


async def test_a_list_is_of_what_is_selected(client: Client, namespace: str) -> None:
    await client.create(CONFIGMAPS, {"metadata": {"name": "a", "labels": {"l": "1"}}}, namespace)
    await client.create(CONFIGMAPS, {"metadata": {"name": "b"}}, namespace)

    async def names(**selectors: str) -> list[str]:
        return [found["metadata"]["name"] for found in await client.list(CONFIGMAPS, namespace, **selectors)]

    assert await names(label_selector="l=1") == ["a"]
    assert await names(label_selector="!l") == ["b"]
    assert await names(field_selector="metadata.name!=a") == ["b"]


async def test_a_quota_is_no_missing_permission(client: Client, namespace: str) -> None:
    await client.create(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "0"}}}, namespace)
    full = {"status": {"hard": {"configmaps": "0"}, "used": {"configmaps": "0"}}}
    await client.patch(QUOTAS, "q", full, namespace, subresource="status")
    with pytest.raises(RejectedError, match="exceeded quota") as error:
        await client.create(CONFIGMAPS, configmap("c"), namespace)
    assert not isinstance(error.value, ForbiddenError)


async def test_an_invalid_object_is_rejected_with_the_field(client: Client, namespace: str) -> None:
    with pytest.raises(RejectedError, match=r"spec\.containers"):
        await client.create(PODS, {"metadata": {"name": "p"}, "spec": {}}, namespace)


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param({"data": {"key": f"{PLAINTEXT}!"}}, id="not-base64"),
        pytest.param({"stringData": {"bad/key": PLAINTEXT}}, id="bad-key"),
        pytest.param({"data": [PLAINTEXT]}, id="wrong-type"),
        pytest.param({"type": PLAINTEXT + "/" * 3, "data": {"a": PLAINTEXT}}, id="bad-type"),
    ],
)
async def test_a_refused_secret_is_not_quoted(client: Client, namespace: str, secret: dict[str, Any]) -> None:
    with pytest.raises(RejectedError) as error:
        await client.create(SECRETS, {"metadata": {"name": "s"}, **secret}, namespace)
    assert PLAINTEXT not in str(error.value)


@pytest.fixture
async def stranger(bare_cluster: ControlPlane) -> AsyncIterator[Client]:
    """Somebody with a valid certificate and no permission."""
    async with await connect(await from_file(bare_cluster.kubeconfig_for("stranger"))) as connected:
        yield connected


async def test_a_missing_permission_names_verb_and_resource(stranger: Client, namespace: str) -> None:
    with pytest.raises(ForbiddenError, match='cannot list resource "secrets"'):
        await stranger.list(SECRETS, namespace)


async def test_a_wrong_token_is_a_missing_permission(bare_cluster: ControlPlane) -> None:
    authority = bare_cluster.credentials.authority.certificate
    content = json.dumps(with_token("worker", bare_cluster.server, authority, "wrong")).encode()
    async with await connect(from_secret(content)) as client:
        with pytest.raises(ForbiddenError) as error:
            await client.list(NODES)
    assert error.value.status == 401


async def test_a_kubeconfig_from_a_secret_leads_to_the_same_cluster(bare_cluster: ControlPlane, namespace: str) -> None:
    content = bare_cluster.kubeconfig.read_bytes()
    async with await connect(from_secret(content)) as client:
        await client.create(CONFIGMAPS, configmap("c"), namespace)


async def test_the_server_is_known_by_discovery(client: Client) -> None:
    served = await client.discover()
    assert {("", "v1", "pods"), ("apps", "v1", "deployments"), ("coordination.k8s.io", "v1", "leases")} <= served
    assert await client.has(CRDS)
    assert not await client.has(NOWHERE)
    assert (await client.server_version()).major == 1


async def test_a_resource_that_is_not_served_is_not_found(client: Client) -> None:
    with pytest.raises(NotFoundError):
        await client.list(NOWHERE)


async def test_a_version_from_the_future_asks_for_a_new_list(client: Client) -> None:
    query = {"resourceVersion": "999999999999", "resourceVersionMatch": "NotOlderThan"}
    with pytest.raises(GoneError):
        await client.request("GET", "/api/v1/nodes", query=query)
