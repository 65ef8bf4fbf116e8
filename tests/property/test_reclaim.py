"""A lease from the first pod to the last, with time passing from one wake-up to the next."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.model import Limit, NodeSelector, Policy, Requirement, SelectorTerm, Window
from inventory.standing import Outcome
from reconciler.decision import Decision, Evict, LeaseState
from reconciler.kube.projections import Condition, Node, NodeSpec, Pod, Taint
from reconciler.promise import promise_of
from reconciler.reclaim.decide import decide
from tests.leasing import BINDING, DAEMON_SET, MONDAY_NOON, STATE, pod, policy, worker_node
from tests.leasing_world import World

SECOND = timedelta(seconds=1)
SECONDS = st.sampled_from([0, 1, 60, 300, 4000])
HOUR = st.integers(9, 15)
INSTANTS = st.integers(0, 8 * 3600 * 10).map(lambda tenths: MONDAY_NOON + timedelta(seconds=tenths / 10))
MODERATE = settings(max_examples=150, deadline=None)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    hours = [(draw(HOUR), draw(HOUR)) for _ in range(draw(st.integers(0, 2)))]
    return policy(
        draw(st.sampled_from(["a", "b"])),
        windows=tuple(Window(start * 60, end * 60) for start, end in hours),
        force_reclaim=draw(st.booleans()),
        grace=draw(SECONDS),
        drain=draw(SECONDS),
        notice=draw(SECONDS),
        suspend=draw(st.integers(0, 5)) == 0,
        priority=draw(st.integers(0, 1)),
        expires_at=draw(st.none() | INSTANTS),
        limits=tuple(draw(st.lists(st.builds(Limit, st.just("cpu"), st.just(None), st.integers(0, 100)), max_size=1))),
    )


@st.composite
def some_pods(draw: st.DrawFn) -> dict[str, Pod]:
    def one(name: str) -> Pod:
        owners = DAEMON_SET if draw(st.integers(0, 4)) == 0 else ()
        namespace = draw(st.sampled_from(["shop", "shop", "kube-system"]))
        return pod(
            name, draw(st.sampled_from(["Running", "Pending", "Failed"])), namespace=namespace, owner_references=owners
        )

    return {name: one(name) for name in draw(st.sets(st.sampled_from(["p", "q", "r"])))}


POLICIES = st.lists(policies(), max_size=2, unique_by=lambda each: each.name).map(tuple)
SOME_POLICIES = st.lists(policies(), min_size=1, max_size=2, unique_by=lambda each: each.name).map(tuple)
TAINTS = st.lists(
    st.builds(
        Taint, st.sampled_from(["gpu", "node.kubernetes.io/not-ready"]), st.sampled_from(["NoSchedule", "NoExecute"])
    ),
    max_size=2,
    unique_by=lambda taint: (taint.key, taint.effect),
)
CONDITIONS = st.lists(
    st.builds(Condition, st.sampled_from(["Ready", "KernelDeadlock"]), st.sampled_from(["True", "False"])),
    max_size=2,
    unique_by=lambda each: each.type,
)


@st.composite
def machines(draw: st.DrawFn) -> Node:
    spec = NodeSpec(unschedulable=draw(st.booleans()), taints=tuple(draw(TAINTS)))
    labels = draw(st.dictionaries(st.sampled_from(["zone", "type", "kubeocean.io/x"]), st.sampled_from(["a", "b"])))
    return worker_node(labels, spec, conditions=tuple(draw(CONDITIONS)))


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Anything that may happen to a world."""
    return draw(
        st.sampled_from(
            [
                {"policies": draw(POLICIES)},
                {"worker_policies": draw(st.none() | POLICIES)},
                {"machine": draw(st.none() | machines())},
                {"pods": draw(some_pods())},
                {"foreign_load": draw(st.dictionaries(st.sampled_from(["cpu", "pods"]), st.integers(0, 9000)))},
                {"state": replace(STATE, is_deleting=draw(st.booleans()), abandons_worker=draw(st.booleans()))},
                {
                    "more": {
                        "binding": replace(
                            BINDING, disable_node_default_taint=draw(st.booleans()), suspend=draw(st.booleans())
                        )
                    }
                },
                {"unreachable_since": draw(st.none() | INSTANTS)},
            ]
        )
    )


def happen(world: World, change: dict[str, Any], now: datetime) -> None:
    for name, value in change.items():
        setattr(world, name, value)
    if world.unreachable_since is not None:
        world.unreachable_since = min(world.unreachable_since, now)


def live(world: World) -> list[str]:
    return [name for name, each in world.pods.items() if each.status.phase in ("Running", "Pending")]


@MODERATE
@given(st.lists(changes(), max_size=5), INSTANTS)
def test_every_world_comes_to_rest_and_then_writes_nothing(happenings: list[dict[str, Any]], now: datetime) -> None:
    world = World()
    for change in happenings:
        happen(world, change, now)
        world.settle(now)
        assert world.decide(now).actions == ()


