"""The binding as its Bridge knows it: of this moment, and not parsed again for every pass."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from inventory.manifests import binding_from
from reconciler.bridge.bridge import Bridge, Surroundings
from reconciler.bridge.computing import Computing
from reconciler.bridge.ground import Bound
from reconciler.clock import SystemClock
from reconciler.kube.client import Client
from reconciler.kube.projections import CustomObject, ObjectMeta
from reconciler.kube.watch_events import Added
from reconciler.marks import BindingState, Identity
from reconciler.metrics import ControllerMetrics
from reconciler.perform import Performer
from reconciler.settings import Settings
from reconciler.wakeups import Wakeups

IDENTITY = Identity("computing-uid", "tokyo", "binding-uid", "c1", "kubeocean-worker")
SPEC: dict[str, Any] = {
    "clusterID": "c1",
    "secretRef": {"name": "tokyo", "namespace": "kubeocean-system"},
    "mountNamespace": "kubeocean-worker",
}


def no_performer(_worker: Client | None) -> Performer:
    raise AssertionError("nothing is written here")


class World:
    """A Bridge and what the computing cluster shows of its binding."""

    def __init__(self, client: Client) -> None:
        self.computing = Computing(client, IDENTITY.computing_cluster_uid, 60)
        metrics = ControllerMetrics(CollectorRegistry())
        around = Surroundings(self.computing, Settings(), SystemClock(), metrics, no_performer, Wakeups(SystemClock()))
        binding = binding_from({"metadata": {"name": "tokyo"}, "spec": SPEC})
        self.bridge = Bridge(around, client, Bound(binding, BindingState(IDENTITY)), "worker-uid")

    def show(self, version: str, uid: str = IDENTITY.binding_uid, **spec: Any) -> None:
        metadata = ObjectMeta("tokyo", uid=uid, resource_version=version)
        self.computing.bindings._take(Added(CustomObject(metadata, {**SPEC, **spec})))


@pytest.fixture
async def world(client: Client) -> World:
    return World(client)


def test_a_binding_is_parsed_once_per_version(world: World) -> None:
    world.show("1", suspend=True)
    first = world.bridge.bound()
    assert first.binding.suspend
    assert world.bridge.bound() is first


def test_a_changed_binding_counts_at_once(world: World) -> None:
    world.show("1")
    before = world.bridge.bound().binding.suspend
    world.show("2", suspend=True)
    assert (before, world.bridge.bound().binding.suspend) == (False, True)


def test_the_last_good_spec_holds_while_the_binding_is_invalid(world: World) -> None:
    world.show("1", clusterDomain="example.org")
    world.bridge.bound()
    world.show("2", clusterDomain=7)
    assert world.bridge.bound().binding.cluster_domain == "example.org"


def test_a_binding_made_anew_under_the_old_name_is_another_one(world: World) -> None:
    world.show("1", uid="another-uid", suspend=True)
    assert not world.bridge.bound().binding.suspend
