"""What holds of every lease and every load, whatever the node, its pods and the limits."""

from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from inventory.model import Limit, Policy
from inventory.quantity import is_whole_number
from reconciler.bottomup.capacity import lease_of, requests_of, steps_of
from reconciler.bottomup.load import ForeignPod, LoadBook
from reconciler.kube.projections import Container, ObjectMeta, Pod, PodSpec, ResourceRequirements
from tests.leasing import policy

RESOURCES = st.sampled_from(["cpu", "memory", "pods", "nvidia.com/gpu", "hugepages-2Mi"])
MILLI = st.integers(0, 10**7)
AMOUNTS = st.dictionaries(RESOURCES, MILLI)
ALLOCATABLE = st.dictionaries(RESOURCES, st.integers(0, 10**7).map(lambda milli: f"{milli}m"))
LIMITS = st.builds(Limit, RESOURCES, st.none() | MILLI, st.none() | st.integers(0, 100))
LENDERS = st.lists(st.lists(LIMITS, max_size=4).map(lambda some: policy(limits=tuple(some))), min_size=1, max_size=2)


def caps(allocatable: dict[str, str], load: dict[str, int], lenders: list[Policy], resource: str) -> list[Fraction]:
    """What is left and everything that limits it, exactly."""
    left = max(0, int(allocatable[resource][:-1]) - load.get(resource, 0))
    limits = [limit for lender in lenders for limit in lender.limits if limit.resource == resource]
    quantities = [Fraction(limit.quantity) for limit in limits if limit.quantity is not None]
    return [
        Fraction(left),
        *quantities,
        *(Fraction(left * limit.percent, 100) for limit in limits if limit.percent is not None),
    ]


@given(ALLOCATABLE, AMOUNTS, LENDERS)
def test_a_lease_exceeds_neither_what_is_left_nor_any_limit(
    allocatable: dict[str, str], load: dict[str, int], lenders: list[Policy]
) -> None:
    lease = lease_of(allocatable, load, lenders)
    assert lease.keys() == allocatable.keys()
    assert all(0 <= lent <= min(caps(allocatable, load, lenders, resource)) for resource, lent in lease.items())


@given(ALLOCATABLE, AMOUNTS, LENDERS)
def test_a_lease_is_the_largest_that_can_be_written(
    allocatable: dict[str, str], load: dict[str, int], lenders: list[Policy]
) -> None:
    for resource, lent in lease_of(allocatable, load, lenders).items():
        unit = 1000 if is_whole_number(resource) else 1
        assert lent % unit == 0
        assert lent + unit > min(caps(allocatable, load, lenders, resource))


@given(ALLOCATABLE, AMOUNTS, AMOUNTS, LENDERS)
def test_more_foreign_load_never_means_more_lease(
    allocatable: dict[str, str], load: dict[str, int], more: dict[str, int], lenders: list[Policy]
) -> None:
    before = lease_of(allocatable, load, lenders)
    after = lease_of(allocatable, {name: load.get(name, 0) + more.get(name, 0) for name in {**load, **more}}, lenders)
    assert all(after[name] <= before[name] for name in before)


@given(ALLOCATABLE, AMOUNTS, LENDERS, st.randoms(use_true_random=False))
def test_the_order_of_lenders_and_limits_does_not_matter(
    allocatable: dict[str, str], load: dict[str, int], lenders: list[Policy], random: Random
) -> None:
    shuffled = [policy(limits=tuple(random.sample(lender.limits, len(lender.limits)))) for lender in reversed(lenders)]
    assert lease_of(allocatable, load, shuffled) == lease_of(allocatable, load, lenders)


def container(requests: dict[str, int], restart_policy: str = "") -> Container:
    resources = ResourceRequirements({name: f"{milli}m" for name, milli in requests.items()})
    return Container(restart_policy=restart_policy, resources=resources)


CONTAINERS = st.lists(AMOUNTS, max_size=3)
INIT = st.lists(st.tuples(AMOUNTS, st.sampled_from(["", "Always"])), max_size=4)


@given(CONTAINERS, INIT, AMOUNTS)
def test_a_pod_requests_the_most_that_any_moment_of_its_life_needs(
    main: list[dict[str, int]], init: list[tuple[dict[str, int], str]], overhead: dict[str, int]
) -> None:
    spec = PodSpec(
        containers=tuple(container(each) for each in main),
        init_containers=tuple(container(each, restart) for each, restart in init),
        overhead={name: f"{milli}m" for name, milli in overhead.items()},
    )
    requests = requests_of(Pod(ObjectMeta("p"), spec))
    for resource in ("cpu", "memory"):
        sidecars = [each.get(resource, 0) if restart else 0 for each, restart in init]
        moments = [sum(sidecars[:at]) + init[at][0].get(resource, 0) for at in range(len(init))]
        running = sum(sidecars) + sum(each.get(resource, 0) for each in main)
        assert requests.get(resource, 0) == max([running, *moments]) + overhead.get(resource, 0)


PODS = st.builds(
    ForeignPod,
    st.just("shop"),
    st.sampled_from(["a", "b", "c"]),
    st.just("uid"),
    st.just("1"),
    st.sampled_from(["", "n1", "n2"]),
    st.just("Running"),
    st.dictionaries(RESOURCES, st.integers(1, 9)).map(lambda requests: tuple(sorted(requests.items()))),
)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.none() | PODS), max_size=20))
def test_deltas_come_to_what_a_scan_of_all_pods_would_find(changes: list[tuple[str, ForeignPod | None]]) -> None:
    book, there = LoadBook(), dict[str, ForeignPod]()
    for key, after in changes:
        book.apply(there.pop(key, None), after)
        if after:
            there[key] = after
    for node in ("n1", "n2"):
        expected: dict[str, int] = {}
        for pod in there.values():
            for resource, milli in pod.requests if pod.node_name == node else ():
                expected[resource] = expected.get(resource, 0) + milli
        assert book.load_of(node) == expected


@given(ALLOCATABLE, AMOUNTS, LENDERS)
def test_the_steps_of_a_lease_come_to_the_lease(
    allocatable: dict[str, str], load: dict[str, int], lenders: list[Policy]
) -> None:
    steps = steps_of(allocatable, load, lenders)
    assert {step.resource: step.lent for step in steps} == lease_of(allocatable, load, lenders)
    for step in steps:
        unit = 1000 if is_whole_number(step.resource) else 1
        assert step.left == max(0, step.allocatable - step.requested)
        assert step.lent == min([step.left // unit * unit, *(cap.allows for cap in step.caps)])
        assert len(step.caps) == len(caps(allocatable, load, lenders, step.resource)) - 1
