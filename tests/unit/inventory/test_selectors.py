import pytest

from inventory.model import NodeSelector, Requirement, SelectorTerm
from inventory.selectors import Matcher, expression_flaw, field_flaw, matches, refusals, selector_text

LABELS = {
    "os": "linux",
    "empty": "",
    "gpus": "8",
    "below": "-3",
    "version": "1.30",
    "huge": str(2**63),
    "x.io/pool": "a",
}
NODE = "node-1"


def where(key: str, operator: str, *values: str) -> Requirement:
    return Requirement(key, operator, values)


def selector(*expressions: Requirement, fields: tuple[Requirement, ...] = ()) -> NodeSelector:
    """A selector of one term."""
    return NodeSelector((SelectorTerm(expressions, fields),))


def selects(chosen: NodeSelector | None) -> bool:
    """The answer for the node of these tests, on which one selector and many must agree."""
    answer = matches(chosen, LABELS, NODE)
    assert Matcher([chosen]).matching(LABELS, NODE) == ((0,) if answer else ())
    return answer


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (where("os", "In", "linux", "windows"), True),
        (where("os", "In", "windows"), False),
        (where("absent", "In", "linux"), False),
        (where("empty", "In", ""), True),
        (where("absent", "In", ""), False),
        (where("os", "NotIn", "windows"), True),
        (where("os", "NotIn", "windows", "linux"), False),
        (where("absent", "NotIn", "linux"), True),
        (where("absent", "NotIn", ""), True),
        (where("empty", "NotIn", ""), False),
        (where("empty", "Exists"), True),
        (where("absent", "Exists"), False),
        (where("empty", "DoesNotExist"), False),
        (where("absent", "DoesNotExist"), True),
        (where("x.io/pool", "In", "a"), True),
        (where("gpus", "Gt", "7"), True),
        (where("gpus", "Gt", "8"), False),
        (where("gpus", "Lt", "9"), True),
        (where("gpus", "Lt", "8"), False),
        (where("gpus", "Gt", "007"), True),
        (where("gpus", "Lt", str(2**63 - 1)), True),
        (where("below", "Lt", "0"), True),
        (where("below", "Gt", "0"), False),
        (where("absent", "Gt", "0"), False),
        (where("absent", "Lt", "0"), False),
        (where("empty", "Lt", "1"), False),
        (where("version", "Gt", "1"), False),
        (where("huge", "Gt", "1"), False),
    ],
    ids=lambda each: f"{each.key} {each.operator} {','.join(each.values)}" if isinstance(each, Requirement) else None,
)
def test_a_label_is_held_against_a_requirement(requirement: Requirement, *, expected: bool) -> None:
    assert selects(selector(requirement)) is expected


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (where("metadata.name", "In", NODE), True),
        (where("metadata.name", "In", "node-2"), False),
        (where("metadata.name", "NotIn", NODE), False),
        (where("metadata.name", "NotIn", "node-2"), True),
        (where("metadata.name", "In", "Node 2!"), False),
    ],
    ids=["its name", "another name", "not its name", "not another name", "no name at all"],
)
def test_the_name_is_held_against_a_field_requirement(requirement: Requirement, *, expected: bool) -> None:
    assert selects(selector(fields=(requirement,))) is expected


