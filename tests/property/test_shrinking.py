"""A lease that shrinks below what is on it: just enough pods go, never before their time, and in no order but their own."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.model import Limit, Policy
from reconciler.bottomup.capacity import requests_of, sum_of
from reconciler.decision import Evict
from reconciler.kube.projections import Pod
from reconciler.promise import promise_of
from reconciler.reclaim.decide import decide
from reconciler.reclaim.victims import Tenant, victims_among
from tests.leasing import MONDAY_NOON, pod, policy
from tests.leasing_world import World

MODERATE = settings(max_examples=200, deadline=None)
SECONDS = st.sampled_from([0, 1, 60, 300])
ROOMS = st.fixed_dictionaries(
    {"cpu": st.integers(0, 5000), "pods": st.integers(0, 6).map(lambda n: n * 1000)},
    optional={"gpu": st.integers(0, 3).map(lambda n: n * 1000)},
)


@st.composite
def crowds(draw: st.DrawFn) -> dict[str, Pod]:
    def one(name: str) -> Pod:
        requests = {"cpu": f"{draw(st.integers(0, 8)) * 250}m"}
        if draw(st.booleans()):
            requests["gpu"] = str(draw(st.integers(0, 2)))
        age = timedelta(minutes=draw(st.integers(0, 3)))
        metadata: dict[str, Any] = {"creation_timestamp": MONDAY_NOON - age}
        return pod(name, requests=requests, priority=draw(st.integers(-1, 1)), **metadata)

    return {name: one(name) for name in draw(st.sets(st.sampled_from("abcdef")))}


def tenants(pods: dict[str, Pod]) -> list[Tenant]:
    return [Tenant(each, requests_of(each)) for each in pods.values()]


def fits(pods: list[Tenant], room: dict[str, int]) -> bool:
    return all(milli <= room.get(name, 0) for name, milli in sum_of(each.requests for each in pods).items())


@given(crowds(), ROOMS)
def test_the_rest_fits_and_without_any_one_victim_it_would_not(pods: dict[str, Pod], room: dict[str, int]) -> None:
    everybody = tenants(pods)
    victims = victims_among(everybody, room)
    rest = [each for each in everybody if each.pod not in victims]
    assert fits(rest, room)
    for spared in (each for each in everybody if each.pod in victims):
        assert not fits([*rest, spared], room)


@given(crowds(), ROOMS, st.randoms(use_true_random=False))
def test_the_order_of_pods_does_not_matter(pods: dict[str, Pod], room: dict[str, int], random: Any) -> None:
    everybody = tenants(pods)
    shuffled = list(everybody)
    random.shuffle(shuffled)
    assert victims_among(shuffled, room) == victims_among(everybody, room)


@given(crowds(), st.integers(0, 5000))
def test_where_one_pod_is_enough_nobody_of_more_importance_goes_than_the_least_that_is(
    pods: dict[str, Pod], cpu: int
) -> None:
    everybody = tenants(pods)
    room = {"cpu": cpu, "pods": 99_000, "gpu": 99_000}
    victims = victims_among(everybody, room)
    if len(victims) != 1:
        return
    total = sum(each.requests["cpu"] for each in everybody)
    enough = [each.pod for each in everybody if total - each.requests["cpu"] <= cpu]
    assert victims[0].spec.priority <= max(each.spec.priority for each in enough)


@st.composite
def lenders(draw: st.DrawFn) -> Policy:
    return policy(
        force_reclaim=draw(st.booleans()),
        grace=draw(SECONDS),
        drain=draw(SECONDS),
        limits=(Limit("cpu", draw(st.integers(0, 5)) * 1000),),
    )


@MODERATE
@given(lenders(), crowds(), st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 400)), max_size=4))
def test_victims_are_evicted_from_e_on_deleted_from_d_on_and_only_with_force(
    lender: Policy, pods: dict[str, Pod], loads: list[tuple[int, int]]
) -> None:
    world = World((lender,), pods=pods)
    now = MONDAY_NOON
    world.settle(now)
    for load, seconds in loads:
        world.foreign_load = {"cpu": load}
        world.settle(now)
        wake_at = world.decide(now).wake_at
        now += timedelta(seconds=seconds)
        if wake_at is not None and wake_at < now:
            world.settle(wake_at)
        world.settle(now)
    assert lender.force_reclaim or not world.told_to_go
    for told in world.told_to_go:
        assert told.shrunk_at is not None
        ends_at = told.shrunk_at + lender.grace
        assert told.at >= (max(told.shrunk_at, ends_at - lender.drain) if told.kind is Evict else ends_at)


@MODERATE
@given(lenders(), crowds(), st.integers(0, 8000))
def test_with_force_the_lease_fits_in_the_end_and_nothing_is_remembered(
    lender: Policy, pods: dict[str, Pod], load: int
) -> None:
    forced = replace(lender, force_reclaim=True)
    world = World((forced,), pods=pods)
    world.settle(MONDAY_NOON)
    world.foreign_load = {"cpu": load}
    now = MONDAY_NOON
    for _ in range(10):
        world.settle(now)
        now = world.decide(now).wake_at or now
    world.finish([told.name for told in world.told_to_go])
    world.settle(now)
    view = world.view(now)
    assert promise_of(view.vnode).shrink is None
    assert fits(tenants(world.pods), {**view.lease, "gpu": 99_000} if "gpu" in view.lease else dict(view.lease))
    assert decide(view, now).actions == ()


@MODERATE
@given(lenders(), crowds(), st.integers(0, 8000))
def test_what_recovers_is_forgotten(lender: Policy, pods: dict[str, Pod], load: int) -> None:
    generous = replace(lender, grace=timedelta(seconds=300), drain=timedelta(), limits=())
    small = {name: each for name, each in pods.items() if "gpu" not in requests_of(each)}
    world = World((generous,), pods=small)
    world.settle(MONDAY_NOON)
    world.foreign_load = {"cpu": load}
    world.settle(MONDAY_NOON)
    world.foreign_load = {}
    world.pods = dict(list(small.items())[:3])
    world.settle(MONDAY_NOON + timedelta(seconds=1))
    assert promise_of(world.view(MONDAY_NOON).vnode).shrink is None
    assert world.told_to_go == []
