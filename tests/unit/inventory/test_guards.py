import re

import pytest

from inventory.guards import Deletion, Rules, Verdict, token_for, verdict_on
from inventory.model import Guards


def deletions(count: int) -> list[Deletion]:
    return [Deletion("ResourceLeasingPolicy", f"p{n}", f"uid-{n}") for n in range(count)]


def judged(count: int, owned: int, guards: Guards | None = None, *, approved: str = "", empty: bool = False) -> Verdict:
    tokens = frozenset({approved} if approved else ())
    return verdict_on(deletions(count), owned, Rules("prod", guards or Guards(), empty, tokens))


@pytest.mark.parametrize(("count", "owned"), [(0, 0), (0, 100), (2, 10), (9, 9), (20, 100)])
def test_a_fifth_may_go_and_of_few_objects_any_number(count: int, owned: int) -> None:
    assert not judged(count, owned).is_held


@pytest.mark.parametrize(("count", "owned"), [(3, 10), (21, 100)])
def test_more_than_a_fifth_is_held(count: int, owned: int) -> None:
    assert judged(count, owned).is_held


@pytest.mark.parametrize(
    ("count", "guards"),
    [(2, Guards(max_delete=2)), (50, Guards(max_delete_percent=50)), (100, Guards(max_delete_percent=100))],
)
def test_an_inventory_may_allow_more(count: int, guards: Guards) -> None:
    assert not judged(count, 100, guards).is_held


@pytest.mark.parametrize(
    ("count", "guards"),
    [
        (3, Guards(max_delete=2)),
        (1, Guards(max_delete=0)),
        (51, Guards(max_delete_percent=50)),
        (1, Guards(max_delete_percent=0)),
    ],
)
def test_an_inventory_may_allow_less(count: int, guards: Guards) -> None:
    assert judged(count, 100, guards).is_held


def test_from_an_empty_inventory_nothing_is_deleted_and_nobody_can_approve_it() -> None:
    verdict = judged(1, 1, approved=token_for("prod", deletions(1)), empty=True)

    assert (verdict.is_held, verdict.token) == (True, None)
    assert "empty" in verdict.because


@pytest.mark.parametrize("where", ["outside", "inventory"])
def test_the_token_of_a_held_set_approves_it(where: str) -> None:
    held = judged(50, 100)
    assert held.token is not None
    guards = Guards(approve=(held.token,)) if where == "inventory" else Guards()

    again = judged(50, 100, guards, approved=held.token if where == "outside" else "")

    assert (held.is_held, again.is_held, again.because) == (True, False, "approved")


def test_a_token_approves_no_other_set() -> None:
    token = judged(50, 100).token or ""

    assert judged(51, 100, approved=token).is_held


def test_a_token_is_that_of_a_set_whatever_its_order() -> None:
    few = deletions(3)

    assert token_for("prod", few) == token_for("prod", reversed(few))
    assert re.fullmatch("sha256:[0-9a-f]{64}", token_for("prod", few))


@pytest.mark.parametrize(
    "other",
    [
        token_for("test", deletions(3)),
        token_for("prod", deletions(2)),
        token_for("prod", [*deletions(2), Deletion("ResourceLeasingPolicy", "p2", "recreated")]),
        token_for("prod", [*deletions(2), Deletion("ClusterBinding", "p2", "uid-2")]),
    ],
    ids=["inventory", "fewer", "recreated", "kind"],
)
def test_anything_else_has_another_token(other: str) -> None:
    assert token_for("prod", deletions(3)) != other


@pytest.mark.parametrize(("count", "owned", "percent"), [(0, 0, 0), (1, 48, 3), (1, 4, 25), (1, 1, 100)])
def test_the_share_is_rounded_up(count: int, owned: int, percent: int) -> None:
    assert judged(count, owned).percent == percent
