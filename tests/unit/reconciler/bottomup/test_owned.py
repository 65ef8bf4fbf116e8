"""Whose the parts of a vnode are."""

import pytest

from reconciler import names
from reconciler.bottomup.owned import Owned, owned_of, taint_key
from reconciler.kube.projections import Taint
from tests.leasing import bare_vnode

OURS = Owned(frozenset({"b", "a"}), frozenset({"c"}), frozenset({"gpu:NoSchedule"}), frozenset({"Ready"}))


def test_what_is_written_is_read_back() -> None:
    assert owned_of(bare_vnode({names.OWNED_KEYS: OURS.to_text()})) == OURS


def test_the_text_does_not_depend_on_order() -> None:
    assert OURS.to_text() == Owned(frozenset({"a", "b"}), *(OURS.annotations, OURS.taints, OURS.conditions)).to_text()


def test_no_vnode_has_nothing_of_ours() -> None:
    assert owned_of(None) == Owned()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="broken"),
        pytest.param("[]", id="a-list"),
        pytest.param('{"labels":7,"taints":null}', id="no-lists"),
        pytest.param('{"labels":[7]}', id="no-strings"),
    ],
)
def test_what_cannot_be_read_claims_nothing(text: str) -> None:
    assert owned_of(bare_vnode({names.OWNED_KEYS: text})) == Owned()


def test_a_vnode_without_the_annotation_claims_nothing() -> None:
    assert owned_of(bare_vnode()) == Owned()


def test_a_taint_is_identified_by_key_and_effect() -> None:
    assert taint_key(Taint("gpu", "NoSchedule", "a100")) == "gpu:NoSchedule"
