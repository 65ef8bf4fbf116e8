"""Verbs on objects, as the server hears them."""

import json
import logging

import pytest

from reconciler.kube.client import Client
from reconciler.kube.errors import GoneError, RejectedError, TransientError
from reconciler.kube.resources import CONFIGMAPS, NODES, PODS
from tests.unit.reconciler.kube.fake_api import FakeApi, refuses, says

CONFIGMAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}


def page(*names: str, rest: str = "") -> dict[str, object]:
    return {"metadata": {"resourceVersion": "7", "continue": rest}, "items": [{"metadata": {"name": n}} for n in names]}


async def test_an_object_comes_as_the_server_sent_it(api: FakeApi, client: Client) -> None:
    api.will(says({"metadata": {"name": "c"}, "futureField": [1]}))
    assert await client.get(CONFIGMAPS, "c", "shop") == {"metadata": {"name": "c"}, "futureField": [1]}


async def test_raw_bytes_are_not_touched(api: FakeApi, client: Client) -> None:
    api.will(says({"b": 1, "a": 2}))
    assert await client.get_raw(CONFIGMAPS, "c", "shop") == b'{"b": 1, "a": 2}'


async def test_a_list_is_the_items_of_all_pages(api: FakeApi, client: Client) -> None:
    api.will(says(page("a", "b", rest="more")), says(page("c")))
    names = [item["metadata"]["name"] for item in await client.list(CONFIGMAPS, "shop", label_selector="x=y")]
    assert names == ["a", "b", "c"]
    assert [(seen.query["limit"], seen.query.get("continue")) for seen in api.seen] == [("500", None), ("500", "more")]
    assert {seen.query["labelSelector"] for seen in api.seen} == {"x=y"}


async def test_an_empty_list_may_be_null(api: FakeApi, client: Client) -> None:
    api.will(says({"metadata": {}, "items": None}))
    assert await client.list(CONFIGMAPS) == []


async def test_a_list_that_took_too_long_is_gone(api: FakeApi, client: Client) -> None:
    api.will(says(page("a", rest="more")), refuses(410, "Expired"))
    with pytest.raises(GoneError):
        await client.list(CONFIGMAPS)


async def test_apply_sends_full_intent_under_a_name(api: FakeApi, client: Client) -> None:
    api.will(says(CONFIGMAP))
    await client.apply(CONFIGMAPS, "c", CONFIGMAP, "shop", field_manager="kubeocean-gitops")
    (seen,) = api.seen
    assert seen.line == "PATCH /api/v1/namespaces/shop/configmaps/c"
    assert seen.headers["Content-Type"] == "application/apply-patch+yaml"
    assert seen.query == {"fieldManager": "kubeocean-gitops", "force": "true"}


async def test_apply_can_leave_to_others_what_is_theirs(api: FakeApi, client: Client) -> None:
    api.will(says(CONFIGMAP))
    await client.apply(CONFIGMAPS, "c", CONFIGMAP, "shop", field_manager="m", force=False)
    assert api.seen[0].query["force"] == "false"


async def test_a_delete_names_uid_version_and_grace(api: FakeApi, client: Client) -> None:
    api.will(says({}))
    await client.delete(PODS, "p", "shop", uid="u1", grace_seconds=30, resource_version="7")
    (seen,) = api.seen
    assert seen.line == "DELETE /api/v1/namespaces/shop/pods/p"
    assert json.loads(seen.body) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "u1", "resourceVersion": "7"},
        "gracePeriodSeconds": 30,
    }


async def test_nothing_is_sent_for_a_delete_without_a_uid(api: FakeApi, client: Client) -> None:
    with pytest.raises(RejectedError):
        await client.delete(PODS, "p", "shop", uid="")
    assert api.seen == []


@pytest.mark.parametrize(
    ("served", "api_version"),
    [
        pytest.param({"group": "policy", "version": "v1"}, "policy/v1", id="new"),
        pytest.param({"group": "policy", "version": "v1beta1"}, "policy/v1beta1", id="old"),
        pytest.param({}, "policy/v1beta1", id="not-said"),
    ],
)
async def test_an_eviction_speaks_the_version_that_pods_name(
    api: FakeApi, client: Client, served: dict[str, str], api_version: str
) -> None:
    api.will(says({"resources": [{"name": "pods"}, {"name": "pods/eviction", **served}]}), says({}), says({}))
    await client.evict("p", "shop", uid="u1")
    await client.evict("q", "shop", uid="u2")
    discovery, first, second = api.seen
    assert discovery.line == "GET /api/v1"
    assert first.line == "POST /api/v1/namespaces/shop/pods/p/eviction"
    assert second.line == "POST /api/v1/namespaces/shop/pods/q/eviction"
    sent = json.loads(first.body)
    assert (sent["apiVersion"], sent["kind"], sent["metadata"]) == (
        api_version,
        "Eviction",
        {"name": "p", "namespace": "shop"},
    )
    assert sent["deleteOptions"]["preconditions"] == {"uid": "u1"}


