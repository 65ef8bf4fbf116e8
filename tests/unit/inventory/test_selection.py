"""The index answers what the rule answers; tests/property/test_standing.py compares them at large."""

from dataclasses import replace

from inventory.model import NodeSelector, Requirement, SelectorTerm
from inventory.selection import Selection
from inventory.standing import Candidate, Outcome, Sides
from tests.leasing import BINDING, MONDAY_NOON, at, policy

GPU = NodeSelector((SelectorTerm((Requirement("gpu", "Exists"),)),))


def test_nothing_is_known_while_the_workers_policies_cannot_be_listed() -> None:
    assert Selection(BINDING, Sides((), None)).standing_of({}, "n1", MONDAY_NOON) is None


def test_a_node_that_the_binding_does_not_select_is_not_lent() -> None:
    selection = Selection(replace(BINDING, node_selector=GPU), Sides((Candidate("a", policy("a")),)))
    missed, selected = (selection.standing_of(labels, "n1", MONDAY_NOON) for labels in ({}, {"gpu": "a100"}))
    assert missed is not None
    assert selected is not None
    assert (missed.outcome, selected.outcome) == (Outcome.NOT_LENT, Outcome.LENT)


def test_policies_of_other_bindings_do_not_count() -> None:
    foreign = Candidate("a", replace(policy("a"), cluster="osaka"))
    found = Selection(BINDING, Sides((foreign,), (foreign,))).standing_of({}, "n1", MONDAY_NOON)
    assert found is not None
    assert found.outcome is Outcome.NOT_LENT


def test_a_verdict_is_shared_by_nodes_until_its_next_edge() -> None:
    selection = Selection(BINDING, Sides((Candidate("a", policy("a", expires_at=at(13))),)))
    first = selection.standing_of({}, "n1", MONDAY_NOON)
    assert selection.standing_of({"rack": "7"}, "n2", at(12, 59, 59)) is first
    later = selection.standing_of({}, "n1", at(13))
    assert later is not None
    assert later.outcome is Outcome.NOT_LENT


def test_a_clock_that_steps_back_gets_a_new_verdict() -> None:
    selection = Selection(BINDING, Sides((Candidate("a", policy("a", expires_at=at(13))),)))
    after = selection.standing_of({}, "n1", at(13))
    before = selection.standing_of({}, "n1", at(12))
    assert after is not None
    assert before is not None
    assert (after.outcome, before.outcome) == (Outcome.NOT_LENT, Outcome.LENT)
