"""What wakes what, where it is easily too much."""

from datetime import UTC, datetime

import msgspec
import pytest

from reconciler.bridge.wiring import Wiring, is_status_only
from reconciler.kube.cache import Change
from reconciler.kube.projections import CustomObject, ObjectMeta
from reconciler.kube.workqueue import WorkQueue

BEFORE = CustomObject(ObjectMeta("nights", uid="u", resource_version="1"), {"cluster": "eu"}, {"nodes": 3})


def changed(status: int = 3, cluster: str = "eu", **metadata: object) -> CustomObject:
    meta = msgspec.structs.replace(BEFORE.metadata, resource_version="2", **metadata)
    return CustomObject(meta, {"cluster": cluster}, {"nodes": status})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (BEFORE, changed(status=4), True),
        (BEFORE, changed(cluster="us"), False),
        (BEFORE, changed(status=4, annotations={"kubeocean.io/abandon-worker": "true"}), False),
        (BEFORE, changed(finalizers=("kubeocean.io/clusterbinding-syncer",)), False),
        (BEFORE, changed(deletion_timestamp=datetime(2026, 3, 1, tzinfo=UTC)), False),
        (BEFORE, changed(status=4, uid="another"), False),
        (None, BEFORE, False),
        (BEFORE, None, False),
    ],
    ids=["status", "spec", "annotation too", "finalizer", "deletion", "made anew", "new", "gone"],
)
def test_what_is_only_a_report(before: CustomObject | None, after: CustomObject | None, *, expected: bool) -> None:
    assert is_status_only(Change("nights", before, after)) is expected


async def test_a_report_does_not_call_for_the_next_one_at_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    Wiring._report(queue, Change("nights", BEFORE, changed(status=4)))
    assert len(queue) == 0
    Wiring._report(queue, Change("nights", BEFORE, changed(cluster="us")))
    assert len(queue) == 1