@pytest.mark.parametrize(
    ("code", "headers", "seconds"),
    [
        pytest.param(429, {"Retry-After": "10"}, 10, id="the-servers-hint"),
        pytest.param(429, {}, 5, id="no-hint-as-servers-do-while-a-budget-is-exhausted"),
        pytest.param(500, {}, None, id="two-budgets-will-not-agree-soon"),
    ],
)
async def test_an_eviction_that_a_budget_forbids_says_when_to_ask_again(
    api: FakeApi, client: Client, code: int, headers: dict[str, str], seconds: float | None
) -> None:
    api.will(says({"resources": []}), refuses(code, "TooManyRequests", "budget", **headers))
    with pytest.raises(TransientError) as error:
        await client.evict("p", "shop", uid="u1")
    assert error.value.retry_after_seconds == seconds


async def test_any_other_request_goes_by_path(api: FakeApi, client: Client) -> None:
    api.will(says({}))
    await client.request("PUT", "/api/v1/nodes/n", query={"dryRun": "All"}, body={"a": 1})
    (seen,) = api.seen
    assert (seen.line, seen.query, seen.body) == ("PUT /api/v1/nodes/n", {"dryRun": "All"}, b'{"a":1}')


async def test_discovery_gathers_groups_and_leaves_out_one_that_is_down(
    api: FakeApi, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    groups = [{"versions": [{"groupVersion": "metrics.k8s.io/v1"}]}, {"versions": [{"groupVersion": "apps/v1"}]}]
    by_path = {
        "/apis": says({"groups": groups}),
        "/api/v1": says({"resources": [{"name": "pods"}, {"name": "pods/log"}]}),
        "/apis/metrics.k8s.io/v1": refuses(503, "ServiceUnavailable"),
        "/apis/apps/v1": says({"resources": [{"name": "deployments"}]}),
    }
    api.will(*[lambda request, over: by_path[request.path](request, over)] * len(by_path))
    with caplog.at_level(logging.WARNING):
        assert await client.discover() == {("", "v1", "pods"), ("apps", "v1", "deployments")}
    assert [vars(record)["api_version"] for record in caplog.records] == ["metrics.k8s.io/v1"]


async def test_a_resource_that_is_served_is_asked_for_once(api: FakeApi, client: Client) -> None:
    api.will(says({"resources": [{"name": "pods"}]}))
    assert await client.has(PODS)
    assert await client.has(PODS)
    assert len(api.seen) == 1


async def test_a_subresource_says_what_kind_it_takes(api: FakeApi, client: Client) -> None:
    listed = [{"name": "pods", "kind": "Pod"}, {"name": "pods/ephemeralcontainers", "kind": "EphemeralContainers"}]
    api.will(says({"resources": listed}))
    assert await client.kind_of(PODS, "ephemeralcontainers") == "EphemeralContainers"
    assert await client.kind_of(PODS, "resize") is None
    assert len(api.seen) == 1


async def test_a_group_that_is_not_there_serves_nothing(api: FakeApi, client: Client) -> None:
    api.will(refuses(404, "NotFound"))
    assert not await client.has(NODES)


async def test_whether_an_api_that_is_down_serves_something_is_not_known(api: FakeApi, client: Client) -> None:
    api.will(refuses(503, "ServiceUnavailable"))
    with pytest.raises(TransientError):
        await client.has(PODS)


async def test_a_no_is_asked_again_after_ten_seconds(
    api: FakeApi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.will(says({"resources": []}), says({"resources": [{"name": "pods"}]}))
    assert not await client.has(PODS)
    monkeypatch.setattr("reconciler.kube.discovery._FRESH_NO_SECONDS", 0)
    assert await client.has(PODS)


async def test_a_version_is_numbers_even_with_a_vendors_mark(api: FakeApi, client: Client) -> None:
    api.will(says({"major": "1", "minor": "29+", "gitVersion": "v1.29.1-eks"}))
    version = await client.server_version()
    assert (version.major, version.minor, version.text) == (1, 29, "v1.29.1-eks")
