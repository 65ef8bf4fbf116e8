"""One node explained, against what the reconciler would do."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from inventory.model import Limit, NodeSelector, Policy, Requirement, SelectorTerm
from inventory.standing import Candidate, Outcome, Sides
from oceanctl.explain.node import NodeExplanation, explain_node
from oceanctl.explain.render import render_node
from oceanctl.explain.territory import Territory, by_node, case_of
from oceanctl.explain.wording import amount, limit_text
from oceanctl.output import plain
from reconciler import names
from reconciler.decision import Side
from reconciler.kube.projections import (
    Container,
    Node,
    NodeSpec,
    NodeStatus,
    ObjectMeta,
    Pod,
    PodSpec,
    PodStatus,
    ResourceRequirements,
)
from reconciler.marks import BindingState
from tests.leasing import (
    AFTER_NOON,
    AROUND_NOON,
    BINDING,
    IDENTITY,
    MONDAY_NOON,
    MORNING,
    STATE,
    VNODE_NAME,
    at,
    bare_vnode,
    pod,
    policy,
    worker_node,
)

GPU = NodeSelector((SelectorTerm((Requirement("gpu", "In", ("a100",)),)),))
ZONED: dict[str, Any] = {"time_zone": "Europe/Paris", "windows": AROUND_NOON}


def taking(name: str, **requests: str) -> Pod:
    """A pod of the worker's own on the node."""
    container = Container(resources=ResourceRequirements(requests))
    return Pod(ObjectMeta(name, "shop"), PodSpec(node_name="n1", containers=(container,)), PodStatus(phase="Running"))


def territory(*policies: Policy, worker: tuple[Policy, ...] | None = (), **fields: Any) -> Territory:
    ours = tuple(Candidate(each.name, each) for each in policies)
    theirs = None if worker is None else tuple(Candidate(each.name, each) for each in worker)
    given: dict[str, Any] = {
        "binding": BINDING,
        "state": STATE,
        "sides": Sides(ours, theirs),
        "nodes": {"n1": worker_node()},
        **fields,
    }
    return Territory(**given)


def explained(place: Territory, now: datetime = MONDAY_NOON) -> NodeExplanation:
    case = case_of(place, "n1", now)
    assert case is not None
    return explain_node(case, now)


def outcomes(found: NodeExplanation, rule: str) -> list[str]:
    return [step.outcome for step in found.steps if step.rule == rule]


LENT_STATE = [
    pytest.param((policy(),), (), Outcome.LENT, "nights", id="lent"),
    pytest.param((policy(windows=MORNING),), (), Outcome.OUTSIDE_WINDOWS, None, id="outside its windows"),
    pytest.param((policy(node_selector=GPU),), (), Outcome.NOT_LENT, None, id="not selected"),
    pytest.param((), (), Outcome.NOT_LENT, None, id="no policy"),
    pytest.param((policy("b", priority=1), policy("a")), (), Outcome.LENT, "b", id="priority wins"),
    pytest.param((policy(),), (policy("theirs", windows=MORNING),), Outcome.OUTSIDE_WINDOWS, None, id="vetoed"),
    pytest.param((), (policy("theirs"),), Outcome.LENT, "theirs", id="lent by the worker's own"),
]


@pytest.mark.parametrize(("ours", "theirs", "state", "lender"), LENT_STATE)
def test_the_answer_is_the_policies(
    ours: tuple[Policy, ...], theirs: tuple[Policy, ...], state: Outcome, lender: str | None
) -> None:
    found = explained(territory(*ours, worker=theirs))
    assert (found.state, found.policy) == (state, lender)
    assert bool(found.allocatable) is bool(found.capacity) is (state is Outcome.LENT)