LINUX, WINDOWS = where("os", "In", "linux"), where("os", "In", "windows")
THIS, OTHER = where("metadata.name", "In", NODE), where("metadata.name", "In", "node-2")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, True),
        (NodeSelector(), True),
        (NodeSelector((SelectorTerm(),)), False),
        (NodeSelector((SelectorTerm(), SelectorTerm((LINUX,)))), True),
        (NodeSelector((SelectorTerm((WINDOWS,)), SelectorTerm((LINUX,)))), True),
        (NodeSelector((SelectorTerm((WINDOWS,)), SelectorTerm(fields=(OTHER,)))), False),
        (selector(LINUX, where("gpus", "Exists")), True),
        (selector(LINUX, where("gpus", "DoesNotExist")), False),
        (selector(LINUX, where("os", "NotIn", "linux")), False),
        (selector(where("gpus", "Gt", "4"), where("gpus", "Lt", "16")), True),
        (selector(where("gpus", "Gt", "4"), where("gpus", "Lt", "8")), False),
        (selector(LINUX, fields=(THIS,)), True),
        (selector(LINUX, fields=(OTHER,)), False),
        (selector(WINDOWS, fields=(THIS,)), False),
        (selector(fields=(THIS, where("metadata.name", "NotIn", NODE))), False),
        (NodeSelector((SelectorTerm((where("os", "Is", "linux"),)), SelectorTerm((LINUX,)))), True),
    ],
    ids=[
        "no selector, every node",
        "no terms, every node",
        "a term that asks nothing, no node",
        "an empty term beside one that holds",
        "any term",
        "no term",
        "all requirements",
        "not all requirements",
        "a contradiction",
        "between two numbers",
        "not between two numbers",
        "labels and name",
        "labels but not name",
        "name but not labels",
        "all field requirements",
        "an illegal term leaves the others",
    ],
)
def test_terms_are_alternatives_and_requirements_add_up(chosen: NodeSelector | None, *, expected: bool) -> None:
    assert selects(chosen) is expected


ILLEGAL = {
    "an unknown operator": (where("os", "Equals", "linux"), "'Equals' is not an operator; In, NotIn, Exists,"),
    "an operator in lower case": (where("os", "in", "linux"), "'in' is not an operator"),
    "In without values": (where("os", "In"), "In takes at least one value"),
    "NotIn without values": (where("absent", "NotIn"), "NotIn takes at least one value"),
    "Exists with a value": (where("os", "Exists", "linux"), "Exists takes no values"),
    "DoesNotExist with a value": (where("absent", "DoesNotExist", "x"), "DoesNotExist takes no values"),
    "Gt without a value": (where("gpus", "Gt"), "Gt takes exactly one value"),
    "Gt with two values": (where("gpus", "Gt", "1", "2"), "Gt takes exactly one value"),
    "Gt with a word": (where("gpus", "Gt", "few"), "Gt takes exactly one value, an integer"),
    "Lt with a fraction": (where("gpus", "Lt", "9.5"), "Lt takes exactly one value, an integer"),
    "Lt beyond 64 bits": (where("gpus", "Lt", str(2**63)), "Lt takes exactly one value, an integer"),
    "Lt with underscores": (where("gpus", "Lt", "1_000"), "Lt takes exactly one value, an integer"),
    "Lt with endless digits": (where("gpus", "Lt", "0" * 5000 + "9"), "Lt takes exactly one value, an integer"),
    "Gt with a sign, which no label value has": (where("gpus", "Gt", "-1"), "'-1' is not a label value"),
    "a value that no label has": (where("os", "In", "linux", "not ok"), "'not ok' is not a label value"),
    "a value that is too long": (where("os", "NotIn", "a" * 64), f"'{'a' * 64}' is not a label value"),
    "an empty key": (where("", "DoesNotExist"), "'' is not a label key"),
    "a key that is too long": (where("a" * 64, "DoesNotExist"), "is not a label key"),
    "a key with a wrong end": (where("os-", "DoesNotExist"), "'os-' is not a label key"),
    "a key with two slashes": (where("x.io/a/b", "DoesNotExist"), "'x.io/a/b' is not a label key"),
    "an empty prefix": (where("/os", "DoesNotExist"), "'/os' is not a label key"),
    "a prefix in capitals": (where("X.io/os", "DoesNotExist"), "'X.io/os' is not a label key"),
    "a prefix that is too long": (where(f"{'a' * 254}/os", "DoesNotExist"), "is not a label key"),
}


@pytest.mark.parametrize(("requirement", "flaw"), ILLEGAL.values(), ids=ILLEGAL)
def test_an_illegal_expression_has_a_flaw_and_matches_nothing(requirement: Requirement, flaw: str) -> None:
    assert flaw in (expression_flaw(requirement) or "")
    assert not selects(selector(requirement))
    assert not selects(selector(LINUX, requirement))


