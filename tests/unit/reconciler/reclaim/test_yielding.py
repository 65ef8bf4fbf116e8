"""Which node gives way to a pod of the owner that waits for room."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kube.placement import Placement
from reconciler.kube.projections import Node, ObjectMeta
from reconciler.reclaim.yielding import AT_ONCE, Host, Wish, places_for
from tests.leasing import MONDAY_NOON


def host(name: str, free: int = 4000, ours: int = 4000, *promised_to: str) -> Host:
    """A node of which the owner leaves so much cpu, and we request so much."""
    node = Node(ObjectMeta(name, labels={"node": name}))
    return Host(node, {"cpu": free, "pods": 110_000}, {"cpu": ours, "pods": 1000}, frozenset(promised_to))


def wish(uid: str = "w", cpu: int = 1000, age: int = 0, **selector: str) -> Wish:
    requests = {"cpu": cpu, "pods": 1000, "memory": 0}
    return Wish(uid, MONDAY_NOON - timedelta(seconds=age), requests, Placement(selector))


def places(wishes: list[Wish], *hosts: Host) -> dict[str, list[str]]:
    return {name: [each.uid for each in given] for name, given in places_for(wishes, hosts).items()}


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        pytest.param([host("a")], "a", id="one-that-we-fill"),
        pytest.param([host("a", free=900)], None, id="too-small-without-us"),
        pytest.param([host("a", ours=3000)], None, id="room-is-there-so-it-waits-for-something-else"),
        pytest.param([host("a"), host("b", ours=3000)], None, id="room-is-there-on-another"),
        pytest.param([host("a", ours=4000), host("b", ours=3500)], "b", id="the-one-that-has-least-to-give"),
        pytest.param([host("b"), host("a")], "a", id="the-name-decides-among-equals"),
        pytest.param([host("a"), host("b", 4000, 4000, "w")], "b", id="the-one-on-record"),
        pytest.param([host("a"), host("b", 4000, 0, "w")], "b", id="the-one-on-record-though-it-has-room-by-now"),
        pytest.param([host("a"), host("b", 900, 900, "w")], "a", id="the-one-on-record-is-too-small-by-now"),
        pytest.param([], None, id="none-is-lent"),
    ],
)
def test_one_node_gives_way(hosts: list[Host], name: str | None) -> None:
    assert places([wish()], *hosts) == ({name: ["w"]} if name else {})


def test_only_a_node_that_the_pod_may_be_placed_on_gives_way() -> None:
    assert places([wish(node="b")], host("a"), host("b")) == {"b": ["w"]}
    assert places([wish(node="c")], host("a"), host("b")) == {}


def test_what_one_pod_is_given_is_not_given_to_another() -> None:
    wishes = [wish("young", 3000), wish("old", 3000, age=9)]
    assert places(wishes, host("a")) == {"a": ["old"]}
    assert places(wishes, host("a"), host("b")) == {"a": ["old"], "b": ["young"]}


def test_small_ones_share_a_node() -> None:
    assert places([wish("x"), wish("y")], host("a")) == {"a": ["x", "y"]}


def test_there_is_a_limit_to_what_is_given_at_once() -> None:
    wishes = [wish(f"w{number:03}", 1) for number in range(AT_ONCE + 5)]
    assert places(wishes, host("a")) == {"a": [f"w{number:03}" for number in range(AT_ONCE)]}


WISHES = st.lists(
    st.builds(wish, st.sampled_from("uvwxyz"), st.integers(0, 5000), st.integers(0, 3)),
    max_size=5,
    unique_by=lambda it: it.uid,
)
HOSTS = st.lists(
    st.builds(host, st.sampled_from("abcd"), st.integers(0, 6000), st.integers(0, 6000)),
    max_size=4,
    unique_by=lambda it: it.name,
)


@given(WISHES, HOSTS)
def test_the_order_of_pods_and_nodes_does_not_matter(wishes: list[Wish], hosts: list[Host]) -> None:
    assert places_for(wishes[::-1], hosts[::-1]) == places_for(wishes, hosts)


@given(WISHES, HOSTS)
def test_a_choice_that_is_recorded_stays_as_we_leave(wishes: list[Wish], hosts: list[Host]) -> None:
    chosen = places_for(wishes, hosts)
    recorded = [
        replace(each, ours={}, promised_to=frozenset(it.uid for it in chosen.get(each.name, ()))) for each in hosts
    ]
    again = places_for([each for given in chosen.values() for each in given], recorded)
    assert {name: set(map(id, given)) for name, given in again.items()} == {
        name: set(map(id, given)) for name, given in chosen.items()
    }


@given(WISHES, HOSTS)
def test_what_is_given_fits_on_the_node_without_us(wishes: list[Wish], hosts: list[Host]) -> None:
    free = {each.name: each.free["cpu"] for each in hosts}
    for name, given_there in places_for(wishes, hosts).items():
        assert sum(each.requests["cpu"] for each in given_there) <= free[name]