def test_the_lease_is_summed_up_line_by_line() -> None:
    limits = (Limit("cpu", percent=50), Limit("memory", quantity=8 * 2**30 * 1000), Limit("pods", percent=10))
    pods = by_node([taking("db", cpu="1", memory="1Gi"), taking("web", cpu="333m")])
    found = explained(territory(policy(limits=limits), foreign_pods=pods))
    assert found.allocatable == {"cpu": "3283m", "memory": "8Gi", "pods": "10"}
    ledgers = {step.subject: step.ledger for step in found.steps if step.rule == "arithmetic"}
    assert ledgers["cpu"] == (
        ("allocatable", "7.9 cores"),
        ("- shop/db", "1 core"),
        ("- shop/web", "0.333 cores"),
        ("= left", "6.567 cores"),
        ("nights: 50 % of what is left, rounded down from 3.2835", "3.283 cores"),
        ("= lent, the smallest of them", "3.283 cores"),
    )
    assert ledgers["memory"][-2:] == (("nights: at most 8Gi", "8Gi"), ("= lent, the smallest of them", "8Gi"))
    assert ledgers["pods"][-2][0] == "nights: 10 % of what is left, rounded down from 10.8"


def test_a_step_has_its_amounts_as_inputs() -> None:
    pods = by_node([taking("db", cpu="1")])
    found = explained(territory(policy(limits=(Limit("cpu", percent=50),)), foreign_pods=pods))
    (step,) = (step for step in found.steps if step.rule == "arithmetic" and step.subject == "cpu")
    assert step.document() == {
        "rule": "arithmetic",
        "inputs": {
            "resource": "cpu",
            "allocatable": "7900m",
            "pods": {"shop/db": "1"},
            "requested": "1",
            "left": "6900m",
            "limits": [{"policy": "nights", "quantity": None, "percent": 50, "allows": "3450m"}],
            "result": "3450m",
        },
        "outcome": "lends 3.45 cores",
    }


def test_a_policy_that_does_not_match_names_the_requirement() -> None:
    found = explained(territory(policy(node_selector=GPU)))
    assert outcomes(found, "selector") == [
        "does not select the node: gpu In (a100), but the node has no such label",
    ]
    assert outcomes(found, "state") == []


def test_the_rule_ends_at_the_binding_and_at_virtual_nodes() -> None:
    left_out = replace(BINDING, node_selector=GPU)
    assert [step.rule for step in explained(territory(policy(), binding=left_out)).steps] == [
        "virtual-node",
        "binding-selector",
        "lease",
        "next",
    ]
    virtual = explained(territory(policy(), nodes={"n1": worker_node({"type": "virtual-kubelet"})}))
    assert outcomes(virtual, "virtual-node") == ["yes (type=virtual-kubelet): borrowed capacity is never lent on"]
    assert "binding-selector" not in {step.rule for step in virtual.steps}


STATES = [
    pytest.param(policy(expires_at=at(8)), "expired at 2026-01-05T08:00:00Z", id="expired"),
    pytest.param(policy(windows=MORNING), "closed", id="closed"),
    pytest.param(policy(suspend=True), "open, suspended: takes no new pods", id="suspended"),
    pytest.param(policy(expires_at=at(13)), "open, until it expires at 2026-01-05T13:00:00Z", id="expires"),
]


@pytest.mark.parametrize(("one", "expected"), STATES)
def test_a_policy_that_matches_tells_its_state(one: Policy, expected: str) -> None:
    assert outcomes(explained(territory(one)), "state") == [expected]


def test_an_invalid_policy_tells_its_problems() -> None:
    sides = Sides((Candidate("broken", None),))
    found = explained(territory(sides=sides, problems={(Side.COMPUTING, "broken"): "spec.timeZone: no"}))
    assert outcomes(found, "state") == ["invalid, so it lends nothing: spec.timeZone: no"]


def test_windows_are_told_in_their_zone_and_in_utc() -> None:
    found = explained(territory(policy(**ZONED)), at(11))
    until = "open until 2026-01-05T12:00:00Z (Mon 13:00 Europe/Paris)"
    here = "it is Mon 12:00 Europe/Paris; windows: every day 11:00-12:59"
    assert outcomes(found, "windows") == [f"{until}; {here}"]
    (step,) = (step for step in found.steps if step.rule == "windows")
    assert (step.inputs["localTime"], step.inputs["nextEdge"], step.inputs["nextEdgeLocal"]) == (
        "2026-01-05T12:00:00+01:00",
        "2026-01-05T12:00:00Z",
        "2026-01-05T13:00:00+01:00",
    )


