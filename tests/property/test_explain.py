"""What explain says is what the reconciler does, in every world."""

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.model import Limit, Policy
from inventory.quantity import canonical, parse
from inventory.standing import Candidate, Outcome, Sides, standing_of
from oceanctl.explain.node import explain_node
from oceanctl.explain.territory import Territory, by_node, case_of
from reconciler.bottomup.capacity import lease_of, requests_of
from reconciler.kube.projections import Container, ObjectMeta, Pod, PodSpec, ResourceRequirements
from reconciler.kube.projections import PodStatus as Status
from tests.leasing import BINDING, STATE, worker_node
from tests.property.test_standing import INSTANTS, LABELS, SIDES

AMOUNTS = st.dictionaries(st.sampled_from(["cpu", "memory"]), st.integers(0, 20_000).map(lambda milli: f"{milli}m"))
LIMITS = st.builds(
    Limit,
    st.sampled_from(["cpu", "memory", "pods", "absent"]),
    st.none() | st.integers(0, 10**7),
    st.none() | st.integers(0, 100),
)


@st.composite
def pods(draw: st.DrawFn) -> list[Pod]:
    def one(number: int) -> Pod:
        container = Container(resources=ResourceRequirements(draw(AMOUNTS)))
        spec = PodSpec(node_name=draw(st.sampled_from(["n1", "n1", "n1", "n2", ""])), containers=(container,))
        return Pod(
            ObjectMeta(f"p{number}", "shop"),
            spec,
            Status(phase=draw(st.sampled_from(["Running", "Running", "Failed"]))),
        )

    return [one(number) for number in range(draw(st.integers(0, 4)))]


def limited(candidate: Candidate, limits: tuple[Limit, ...]) -> Candidate:
    policy = candidate.policy
    if policy is None:
        return candidate
    fields = {name: getattr(policy, name) for name in Policy.__slots__}
    return Candidate(candidate.name, Policy(**{**fields, "limits": limits}), candidate.is_deleting)


NO_LABELS: dict[str, str] = {}
LENT = st.tuples(st.just(NO_LABELS), st.just(Sides((Candidate("always", Policy("always", BINDING.name)),))))
WORLDS = st.tuples(LABELS, SIDES) | LENT  # half of them surely lend


@settings(max_examples=150, deadline=None)
@given(WORLDS, INSTANTS, pods(), st.lists(LIMITS, max_size=4))
def test_the_explanation_is_what_the_rules_say(
    world: tuple[dict[str, str], Sides], now: datetime, worker_pods: list[Pod], limits: list[Limit]
) -> None:
    labels, drawn = world
    computing, worker = (
        tuple(limited(each, tuple(limits)) for each in side) for side in (drawn.computing, drawn.worker or ())
    )
    sides, node = Sides(computing, worker), worker_node(labels)
    case = case_of(Territory(BINDING, STATE, sides, {"n1": node}, by_node(worker_pods)), "n1", now)
    assert case is not None
    found, standing = explain_node(case, now), standing_of(labels, "n1", BINDING, sides, now)
    assert standing is not None
    assert found.state is standing.outcome
    if standing.outcome is not Outcome.LENT:
        assert (found.allocatable, found.policy) == ({}, None)
        return
    load: dict[str, int] = {}
    for pod in worker_pods:
        if pod.spec.node_name == "n1" and not pod.status.is_terminal:
            for name, milli in requests_of(pod).items():
                load[name] = load.get(name, 0) + milli
    lease = lease_of(node.status.allocatable, load, standing.lenders)
    assert found.policy == standing.lenders[0].name
    steps = {step.subject: step.inputs["result"] for step in found.steps if step.rule == "arithmetic"}
    assert steps == {name: canonical(name, milli) for name, milli in lease.items()}
    assert {name: parse(each) for name, each in found.allocatable.items() if name != "pods"} == {
        name: milli for name, milli in lease.items() if name != "pods"
    }
    assert parse(found.allocatable["pods"]) in (lease["pods"], 0)


@settings(max_examples=100, deadline=None)
@given(LABELS, SIDES, INSTANTS)
def test_the_next_transition_is_where_the_answer_turns(labels: dict[str, str], sides: Sides, now: datetime) -> None:
    case = case_of(Territory(BINDING, STATE, sides, {"n1": worker_node(labels)}), "n1", now)
    assert case is not None
    found = explain_node(case, now)
    if found.transition is None:
        return
    then = standing_of(labels, "n1", BINDING, sides, found.transition.at)
    assert then is not None
    assert found.transition.at > now
    assert (then.outcome is Outcome.LENT) is not (found.state is Outcome.LENT)
