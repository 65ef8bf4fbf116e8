"""What a policy does on each node that it selects."""

from dataclasses import replace

import pytest

from inventory.model import NodeSelector, Policy, Requirement, SelectorTerm
from inventory.standing import Candidate, CandidateState, Sides
from oceanctl.explain.policy import Part, PolicyExplanation, explain_policy
from oceanctl.explain.render import render_policy
from oceanctl.explain.territory import Territory
from oceanctl.output import plain
from reconciler.decision import Side
from tests.leasing import AROUND_NOON, BINDING, MONDAY_NOON, MORNING, STATE, at, policy, worker_node

LABELED = NodeSelector((SelectorTerm((Requirement("gpu", "Exists"),)),))


def explained(
    *policies: Policy, worker: tuple[Policy, ...] = (), binding_selector: NodeSelector | None = None
) -> PolicyExplanation:
    """Of the first of them."""
    ours, theirs = (tuple(Candidate(each.name, each) for each in side) for side in (policies, worker))
    binding = replace(BINDING, node_selector=binding_selector)
    territory = Territory(binding, STATE, Sides(ours, theirs), {"n1": worker_node()})
    return explain_policy(territory, policies[0].name, MONDAY_NOON)


PARTS = [
    pytest.param((policy("a"),), (), Part.LENDS, None, id="lends"),
    pytest.param((policy("a"), policy("b", priority=1)), (), Part.LOSES, "b", id="loses"),
    pytest.param((policy("a", windows=MORNING),), (), Part.WAITS, None, id="waits"),
    pytest.param((policy("a", windows=MORNING), policy("b")), (), Part.WAITS, "b", id="waits while another lends"),
    pytest.param((policy("a"),), (policy("theirs", windows=MORNING),), Part.VETOED, None, id="vetoed"),
]


@pytest.mark.parametrize(("policies", "theirs", "part", "to"), PARTS)
def test_a_node_is_told_with_what_the_policy_does_on_it(
    policies: tuple[Policy, ...], theirs: tuple[Policy, ...], part: Part, to: str | None
) -> None:
    (node,) = explained(*policies, worker=theirs).nodes
    assert (node.node, node.vnode, node.part, node.to) == ("n1", "vnode-c1-n1", part, to)
    assert bool(node.allocatable) is (part is Part.LENDS)


def test_a_node_that_the_binding_leaves_out_is_told_apart() -> None:
    (node,) = explained(policy("a"), binding_selector=LABELED).nodes
    assert node.part is Part.UNSELECTED


def test_nodes_that_it_does_not_select_are_not_its_business() -> None:
    assert explained(policy("a", node_selector=LABELED)).nodes == ()


def test_the_next_transition_is_that_of_its_status() -> None:
    found = explained(policy("a", windows=AROUND_NOON, expires_at=at(12, 30)))
    assert found.document()["nextTransition"] == {"at": "2026-01-05T12:30:00Z", "direction": "Close"}


def test_an_invalid_policy_says_what_is_wrong() -> None:
    sides, problems = Sides((Candidate("a", None),)), {(Side.COMPUTING, "a"): "spec.timeZone: no"}
    found = explain_policy(Territory(BINDING, STATE, sides, {}, problems=problems), "a", MONDAY_NOON)
    document = found.document()
    assert (found.state, document["valid"], document["problems"]) == (
        CandidateState.INVALID,
        False,
        "spec.timeZone: no",
    )
    assert document["nextTransition"] is None


def test_the_text_ends_with_a_table_of_nodes() -> None:
    lines = [plain(line) for line in render_policy(explained(policy("a"), policy("b", priority=1)))]
    assert lines[:2] == ["policy a for tokyo at 2026-01-05T12:00:00Z", "open: loses 1 node"]
    assert lines[-2:] == [
        "NODE  OUTCOME  LENT BY  AMOUNT  WHY",
        "n1    loses    b        -       lent by b",
    ]