WINNERS = [
    pytest.param((policy("a"), policy("b", priority=2)), "b: its priority 2 is above a's 0", id="priority"),
    pytest.param(
        (policy("b", created_at=at(1)), policy("a", created_at=at(2))),
        "b: priority 0 as a, but it is older",
        id="age",
    ),
    pytest.param((policy("a"), policy("b")), "a: priority and age as b, but its name comes first", id="name"),
    pytest.param((policy("a"), policy("b", windows=MORNING)), "a: the only one that is open", id="alone"),
    pytest.param((policy(windows=MORNING),), "none is open", id="none"),
]


@pytest.mark.parametrize(("policies", "expected"), WINNERS)
def test_the_winner_is_told_with_the_reason(policies: tuple[Policy, ...], expected: str) -> None:
    assert outcomes(explained(territory(*policies)), "winner") == [expected]


NEXT = [
    pytest.param((policy(windows=AROUND_NOON),), "closes at 2026-01-05T13:00:00Z", "Close", id="closes"),
    pytest.param((policy(windows=MORNING),), "opens at 2026-01-06T08:00:00Z", "Open", id="opens"),
    pytest.param((policy(),), "nothing changes by itself", None, id="never"),
    pytest.param(
        (policy("a", windows=AROUND_NOON, priority=1), policy("b")),
        "b takes over at 2026-01-05T13:00:00Z",
        None,
        id="handover",
    ),
    pytest.param(
        (policy(windows=AROUND_NOON, notice=7200),),
        "closes at 2026-01-05T13:00:00Z; takes no new pods from 2026-01-05T11:00:00Z",
        "Close",
        id="notice",
    ),
]


@pytest.mark.parametrize(("policies", "expected", "direction"), NEXT)
def test_what_comes_next_is_told(policies: tuple[Policy, ...], expected: str, direction: str | None) -> None:
    found = explained(territory(*policies))
    assert outcomes(found, "next") == [expected]
    transition = found.document()["nextTransition"]
    assert (transition and transition["direction"]) == direction


def test_no_pods_fit_where_none_are_taken() -> None:
    notice = explained(territory(policy(windows=AROUND_NOON, notice=7200)))
    suspended = explained(territory(policy(suspend=True)))
    assert (notice.allocatable["pods"], suspended.allocatable["pods"]) == ("0", "0")
    assert suspended.state is Outcome.LENT


def test_policies_of_the_worker_that_nobody_can_list_leave_what_is_remembered() -> None:
    lent = explained(territory(policy(), worker=None, vnodes={VNODE_NAME: bare_vnode()}))
    closed_vnode = bare_vnode({names.WINDOW_CLOSED_AT: "2026-01-05T11:00:00Z"})
    closed = explained(territory(policy(), worker=None, vnodes={VNODE_NAME: closed_vnode}))
    none = explained(territory(policy(), worker=None))
    assert [each.state for each in (lent, closed, none)] == [
        Outcome.LENT,
        Outcome.OUTSIDE_WINDOWS,
        Outcome.NOT_LENT,
    ]
    assert outcomes(lent, "next") == ["nobody can say"]


def test_a_worker_that_cannot_be_read_leaves_what_was_last_seen() -> None:
    vnode = replace_status(bare_vnode({names.POLICIES_APPLIED: "nights"}), {"cpu": "2", "pods": "5"})
    found = explained(territory(policy(), worker=None, nodes={}, vnodes={VNODE_NAME: vnode}, trouble="timed out"))
    assert (found.state, found.policy, found.allocatable) == (Outcome.LENT, "nights", {"cpu": "2", "pods": "5"})
    assert outcomes(found, "worker")[0].startswith("cannot be read: timed out")
    assert outcomes(found, "arithmetic") == []


