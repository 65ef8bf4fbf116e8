"""One selector at a time and many at once give the same answers."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.model import NodeSelector, Requirement, SelectorTerm
from inventory.selectors import OPERATORS, Matcher, expression_flaw, matches, refusals

MODERATE = settings(max_examples=300, deadline=None)

KEYS = ("os", "zone", "gpus", "x.io/pool", "-bad-")
WORDS = ("a", "b", "", "not ok")
NUMBERS = ("0", "1", "2", "-1", "+2", "007", str(2**63 - 1), str(-(2**63)), str(2**63))
NAMES = ("node-1", "node-2", "node-3")
OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}

values = st.sampled_from(WORDS + NUMBERS)
legal = st.one_of(
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from(("In", "NotIn")),
        st.lists(values, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Requirement, st.sampled_from(KEYS), st.sampled_from(("Exists", "DoesNotExist"))),
    st.builds(
        Requirement, st.sampled_from(KEYS), st.sampled_from(("Gt", "Lt")), st.sampled_from(NUMBERS).map(lambda n: (n,))
    ),
)
arbitrary = st.builds(
    Requirement, st.sampled_from(KEYS), st.sampled_from((*OPERATORS, "Is")), st.lists(values, max_size=2).map(tuple)
)
fields = st.builds(
    Requirement,
    st.just("metadata.name"),
    st.sampled_from(("In", "NotIn", "Exists")),
    st.sampled_from(NAMES).map(lambda name: (name,)),
)
terms = st.builds(
    SelectorTerm,
    st.lists(st.one_of(legal, legal, legal, arbitrary), max_size=3).map(tuple),
    st.lists(fields, max_size=1).map(tuple),
)
selectors = st.one_of(st.none(), st.builds(NodeSelector, st.lists(terms, max_size=3).map(tuple)))
labels = st.dictionaries(st.sampled_from(KEYS), values)
nodes = st.lists(st.tuples(labels, st.sampled_from(NAMES)), min_size=1, max_size=5)


@MODERATE
@given(st.lists(selectors, max_size=8), nodes)
def test_a_matcher_agrees_with_its_selectors_one_by_one(
    chosen: list[NodeSelector | None], fleet: list[tuple[dict[str, str], str]]
) -> None:
    matcher = Matcher(chosen)
    for node_labels, name in fleet:
        one_by_one = tuple(n for n, each in enumerate(chosen) if matches(each, node_labels, name))
        assert matcher.matching(node_labels, name) == one_by_one


@MODERATE
@given(st.lists(terms, min_size=1, max_size=4), st.randoms(use_true_random=False), labels, st.sampled_from(NAMES))
def test_the_order_of_terms_does_not_matter(
    chosen: list[SelectorTerm], random: Random, node_labels: dict[str, str], name: str
) -> None:
    shuffled = random.sample(chosen, len(chosen))
    assert matches(NodeSelector(tuple(chosen)), node_labels, name) == matches(
        NodeSelector(tuple(shuffled)), node_labels, name
    )


@MODERATE
@given(terms, legal, labels, st.sampled_from(NAMES))
def test_one_requirement_more_never_selects_more(
    term: SelectorTerm, more: Requirement, node_labels: dict[str, str], name: str
) -> None:
    narrower = SelectorTerm((*term.expressions, more), term.fields)
    if term != SelectorTerm() and matches(NodeSelector((narrower,)), node_labels, name):
        assert matches(NodeSelector((term,)), node_labels, name)


@MODERATE
@given(
    legal.filter(lambda each: each.operator in OPPOSITE and not expression_flaw(each)), labels, st.sampled_from(NAMES)
)
def test_a_requirement_and_its_opposite_divide_all_nodes(
    requirement: Requirement, node_labels: dict[str, str], name: str
) -> None:
    opposite = Requirement(requirement.key, OPPOSITE[requirement.operator], requirement.values)
    answers = {matches(NodeSelector((SelectorTerm((each,)),)), node_labels, name) for each in (requirement, opposite)}
    assert answers == {True, False}


@MODERATE
@given(selectors, labels, st.sampled_from(NAMES))
def test_every_term_that_does_not_select_says_why(
    chosen: NodeSelector | None, node_labels: dict[str, str], name: str
) -> None:
    said = refusals(chosen, node_labels, name)
    if chosen is None or matches(chosen, node_labels, name):
        assert said == ()
    else:
        assert len(said) == len(chosen.terms)