ILLEGAL_FIELDS = {
    "another field": (where("metadata.uid", "NotIn", "x"), "'metadata.uid' is not a field to select nodes by"),
    "Exists": (where("metadata.name", "Exists"), "'Exists' does not apply to fields"),
    "no value": (where("metadata.name", "NotIn"), "NotIn takes exactly one value"),
    "two values": (where("metadata.name", "In", NODE, "node-2"), "In takes exactly one value"),
}


@pytest.mark.parametrize(("requirement", "flaw"), ILLEGAL_FIELDS.values(), ids=ILLEGAL_FIELDS)
def test_an_illegal_field_has_a_flaw_and_matches_nothing(requirement: Requirement, flaw: str) -> None:
    assert flaw in (field_flaw(requirement) or "")
    assert not selects(selector(fields=(requirement,)))


@pytest.mark.parametrize(
    "requirement",
    [
        LINUX,
        where("kubernetes.io/os", "In", "", "A_b.c-9", "a" * 63),
        where(f"{'a' * 253}/{'b' * 63}", "Exists"),
        where("A_b.c", "DoesNotExist"),
        where("n", "Gt", "007"),
        where("n", "Lt", str(2**63 - 1)),
    ],
    ids=["plain", "odd values", "as long as can be", "an odd key", "leading zeros", "the largest number"],
)
def test_a_legal_expression_has_no_flaw(requirement: Requirement) -> None:
    assert expression_flaw(requirement) is None


@pytest.mark.parametrize("operator", ["In", "NotIn"])
def test_a_legal_field_has_no_flaw(operator: str) -> None:
    assert field_flaw(where("metadata.name", operator, NODE)) is None


def test_a_matcher_gives_each_selector_once_in_its_order() -> None:
    twice = NodeSelector((SelectorTerm((LINUX,)), SelectorTerm(fields=(THIS,))))
    matcher = Matcher([selector(WINDOWS), twice, None, selector(fields=(OTHER,)), NodeSelector(), twice])
    assert matcher.matching(LABELS, NODE) == (1, 2, 4, 5)
    assert matcher.matching({"os": "windows"}, "node-2") == (0, 2, 3, 4)
    assert matcher.matching({}, "node-3") == (2, 4)


def test_a_matcher_of_nothing_selects_nothing() -> None:
    assert Matcher([]).matching(LABELS, NODE) == ()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        pytest.param(None, (), id="every node"),
        pytest.param(selector(where("os", "In", "linux")), (), id="selects"),
        pytest.param(
            selector(where("os", "In", "windows", "plan9")),
            ("os In (windows, plan9), but the node has os=linux",),
            id="value",
        ),
        pytest.param(
            selector(where("gpus", "Gt", "7"), where("absent", "Exists")),
            ("absent Exists, but the node has no such label",),
            id="the failing one",
        ),
        pytest.param(
            selector(fields=(where("metadata.name", "In", "node-2"),)),
            ("metadata.name In (node-2), but the node is node-1",),
            id="field",
        ),
        pytest.param(selector(), ("Kubernetes does not accept the term: it has no conditions",), id="empty term"),
        pytest.param(
            selector(where("os", "Like", "linux")),
            (
                "Kubernetes does not accept the term: 'Like' is not an operator; In, NotIn, Exists, DoesNotExist, Gt, Lt are",
            ),
            id="illegal",
        ),
    ],
)
def test_a_refusal_names_the_requirement_and_what_the_node_has(
    chosen: NodeSelector | None, expected: tuple[str, ...]
) -> None:
    assert refusals(chosen, LABELS, NODE) == expected


def test_a_selector_reads_like_a_sentence() -> None:
    terms = (SelectorTerm((where("os", "In", "a", "b"), where("gpus", "Exists"))), SelectorTerm())
    assert selector_text(NodeSelector(terms)) == "os In (a, b), gpus Exists; or a term without conditions"
    assert selector_text(NodeSelector()) == "every node"
