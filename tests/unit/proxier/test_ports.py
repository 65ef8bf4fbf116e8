from datetime import UTC, datetime, timedelta

import pytest

from proxier.ports import port_of, ports_of
from reconciler import names
from reconciler.kube.projections import Node, NodeSpec, ObjectMeta
from reconciler.marks import Identity

IDENTITY = Identity("computing-uid", "b1", "binding-uid", "c1", "mount")
START = datetime(2026, 1, 1, tzinfo=UTC)
PORTS = range(12000, 20000)


def vnode(name: str, port: str, *, age: int = 0, cluster: str = "c1") -> Node:
    labels = {names.PROXIER_PORT: port, names.CLUSTER_BINDING: "b1"}
    metadata = ObjectMeta(name, labels=labels, creation_timestamp=START - timedelta(days=age))
    return Node(metadata, NodeSpec(provider_id=names.provider_id(cluster, name)))


def test_each_vnode_has_its_port() -> None:
    assert ports_of([vnode("a", "12000"), vnode("b", "19999")], IDENTITY, PORTS) == {12000: "a", 19999: "b"}


def test_a_port_that_two_claim_stays_with_the_elder() -> None:
    assert ports_of([vnode("forged", "12000"), vnode("old", "12000", age=1)], IDENTITY, PORTS) == {12000: "old"}


def test_a_node_of_another_binding_is_not_served() -> None:
    assert ports_of([vnode("other", "12000", cluster="c2")], IDENTITY, PORTS) == {}


@pytest.mark.parametrize("port", ["11999", "20000", "22", "", "x", "-1", "12000.5", "1" * 5000])
def test_a_port_outside_the_range_is_not_opened(port: str) -> None:
    assert ports_of([vnode("a", port)], IDENTITY, PORTS) == {}


def test_a_label_that_is_no_number_is_no_port() -> None:
    assert port_of(vnode("a", "²")) is None