def replace_status(vnode: Node, allocatable: dict[str, str]) -> Node:
    return Node(vnode.metadata, NodeSpec(provider_id=vnode.spec.provider_id), NodeStatus(allocatable, allocatable))


def test_a_binding_that_is_going_lends_nothing_any_more() -> None:
    found = explained(territory(policy(), state=BindingState(IDENTITY, is_deleting=True)))
    assert (found.state, found.allocatable, found.document()["nextTransition"]) == (Outcome.NOT_LENT, {}, None)


def test_the_instants_of_a_close_are_told() -> None:
    vnode = bare_vnode(
        {
            names.WINDOW_CLOSED_AT: "2026-01-05T11:59:00Z",
            names.RECLAIM_TERMS: "grace=300,drain=60,force=true",
            names.POLICIES_APPLIED: "nights",
        }
    )
    place = territory(policy(windows=MORNING, force_reclaim=True, grace=300), vnodes={VNODE_NAME: vnode})
    found = explained(replace(place, computing_pods={VNODE_NAME: [pod()]}))
    (step,) = (step for step in found.steps if step.rule == "lease")
    instants = [step.inputs[key] for key in ("closedAt", "evictsFrom", "endsAt", "pods")]
    assert instants == ["2026-01-05T11:59:00Z", "2026-01-05T12:03:00Z", "2026-01-05T12:04:00Z", 1]


def test_a_vnode_that_lags_behind_says_how() -> None:
    vnode = replace_status(bare_vnode(), {"cpu": "2", "memory": "31Gi", "pods": "110"})
    found = explained(territory(policy(), vnodes={VNODE_NAME: vnode}))
    assert outcomes(found, "vnode") == ["not written yet: cpu 7.9 cores"]


def test_the_text_is_aligned_and_starts_with_the_answer() -> None:
    lines = [plain(line) for line in render_node(explained(territory(policy(windows=AFTER_NOON))))]
    assert lines[:2] == [
        "node n1 of tokyo (vnode-c1-n1) at 2026-01-05T12:00:00Z",
        "outside-windows: not lent now: nights is closed until 2026-01-05T13:00:00Z",
    ]
    lent = [plain(line) for line in render_node(explained(territory(policy())))]
    assert lent[1:5] == ["lent by nights", "  cpu      7.9 cores", "  memory  31Gi", "  pods     110 pods"]
    assert all(line == line.rstrip() for line in lines + lent)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        pytest.param(Limit("cpu", quantity=1000), "at most 1 core", id="quantity"),
        pytest.param(Limit("cpu", percent=80), "80 % of what is left", id="percent"),
        pytest.param(Limit("memory", 2**30 * 1000, 80), "at most 1Gi, 80 % of what is left", id="both"),
        pytest.param(Limit("pods", quantity=0), "at most 0 pods", id="none"),
    ],
)
def test_a_limit_reads_like_a_sentence(limit: Limit, expected: str) -> None:
    assert limit_text(limit) == expected


@pytest.mark.parametrize(
    ("resource", "milli", "expected"),
    [
        pytest.param("cpu", 1500, "1.5 cores", id="cpu"),
        pytest.param("memory", 2**31 * 1000, "2Gi", id="round bytes"),
        pytest.param("memory", (2**31 + 1) * 1000, "2147483649 bytes (2.0Gi)", id="odd bytes"),
        pytest.param("hugepages-2Mi", 2**21 * 1000, "2Mi", id="hugepages"),
        pytest.param("pods", 1000, "1 pod", id="one"),
        pytest.param("nvidia.com/gpu", 4000, "4 nvidia.com/gpu", id="devices"),
        pytest.param("memory", 0, "0 bytes", id="nothing"),
    ],
)
def test_every_amount_has_its_unit(resource: str, milli: int, expected: str) -> None:
    assert amount(resource, milli) == expected
