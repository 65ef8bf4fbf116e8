"""Which worker pod stands for which computing pod."""

import pytest

from reconciler import names
from reconciler.topdown.mapping import mapped_uid, mapping_for, stands_for
from tests.mirroring import MOUNT, UID, WORKER_NAME, a_pod, a_worker_pod, changed, copied, mapped

WORKER = copied(a_worker_pod())


def without_mark(uid: str) -> dict[str, object]:
    metadata = {"uid": uid, "annotations": {names.VIRTUAL_POD_UID: None}}
    return changed(a_worker_pod(), {"metadata": metadata})


def test_a_pod_made_for_this_uid_stands_for_it() -> None:
    assert stands_for(WORKER, copied(a_pod()))


def test_a_pod_made_for_another_uid_does_not_even_if_the_record_says_so() -> None:
    assert not stands_for(WORKER, copied(mapped(a_pod(meta={"uid": "uid-2"}), of="uid-2")))


@pytest.mark.parametrize(("uid", "expected"), [("worker-uid", True), ("other", False)])
def test_a_pod_that_lost_its_mark_is_known_by_the_record(uid: str, *, expected: bool) -> None:
    assert stands_for(copied(without_mark(uid)), copied(mapped(a_pod()))) is expected


def test_a_pod_without_a_record_has_none() -> None:
    assert mapped_uid(copied(a_pod())) is None


def test_a_record_counts() -> None:
    assert mapped_uid(copied(mapped(a_pod()))) == "worker-uid"


def test_a_record_without_a_subject_counts() -> None:
    pod = a_pod(meta={"annotations": {names.PHYSICAL_POD_UID: "worker-uid"}})
    assert mapped_uid(copied(pod)) == "worker-uid"


def test_a_record_that_came_with_the_yaml_of_an_old_pod_counts_for_nothing() -> None:
    assert mapped_uid(copied(mapped(a_pod(), of="uid-of-the-old-pod"))) is None


def test_the_record_names_both_pods() -> None:
    assert mapping_for(WORKER, copied(a_pod())) == {
        names.PHYSICAL_POD_NAMESPACE: MOUNT,
        names.PHYSICAL_POD_NAME: WORKER_NAME,
        names.PHYSICAL_POD_UID: "worker-uid",
        names.VIRTUAL_UID: UID,
    }
