from typing import Any

import pytest

from inventory.model import NodeSelector, Policy, Requirement, SelectorTerm, Window
from inventory.overlap import are_open_together, common_node
from inventory.selectors import matches


def labels(*requirements: tuple[Any, ...]) -> NodeSelector:
    """One term of requirements on labels."""
    return NodeSelector((term(*requirements),))


def term(*requirements: tuple[Any, ...]) -> SelectorTerm:
    return SelectorTerm(tuple(Requirement(key, operator, tuple(values)) for key, operator, *values in requirements))


def named(operator: str, name: str) -> NodeSelector:
    return NodeSelector((SelectorTerm(fields=(Requirement("metadata.name", operator, (name,)),)),))


def at(start: str, end: str, *days: int, zone: str = "UTC") -> Policy:
    def minute(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return Policy("p", "w", windows=(Window(minute(start), minute(end), frozenset(days)),), time_zone=zone)


@pytest.mark.parametrize(
    "selectors",
    [
        (),
        (None, None),
        (None, labels(("a", "Exists"))),
        (labels(("a", "In", "x", "y")), labels(("a", "In", "y", "z"))),
        (labels(("a", "In", "x")), labels(("b", "In", "x"))),
        (labels(("a", "NotIn", "x")), labels(("a", "DoesNotExist"))),
        (labels(("a", "NotIn", "any-0", "any-1")), labels(("a", "Exists"))),
        (labels(("a", "Gt", "5")), labels(("a", "Lt", "7"))),
        (labels(("a", "Gt", "5")), labels(("a", "Lt", "9")), labels(("a", "NotIn", "6", "7"))),
        (labels(("a", "Lt", "5")), labels(("a", "NotIn", "4", "3"))),
        (NodeSelector((term(("a", "In", "x")), term(("a", "In", "y")))), labels(("a", "In", "y"))),
        (named("In", "n1"), labels(("a", "Exists"))),
        (named("NotIn", "any-0"), named("NotIn", "any-1")),
        (NodeSelector(()), labels(("a", "Exists"))),
    ],
    ids=str,
)
def test_a_common_node_is_found_and_selected_by_all(selectors: tuple[NodeSelector | None, ...]) -> None:
    node = common_node(selectors)

    assert node is not None
    assert all(matches(selector, node.labels, node.name) for selector in selectors)


@pytest.mark.parametrize(
    "selectors",
    [
        (labels(("a", "In", "x")), labels(("a", "In", "y"))),
        (labels(("a", "In", "x")), labels(("a", "NotIn", "x"))),
        (labels(("a", "Exists")), labels(("a", "DoesNotExist"))),
        (labels(("a", "Gt", "5")), labels(("a", "Lt", "6"))),
        (labels(("a", "Gt", "5")), labels(("a", "Lt", "7")), labels(("a", "NotIn", "6"))),
        (labels(("a", "In", "x")), None, labels(("a", "DoesNotExist"))),
        (named("In", "n1"), named("In", "n2")),
        (named("In", "n1"), named("NotIn", "n1")),
        (NodeSelector((SelectorTerm(),)), None),
    ],
    ids=str,
)
def test_selectors_that_exclude_each_other_have_no_common_node(selectors: tuple[NodeSelector | None, ...]) -> None:
    assert common_node(selectors) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Policy("p", "w"), at("08:00", "09:00")),
        (at("08:00", "09:00"), at("09:00", "10:00")),
        (at("22:00", "06:00", 4), at("05:00", "07:00", 5)),
        (at("22:00", "06:00", 6), at("05:00", "07:00", 0)),
        (at("08:00", "09:00", zone="Europe/Berlin"), at("06:30", "06:45")),
        (at("08:00", "09:00", zone="Europe/Berlin"), at("07:30", "07:45")),
    ],
    ids=["always", "shared minute", "over midnight", "over the end of the week", "summer time", "winter time"],
)
def test_windows_that_meet_are_found(one: Policy, other: Policy) -> None:
    assert are_open_together(one, other)
    assert are_open_together(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (at("08:00", "08:59"), at("09:00", "10:00")),
        (at("08:00", "09:00", 0), at("08:00", "09:00", 1)),
        (at("22:00", "06:00", 4), at("05:00", "07:00", 4)),
        (at("08:00", "09:00", zone="Europe/Berlin"), at("08:30", "08:45")),
    ],
    ids=["one after the other", "other days", "the morning before", "other zones"],
)
def test_windows_that_never_meet_are_fine(one: Policy, other: Policy) -> None:
    assert not are_open_together(one, other)
