from collections import Counter
from dataclasses import dataclass, field

import pytest

from reconciler import names
from reconciler.bottomup.view import Endpoint
from reconciler.bridge.proxiers import LeaseSpec, Proxier, ProxierLease, Proxiers, chosen_for, port_for, proxier_of
from reconciler.kube.cache import Change
from reconciler.kube.projections import DaemonEndpoints, KubeletEndpoint, Node, NodeAddress, NodeStatus, ObjectMeta

PORTS = range(12000, 12004)


def lease(name: str, address: str = "10.0.0.1", *, ports: str = "12000-12003", holder: str = "me") -> ProxierLease:
    annotations = {names.PROXIER_ADDRESS: address, names.PROXIER_PORTS: ports}
    return ProxierLease(
        ObjectMeta(name, "kubeocean-system", labels={names.CLUSTER_BINDING: "b1"}, annotations=annotations),
        LeaseSpec(holder),
    )


def vnode(name: str, port: str = "", address: str = "") -> Node:
    endpoints = DaemonEndpoints(KubeletEndpoint(int(port))) if address else DaemonEndpoints()
    addresses = (NodeAddress("InternalIP", address),) if address else ()
    labels = {names.PROXIER_PORT: port} if port else {}
    return Node(ObjectMeta(name, labels=labels), status=NodeStatus(addresses=addresses, daemon_endpoints=endpoints))


@dataclass
class World:
    """Proxiers of binding b1, a clock by hand, and vnodes' labels."""

    now: float = 100.0
    labels: dict[int, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.proxiers = Proxiers("b1", lambda port: self.labels.get(port, ()), lambda: self.now)

    def renew(self, *leases: ProxierLease) -> None:
        for each in leases:
            self.proxiers.take(Change(each.metadata.key, None, each))


def test_a_lease_tells_address_and_ports() -> None:
    assert proxier_of(lease("a")) == Proxier("a", "10.0.0.1", range(12000, 12004))


@pytest.mark.parametrize(
    "spoiled",
    [lease("a", "example.com"), lease("a", ports="many"), lease("a", ports="5-4")],
    ids=["no address", "no ports", "an empty range"],
)
def test_a_lease_that_says_nothing_usable_is_no_proxier(spoiled: ProxierLease) -> None:
    assert proxier_of(spoiled) is None


def test_vnodes_are_balanced_and_only_the_dead_one_s_are_moved() -> None:
    three = [Proxier(name, "10.0.0.1", PORTS) for name in "abc"]
    before = {f"vnode-{number}": chosen_for(f"vnode-{number}", three) for number in range(300)}
    shares = Counter(proxier.name for proxier in before.values() if proxier)
    assert min(shares.values()) > 60
    for name, proxier in before.items():
        assert proxier is not None
        assert proxier.name == "c" or chosen_for(name, three[:2]) == proxier


def test_all_ports_are_given_out_and_then_none() -> None:
    taken: set[int] = set()
    for number in range(4):
        port = port_for(f"vnode-{number}", PORTS, lambda each: each not in taken)
        assert port is not None
        taken.add(port)
    assert taken == set(PORTS)
    assert port_for("vnode-4", PORTS, lambda each: each not in taken) is None


def test_a_vnode_keeps_the_port_on_its_label() -> None:
    world = World(labels={12002: {"v1"}})
    world.renew(lease("a"))
    assert world.proxiers.endpoint_for("v1", vnode("v1", "12002")) == Endpoint("10.0.0.1", 12002)


def test_of_two_vnodes_with_one_port_one_gets_another() -> None:
    world = World(labels={12002: {"v1", "v2"}})
    world.renew(lease("a"))
    first = world.proxiers.endpoint_for("v1", vnode("v1", "12002"))
    second = world.proxiers.endpoint_for("v2", vnode("v2", "12002"))
    assert first == Endpoint("10.0.0.1", 12002)
    assert second is not None
    assert second.port in set(PORTS) - {12002}


def test_a_promise_holds_until_it_is_seen() -> None:
    world = World()
    world.renew(lease("a"))
    promised = {name: world.proxiers.endpoint_for(name, None) for name in ("v1", "v2", "v3", "v4")}
    assert len({endpoint.port for endpoint in promised.values() if endpoint}) == 4
    assert world.proxiers.endpoint_for("v1", None) == promised["v1"]
    assert world.proxiers.endpoint_for("v5", None) is None


def test_a_proxier_that_does_not_renew_loses_its_vnodes() -> None:
    world = World()
    world.renew(lease("a", "10.0.0.1"), lease("b", "10.0.0.2"))
    assert world.proxiers.has_changed()
    world.now += 2
    world.renew(lease("b", "10.0.0.2"))
    world.now += 2
    assert world.proxiers.has_changed()
    assert not world.proxiers.has_changed()
    found = {world.proxiers.endpoint_for(f"v{number}", None) for number in range(3)}
    assert {endpoint.address for endpoint in found if endpoint} == {"10.0.0.2"}


def test_while_none_lives_vnodes_stay_where_they_are() -> None:
    world = World()
    world.renew(lease("a"))
    world.now += 60
    there = vnode("v1", "12001", "10.0.0.9")
    assert world.proxiers.endpoint_for("v1", there) == Endpoint("10.0.0.9", 12001)


def test_without_any_proxier_there_is_no_endpoint() -> None:
    assert World().proxiers.endpoint_for("v1", vnode("v1", "12001", "10.0.0.9")) is None


def test_a_lease_that_is_given_back_counts_no_more() -> None:
    world = World()
    world.renew(lease("a", "10.0.0.1"), lease("b", "10.0.0.2"))
    world.renew(lease("a", "10.0.0.1", holder=""))
    found = {world.proxiers.endpoint_for(f"v{number}", None) for number in range(3)}
    assert {endpoint.address for endpoint in found if endpoint} == {"10.0.0.2"}


def test_a_proxier_of_another_binding_is_not_ours() -> None:
    world = World()
    other = lease("a")
    other.metadata.labels[names.CLUSTER_BINDING] = "b2"
    world.renew(other)
    assert world.proxiers.endpoint_for("v1", None) is None
