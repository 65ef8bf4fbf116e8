import pytest

from inventory.codes import Code
from inventory.compose import Composed, Limits, Mark, compose

LIMITS = Limits(depth=8, nodes=100)


def flaws(text: str) -> list[tuple[Code, int, int]]:
    return [(flaw.code, flaw.at.line, flaw.at.column) for flaw in compose(text, LIMITS).flaws]


def data(text: str) -> list[object]:
    composed = compose(text, LIMITS)
    assert composed.flaws == ()
    return [tree.data for tree in composed.trees]


def test_documents_become_plain_data() -> None:
    assert data("a: 1\nb: [x, 'no', no]\n---\n- {c: null}\n") == [{"a": 1, "b": ["x", "no", "no"]}, [{"c": None}]]


def test_quoted_texts_are_never_anything_else() -> None:
    assert data("['1', \"true\", '~']") == [["1", "true", "~"]]


def test_block_texts_keep_their_lines() -> None:
    assert data("a: |\n  1\n  2\n") == [{"a": "1\n2\n"}]


def test_every_value_and_key_has_its_place() -> None:
    (tree,) = compose("spec:\n  windows:\n    - start: '08:00'\n  a/b~c: 1\n", LIMITS).trees

    assert tree.values["/spec/windows/0/start"] == Mark(3, 14, 7)
    assert tree.keys["/spec/windows/0/start"] == Mark(3, 7, 5)
    assert tree.values["/spec/a~1b~0c"] == Mark(4, 10, 1)
    assert tree.keys["/spec"] == Mark(1, 1, 4)


def test_the_second_document_knows_where_it_begins() -> None:
    _, second = compose("a: 1\n---\n\nb: 2\n", LIMITS).trees

    assert second.at == Mark(4, 1, 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: b: c\n", (Code.SYNTAX, 1, 5)),
        ("a: [1, 2\nb: c\n", (Code.SYNTAX, 2, 2)),
        ("a: 'x\n", (Code.SYNTAX, 2, 1)),
        ("a: @x\n", (Code.SYNTAX, 1, 4)),
        ('a: 1\nb: "\\U00110000"\n', (Code.SYNTAX, 2, 5)),
        ("a:\n\tb: 1\n", (Code.TAB, 2, 1)),
        ("%YAML 1.1\n---\na: no\n", (Code.DIRECTIVE, 2, 1)),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", (Code.DIRECTIVE, 2, 1)),
        ("a: &x 1\n", (Code.ANCHOR, 1, 4)),
        ("&x a: 1\n", (Code.ANCHOR, 1, 1)),
        ("<<: {b: 1}\n", (Code.MERGE_KEY, 1, 1)),
        ("a: !!int '1'\n", (Code.TAG, 1, 4)),
        ("a: !!python/object:os.system x\n", (Code.TAG, 1, 4)),
        ("a: ! x\n", (Code.TAG, 1, 4)),
        ("a: 1\nb: 2\na: 3\n", (Code.DUPLICATE_KEY, 3, 1)),
        ("1: a\n", (Code.KEY_NOT_TEXT, 1, 1)),
        ("true: a\n", (Code.KEY_NOT_TEXT, 1, 1)),
        ("? [a, b]\n: c\n", (Code.KEY_NOT_TEXT, 1, 3)),
        ('a: "\\ud800"\n', (Code.INVISIBLE, 1, 4)),
    ],
)
def test_what_has_no_place_in_an_inventory_is_found(text: str, found: tuple[Code, int, int]) -> None:
    assert flaws(text) == [found]


def test_a_quoted_merge_key_is_a_key() -> None:
    assert data("'<<': 1\n") == [{"<<": 1}]


def test_a_duplicate_names_both_places() -> None:
    (flaw,) = compose("a: 1\nb: 2\na: 3\n", LIMITS).flaws

    assert flaw.related == Mark(1, 1, 1)


def test_the_first_of_two_equal_keys_counts() -> None:
    (tree,) = compose("a: {b: 1}\na: {b: 2, c: 3}\n", LIMITS).trees

    assert tree.data == {"a": {"b": 1}}


def test_several_flaws_are_found_at_once() -> None:
    assert flaws("a: &x 1\n<<: {}\nb: !!str 2\na: 3\n") == [
        (Code.ANCHOR, 1, 4),
        (Code.MERGE_KEY, 2, 1),
        (Code.TAG, 3, 4),
        (Code.DUPLICATE_KEY, 4, 1),
    ]


def test_a_document_with_an_alias_is_not_taken_for_data() -> None:
    composed = compose("a: &x 1\nb: *x\n---\nc: 1\n", LIMITS)

    assert [tree.data for tree in composed.trees] == [{"c": 1}]
    assert [flaw.code for flaw in composed.flaws] == [Code.ANCHOR, Code.ANCHOR]


def test_an_alias_may_not_be_a_key_either() -> None:
    assert (Code.ANCHOR, 2, 1) in flaws("a: &x 1\n*x : 2\n")


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]

    composed = compose("\n".join(lines), Limits())

    assert composed.trees == ()
    assert {flaw.code for flaw in composed.flaws} <= {Code.ANCHOR, Code.TOO_MANY}


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000 + "x", "? " * 5000 + "x"])
def test_deep_nesting_ends_at_the_cap_and_not_in_a_recursion_error(text: str) -> None:
    (flaw,) = compose(text, LIMITS).flaws

    assert (flaw.code, flaw.message) == (Code.TOO_COMPLEX, "nested deeper than 8 levels")


def test_nesting_up_to_the_cap_is_fine() -> None:
    assert data("[" * 8 + "]" * 8)


def test_many_values_end_at_the_cap() -> None:
    (flaw,) = compose("[" + "x, " * 200 + "]", LIMITS).flaws

    assert (flaw.code, flaw.message) == (Code.TOO_COMPLEX, "more than 100 values in one file")


def test_what_ends_the_reading_leaves_no_documents_and_the_flaws_before_it() -> None:
    assert compose("a: &x 1\n---\nb: [\n", LIMITS) == Composed((), compose("a: &x 1\n---\nb: [\n", LIMITS).flaws)
    assert flaws("a: &x 1\n---\nb: [\n") == [(Code.ANCHOR, 1, 4), (Code.SYNTAX, 4, 1)]


def test_flaws_without_end_are_cut_off() -> None:
    found = compose("[" + "&x a, " * 500 + "]", Limits()).flaws

    assert len(found) == 101
    assert found[-1].code == Code.TOO_MANY


def test_a_long_name_is_not_repeated_in_full() -> None:
    (flaw,) = compose(f"a: &{'x' * 10_000} 1\n", LIMITS).flaws

    assert len(flaw.message) < 200


def test_windows_line_ends_and_no_last_line_end_are_fine() -> None:
    assert data("a: 1\r\nb: 2") == [{"a": 1, "b": 2}]
