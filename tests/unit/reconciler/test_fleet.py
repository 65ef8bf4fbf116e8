import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kubernetes.aio.client.configuration import Configuration
from prometheus_client import CollectorRegistry, generate_latest

from reconciler import names
from reconciler.bridge.computing import Computing
from reconciler.fleet import FleetCollector
from reconciler.kube.access import Access
from reconciler.kube.client import connect
from reconciler.kube.projections import Copied, CustomObject, Node, NodeStatus, ObjectMeta, Pod, PodSpec, PodStatus
from reconciler.kube.watch_events import Added, Deleted

LENT = {"cpu": "1500m", "memory": "4Gi", "nvidia.com/gpu": "2"}


@pytest.fixture
async def computing() -> AsyncIterator[Computing]:
    """Caches that are filled by hand."""
    access = Access(Configuration(host="https://127.0.0.1:1"), ssl.create_default_context())
    async with await connect(access) as client:
        yield Computing(client, "uid", 90)


def custom(name: str, spec: dict[str, Any], status: dict[str, Any]) -> CustomObject:
    return CustomObject(ObjectMeta(name, uid=name, resource_version="1"), spec, status)


def vnode(name: str, mark: str = "", binding: str = "eu", pods: str = "10") -> Node:
    labels, annotations = {names.CLUSTER_BINDING: binding}, {mark: "2026-03-01T12:00:00Z"} if mark else {}
    metadata = ObjectMeta(name, uid=name, resource_version="1", labels=labels, annotations=annotations)
    return Node(metadata, status=NodeStatus(allocatable={**LENT, "pods": pods}))


def told(computing: Computing | None) -> set[str]:
    registry = CollectorRegistry()
    registry.register(FleetCollector(lambda: computing))
    return {line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")}


def test_nothing_is_told_before_the_caches_are_there() -> None:
    assert told(None) == set()


async def test_bindings_are_counted_by_phase_with_zeros(computing: Computing) -> None:
    computing.bindings._take(Added(custom("eu", {}, {"phase": "Ready"})))
    computing.bindings._take(Added(custom("us", {}, {})))
    assert {
        'kubeocean_clusterbindings_total{status="Ready"} 1.0',
        'kubeocean_clusterbindings_total{status="Pending"} 1.0',
        'kubeocean_clusterbindings_total{status="Failed"} 0.0',
        'kubeocean_clusterbindings_total{status="Deleting"} 0.0',
    } <= told(computing)


async def test_a_policy_tells_its_window_and_its_next_edge(computing: Computing) -> None:
    status: dict[str, Any] = {
        "activeTimeWindow": True,
        "nextTransition": {"at": "1970-01-01T00:01:40Z", "direction": "Close"},
    }
    computing.policies._take(Added(custom("nights", {"cluster": "eu"}, status)))
    computing.policies._take(Added(custom("new", {"cluster": "eu"}, {})))
    assert {
        'kubeocean_manager_policy_open{clusterbinding="eu",policy="nights"} 1.0',
        'kubeocean_manager_policy_open{clusterbinding="eu",policy="new"} 0.0',
        'kubeocean_manager_policy_next_transition_seconds{clusterbinding="eu",policy="nights"} 100.0',
    } <= told(computing)


async def test_only_what_is_lent_now_counts_as_lent(computing: Computing) -> None:
    nodes = (
        vnode("a"),
        vnode("b"),
        vnode("c", names.WINDOW_CLOSED_AT),
        vnode("d", pods="0"),
        vnode("e", names.SHRUNK_AT),
    )
    for each in nodes:
        computing.nodes._take(Added(each))
    assert {
        'kubeocean_syncer_vnode_total{clusterbinding="eu"} 5.0',
        'kubeocean_syncer_vnodes{clusterbinding="eu",state="lent"} 2.0',
        'kubeocean_syncer_vnodes{clusterbinding="eu",state="closed"} 1.0',
        'kubeocean_syncer_vnodes{clusterbinding="eu",state="withheld"} 1.0',
        'kubeocean_syncer_vnodes{clusterbinding="eu",state="shrinking"} 1.0',
        'kubeocean_syncer_cluster_available_resource{clusterbinding="eu",resource="cpu"} 4500.0',
        'kubeocean_syncer_cluster_available_resource{clusterbinding="eu",resource="memory"} 12288.0',
        'kubeocean_syncer_cluster_available_resource{clusterbinding="eu",resource="nvidia.com/gpu"} 6.0',
    } <= told(computing)


async def test_pods_are_counted_with_the_binding_of_their_vnode(computing: Computing) -> None:
    computing.nodes._take(Added(vnode("a")))
    for name, node, phase in (("p", "a", "Running"), ("q", "a", ""), ("r", "elsewhere", "Running")):
        metadata = ObjectMeta(name, "app", name, resource_version="1")
        computing.pods._take(Added(Copied(Pod(metadata, PodSpec(node_name=node), PodStatus(phase=phase)), b"{}")))
    pods = {line for line in told(computing) if line.startswith("kubeocean_syncer_virtual_pod_total")}
    assert pods == {
        'kubeocean_syncer_virtual_pod_total{clusterbinding="eu",phase="Running"} 1.0',
        'kubeocean_syncer_virtual_pod_total{clusterbinding="eu",phase="Unknown"} 1.0',
    }


async def test_a_series_ends_with_its_object(computing: Computing) -> None:
    computing.nodes._take(Added(vnode("a", binding="us")))
    assert any('clusterbinding="us"' in line for line in told(computing))
    computing.nodes._take(Deleted("a", "2"))
    assert not any('clusterbinding="us"' in line for line in told(computing))
