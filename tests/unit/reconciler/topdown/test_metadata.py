"""Labels and annotations on their way down."""

import json

import pytest

from reconciler import names
from reconciler.kube.projections import ObjectMeta
from reconciler.topdown.metadata import Marks, carried_annotations, carried_labels, marks_for, metadata_changes

WANTED = marks_for({"app": "web"}, {"note": "hello"})


def seen(labels: dict[str, str], annotations: dict[str, str]) -> ObjectMeta:
    return ObjectMeta("copy", labels=labels, annotations=annotations)


def as_written(marks: Marks) -> ObjectMeta:
    return seen(dict(marks.labels), dict(marks.annotations))


def test_users_labels_are_carried_and_keys_of_ours_are_not() -> None:
    origin = ObjectMeta("p", labels={"app": "web", names.MANAGED_BY: "somebody", names.WORKLOAD_NAME: "x"})
    assert carried_labels(origin) == {"app": "web"}


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(names.PHYSICAL_POD_UID, id="our-record"),
        pytest.param(names.BINDING_UID, id="our-mark"),
        pytest.param(names.RUNNING_DAEMONSET, id="meant-for-us"),
        pytest.param(names.LAST_APPLIED, id="the-whole-original"),
        pytest.param(names.SERVICE_ACCOUNT_NAME, id="token"),
        *(pytest.param(key, id=key) for key in sorted(names.EVICTION_BLOCKERS)),
    ],
)
def test_an_annotation_that_would_lie_or_bind_is_not_carried(key: str) -> None:
    assert carried_annotations(ObjectMeta("p", annotations={key: "v", "note": "hello"})) == {"note": "hello"}


def test_what_was_written_needs_no_change() -> None:
    assert metadata_changes(WANTED, as_written(WANTED)) == {}


def test_a_changed_and_a_missing_key_are_mended() -> None:
    changes = metadata_changes(WANTED, seen({"app": "other"}, {names.OWNED_KEYS: WANTED.annotations[names.OWNED_KEYS]}))
    assert changes == {"labels": {"app": "web"}, "annotations": {"note": "hello"}}


def test_a_key_that_we_set_and_no_longer_want_goes() -> None:
    before = marks_for({"app": "web", "old": "1"}, {"note": "hello", "gone": "2"})
    changes = metadata_changes(WANTED, as_written(before))
    assert (changes["labels"], changes["annotations"]["gone"]) == ({"old": None}, None)


def test_keys_of_others_stay() -> None:
    theirs = as_written(marks_for({"app": "web"}, {"note": "hello"}))
    both = seen({**theirs.labels, "cni": "1"}, {**theirs.annotations, "cni": "2"})
    assert metadata_changes(WANTED, both) == {}


def test_a_listed_key_that_somebody_removed_already_is_not_removed_again() -> None:
    owned = json.dumps({"labels": ["app", "old"], "annotations": ["note"]})
    changes = metadata_changes(WANTED, seen({"app": "web"}, {"note": "hello", names.OWNED_KEYS: owned}))
    assert changes == {"annotations": {names.OWNED_KEYS: WANTED.annotations[names.OWNED_KEYS]}}


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"labels": "app", "annotations": 3}', "null"])
def test_a_spoilt_list_is_written_anew_and_removes_nothing(spoilt: str) -> None:
    annotations = {"note": "hello", "cni": "1", names.OWNED_KEYS: spoilt}
    changes = metadata_changes(WANTED, seen({"app": "web", "cni": "2"}, annotations))
    assert changes == {"annotations": {names.OWNED_KEYS: WANTED.annotations[names.OWNED_KEYS]}}