@MODERATE
@given(POLICIES, POLICIES, some_pods(), machines(), INSTANTS, st.floats(0, 1))
def test_nothing_changes_between_now_and_the_next_wake_up(
    ours: tuple[Policy, ...],
    theirs: tuple[Policy, ...],
    pods: dict[str, Pod],
    machine: Node,
    now: datetime,
    part: float,
) -> None:
    world = World(ours, theirs, machine, pods)
    world.settle(now)
    wake_at = world.decide(now).wake_at or now + timedelta(days=9)
    assert wake_at > now
    between = min(now + (wake_at - now) * part, wake_at - timedelta(microseconds=1))
    decision: Decision = world.decide(between)
    assert (decision.actions, decision.wake_at) == ((), world.decide(now).wake_at)


def through_the_night(world: World, now: datetime, steps: int = 60) -> datetime:
    """Follow the wake-ups until none is left or tomorrow comes."""
    for _ in range(steps):
        world.settle(now)
        wake_at = world.decide(now).wake_at
        if wake_at is None or wake_at - MONDAY_NOON > timedelta(hours=20):
            break
        now = wake_at
    return now


@MODERATE
@given(policies(), some_pods())
def test_pods_are_evicted_from_e_on_and_deleted_from_d_on_and_only_with_force(
    lender: Policy, pods: dict[str, Pod]
) -> None:
    world = World((lender,), pods=pods)
    world.settle(MONDAY_NOON)
    through_the_night(world, MONDAY_NOON)
    assert lender.force_reclaim or not world.told_to_go
    for told in world.told_to_go:
        assert told.closed_at is not None
        ends_at = told.closed_at + lender.grace
        assert told.at >= (max(told.closed_at, ends_at - lender.drain) if told.kind is Evict else ends_at)


ELSEWHERE = NodeSelector((SelectorTerm((Requirement("rack", "In", ("r1",)),)),))
CAUSES: dict[str, Callable[[tuple[Policy, ...]], dict[str, Any]]] = {
    "policies deleted": lambda _: {"policies": ()},
    "policies expired": lambda ours: {"policies": tuple(replace(each, expires_at=MONDAY_NOON) for each in ours)},
    "policies narrowed": lambda ours: {"policies": tuple(replace(each, node_selector=ELSEWHERE) for each in ours)},
    "policies moved": lambda ours: {"policies": tuple(replace(each, cluster="osaka") for each in ours)},
    "binding narrowed": lambda _: {"more": {"binding": replace(BINDING, node_selector=ELSEWHERE)}},
    "binding deleted": lambda _: {"state": replace(STATE, is_deleting=True)},
}


@MODERATE
@given(SOME_POLICIES, some_pods(), st.sampled_from(sorted(CAUSES)))
def test_with_force_every_pod_is_told_to_go_whatever_ends_the_lease(
    ours: tuple[Policy, ...], pods: dict[str, Pod], cause: str
) -> None:
    forced = tuple(replace(each, force_reclaim=True, windows=(), expires_at=None) for each in ours)
    world = World(forced, pods=pods)
    world.settle(MONDAY_NOON)
    happen(world, CAUSES[cause](forced), MONDAY_NOON)
    now = through_the_night(world, MONDAY_NOON)
    told = {each.name for each in world.told_to_go}
    assert told == {
        name
        for name in live(world)
        if pods[name].metadata.namespace == "shop" and not pods[name].metadata.owner_references
    }
    world.finish(told)
    world.settle(now)
    assert decide(world.view(now), now).state in (LeaseState.EMPTY, LeaseState.CLOSED)
    assert world.vnode is None


@MODERATE
@given(POLICIES, some_pods(), INSTANTS, st.permutations(["p", "q", "r"]))
def test_the_order_of_pods_does_not_matter(
    ours: tuple[Policy, ...], pods: dict[str, Pod], now: datetime, order: list[str]
) -> None:
    world = World(ours, pods=pods)
    world.settle(MONDAY_NOON)
    shuffled = {name: pods[name] for name in order if name in pods}
    view = world.view(now)
    assert decide(replace(view, computing_pods=tuple(shuffled.values())), now) == decide(view, now)


@MODERATE
@given(POLICIES, POLICIES, some_pods(), INSTANTS)
def test_no_pod_is_told_to_go_before_the_close_is_written(
    ours: tuple[Policy, ...], theirs: tuple[Policy, ...], pods: dict[str, Pod], now: datetime
) -> None:
    world = World(ours, pods=pods)
    world.settle(MONDAY_NOON)
    world.policies = theirs
    world.pass_once(now)
    assert all(told.closed_at is not None for told in world.told_to_go)


@MODERATE
@given(POLICIES, some_pods(), INSTANTS)
def test_a_reopened_lease_forgets_its_close(ours: tuple[Policy, ...], pods: dict[str, Pod], now: datetime) -> None:
    world = World((policy("z"),), pods=pods)
    world.settle(MONDAY_NOON)
    world.policies = ours
    world.settle(now)
    world.policies = (policy("z"),)
    world.settle(now + SECOND)
    view = world.view(now + SECOND)
    assert view.standing is not None
    assert view.standing.outcome is Outcome.LENT
    assert promise_of(view.vnode).closed_at is None
    assert decide(view, now + SECOND).actions == ()
