"""What a name means in running clusters, and what is read of them."""

from datetime import UTC, datetime

import pytest

from inventory.errors import OceanError
from oceanctl.errors import UsageMistakeError
from oceanctl.explain import pods, worker
from oceanctl.explain.live import node_place, policy_territory
from oceanctl.explain.names import UnknownNameError
from oceanctl.explain.node import explain_node
from oceanctl.explain.pod import explain_pod
from oceanctl.explain.pods import placement_of
from oceanctl.explain.territory import case_of
from reconciler import names
from reconciler.decision import Side
from reconciler.kube.resources import EVENTS, PODS
from tests.unit.oceanctl.explain.shelf import (
    MOUNT,
    Json,
    Shelf,
    Workers,
    a_binding,
    a_config,
    a_node,
    a_policy,
    a_taker,
    a_vnode,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def reached(monkeypatch: pytest.MonkeyPatch, **shelves: Shelf) -> None:
    for module in (worker, pods):
        monkeypatch.setattr(module, "worker_of", Workers(**shelves).worker_of)


@pytest.fixture
def east() -> Shelf:
    return Shelf("east", a_node("n1"), a_node("n2"), a_taker("db", "n1"), a_taker("ours", "n1", of="east"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, east: Shelf) -> Shelf:
    """Three bindings: east and west have workers that answer, north has not."""
    reached(monkeypatch, east=east, west=Shelf("west", a_node("n2"), a_node("w1")))
    bindings = (a_binding("east"), a_binding("west"), a_binding("north"))
    return Shelf("hub", *bindings, a_policy("night", "east"), a_vnode("east", "n1"), a_vnode("north", "lost"))


@pytest.mark.parametrize(
    ("name", "cluster", "binding", "node"),
    [
        pytest.param("n1", None, "east", "n1", id="a worker's node"),
        pytest.param("vnode-east-n1", None, "east", "n1", id="a vnode"),
        pytest.param("vnode-west-w1", None, "west", "w1", id="a vnode that is not there"),
        pytest.param("n2", "west", "west", "n2", id="of the binding that is named"),
        pytest.param("lost", None, "north", "lost", id="only the vnode is left to see"),
    ],
)
async def test_a_name_leads_to_a_node(hub: Shelf, name: str, cluster: str | None, binding: str, node: str) -> None:
    territory, found = await node_place(hub.client, name, cluster)
    assert (territory.binding.name, found) == (binding, node)
    assert case_of(territory, found, NOW) is not None


async def test_a_node_of_several_bindings_must_be_told_apart(hub: Shelf) -> None:
    with pytest.raises(UsageMistakeError, match="'n2' can be a node of east, west: name one with --cluster"):
        await node_place(hub.client, "n2", None)


@pytest.mark.parametrize(
    ("name", "cluster", "complaint"),
    [
        pytest.param("w11", None, r"no node 'w11'; did you mean 'w1'\?; could not ask north", id="node"),
        pytest.param("n1", "eats", r"no binding 'eats'; did you mean 'east'\?", id="binding"),
    ],
)
async def test_an_unknown_name_names_what_comes_close(
    hub: Shelf, name: str, cluster: str | None, complaint: str
) -> None:
    with pytest.raises(UnknownNameError, match=complaint):
        await node_place(hub.client, name, cluster)


async def test_an_invalid_binding_does_not_keep_others_from_answering(hub: Shelf) -> None:
    hub.put(a_binding("broken", clusterID="Not An ID"))
    territory, _ = await node_place(hub.client, "n1", None)
    assert territory.binding.name == "east"


async def test_pods_of_the_binding_are_no_foreign_load(hub: Shelf) -> None:
    territory, _ = await node_place(hub.client, "n1", None)
    assert [pod.name for pod in territory.foreign_pods["n1"]] == ["db"]


async def test_pods_that_a_vnode_gives_way_to_count_as_if_they_ran_there(hub: Shelf, east: Shelf) -> None:
    _, waiting = a_taker("job", "", cpu="3")
    waiting["metadata"]["uid"] = "job-uid"
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    waiting["status"] = {"phase": "Pending", "conditions": [unschedulable]}
    east.put((PODS, waiting), a_node("n3"))
    resource, vnode = a_vnode("east", "n3")
    vnode["metadata"]["annotations"] = {names.YIELDS_TO: "job-uid,gone-uid"}
    hub.put((resource, vnode))
    case = case_of(*await node_place(hub.client, "n3", None), NOW)
    assert case is not None
    assert case.view.yields_to == ("job-uid",)
    assert case.view.foreign_load == {"cpu": 3000, "pods": 1000}
    outcome = next(step.outcome for step in explain_node(case, NOW).steps if step.rule == "load")
    assert outcome == "1 pod of the worker's own, 1 of them still waiting for room: cpu 3 cores, pods 1 pod"


async def test_policies_of_both_sides_are_read_with_their_problems(hub: Shelf, east: Shelf) -> None:
    east.put(a_policy("theirs", "east"), a_policy("broken", "east", timeZone="Mars/Olympus"))
    territory, _ = await node_place(hub.client, "n1", None)
    assert [each.name for each in territory.sides.computing] == ["night"]
    assert [(each.name, each.policy is None) for each in territory.sides.worker or ()] == [
        ("theirs", False),
        ("broken", True),
    ]
    assert "Mars/Olympus" in territory.problems[Side.WORKER, "broken"]


async def test_policies_that_may_not_be_listed_are_unknown(hub: Shelf, east: Shelf) -> None:
    east.refused.add(names.POLICIES)
    territory, _ = await node_place(hub.client, "n1", None)
    assert territory.sides.worker is None


async def test_a_policy_leads_to_all_nodes_of_its_binding(hub: Shelf) -> None:
    territory = await policy_territory(hub.client, "night")
    assert (territory.binding.name, sorted(territory.nodes)) == ("east", ["n1", "n2"])
    with pytest.raises(UnknownNameError, match="did you mean 'night'"):
        await policy_territory(hub.client, "nigt")


async def test_a_policy_without_its_binding_lends_nothing(hub: Shelf) -> None:
    hub.put(a_policy("stray", "nowhere"))
    with pytest.raises(OceanError, match="'nowhere', which is not there"):
        await policy_territory(hub.client, "stray")


def a_computing_pod(node: str = "vnode-east-n1") -> tuple[object, Json]:
    volume = {"name": "v", "configMap": {"name": "settings"}}
    return PODS, {
        "metadata": {"name": "web", "namespace": "shop", "uid": "web-uid"},
        "spec": {"nodeName": node, "containers": [{"name": "main"}], "volumes": [volume]},
        "status": {"phase": "Pending"},
    }


def a_stand_in() -> Json:
    _, pod = a_taker(names.mirrored_name("shop", "web"), "n1", of="east")
    pod["metadata"]["annotations"][names.VIRTUAL_POD_UID] = "web-uid"
    return pod


async def test_a_pod_is_found_with_its_worker_pod_and_what_it_references(hub: Shelf, east: Shelf) -> None:
    hub.put((PODS, a_computing_pod()[1]), a_config("settings", "shop"))
    east.put((PODS, a_stand_in()))
    copy = names.mirrored_name("shop", "settings")
    _, config = a_config(copy, MOUNT)
    config["metadata"] |= {key: a_stand_in()["metadata"][key] for key in ("labels", "annotations")}
    east.put((a_config(copy, MOUNT)[0], config))
    found = await placement_of(hub.client, "shop/web", NOW)
    assert found.view is not None
    assert found.view.worker_pod is not None
    assert found.view.worker_pod.metadata.name == names.mirrored_name("shop", "web")
    (dependent,) = found.view.dependents
    assert (dependent.origin is not None, dependent.copy is not None, dependent.copy_name) == (True, True, copy)
    assert found.node is not None


async def test_a_name_that_is_taken_in_the_worker_is_seen(hub: Shelf, east: Shelf) -> None:
    hub.put((PODS, a_computing_pod()[1]))
    east.put(a_taker(names.mirrored_name("shop", "web"), "n1"))
    found = await placement_of(hub.client, "shop/web", NOW)
    assert found.view is not None
    assert (found.view.worker_pod, found.view.name_is_taken, found.view.worker_pod_is_gone) == (None, True, True)


async def test_what_ended_a_worker_pod_is_read_from_events(hub: Shelf, east: Shelf) -> None:
    _, pod = a_computing_pod()
    pod["metadata"]["annotations"] = {names.PHYSICAL_POD_UID: "old-uid", names.VIRTUAL_UID: "web-uid"}
    hub.put((PODS, pod))
    involved = {"uid": "old-uid"}
    event = {"metadata": {"name": "e", "namespace": MOUNT}, "reason": "Preempted", "message": "by shop/db"}
    east.put((EVENTS, {**event, "involvedObject": involved}))
    found = explain_pod(await placement_of(hub.client, "shop/web", NOW), NOW)
    assert "Preempted" in found.because


async def test_a_pod_on_a_silent_worker_says_so(hub: Shelf) -> None:
    hub.put((PODS, a_computing_pod("vnode-north-lost")[1]))
    found = await placement_of(hub.client, "shop/web", NOW)
    assert found.trouble == "connection refused"
    assert found.view is not None
    assert found.view.unreachable_since is not None


@pytest.mark.parametrize("node", ["", "an-ordinary-node"])
async def test_a_pod_that_is_on_no_vnode_has_no_worker(hub: Shelf, node: str) -> None:
    hub.put((PODS, a_computing_pod(node)[1]))
    found = await placement_of(hub.client, "shop/web", NOW)
    assert (found.view, dict(found.vnodes)) == (None, {"open": 2})


async def test_a_pod_whose_vnode_is_gone_still_belongs_to_its_binding(hub: Shelf) -> None:
    hub.put((PODS, a_computing_pod("vnode-west-w1")[1]))
    found = await placement_of(hub.client, "shop/web", NOW)
    assert found.view is not None
    assert (found.view.binding.name, found.view.vnode) == ("west", None)


async def test_an_unknown_pod_names_what_comes_close(hub: Shelf) -> None:
    hub.put((PODS, a_computing_pod()[1]))
    with pytest.raises(UnknownNameError, match="did you mean 'shop/web'"):
        await placement_of(hub.client, "shop/wep", NOW)
