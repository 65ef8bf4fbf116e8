"""What wakes what, where it is easily too much."""

from datetime import UTC, datetime

import msgspec
import pytest

from reconciler import names
from reconciler.bottomup.load import LoadBook
from reconciler.bridge.computing import Computing
from reconciler.bridge.ground import Bound, Ground
from reconciler.bridge.nodes import NodeObserver
from reconciler.bridge.policies import PolicyBook
from reconciler.bridge.wiring import Queues, Wiring, is_status_only
from reconciler.bridge.worker import Heartbeat, Worker
from reconciler.clock import SystemClock
from reconciler.kube.cache import Change
from reconciler.kube.client import Client
from reconciler.kube.projections import Copied, CustomObject, ObjectMeta
from reconciler.kube.watch_events import Added, Modified
from reconciler.kube.workqueue import WorkQueue
from reconciler.settings import Settings
from tests.leasing import BINDING, IDENTITY, STATE, bare_vnode, pod

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


@pytest.mark.parametrize(
    ("annotations", "woken"),
    [
        ({names.WINDOW_CLOSED_AT: "2026-01-05T12:00:00Z"}, ["shop/web"]),
        ({names.LEASE_ENDS_AT: "2026-01-05T13:00:00Z"}, ["shop/web"]),
        ({names.SHRINK_VICTIMS: "shop/web"}, ["shop/web"]),
        ({"somebody": "else's"}, []),
    ],
    ids=["closed", "notice", "shrunk", "nothing of it"],
)
async def test_pods_hear_of_what_becomes_of_their_vnode(
    client: Client, annotations: dict[str, str], woken: list[str]
) -> None:
    computing, worker = Computing(client, IDENTITY.computing_cluster_uid, 60), Worker(client, IDENTITY, Settings())
    heartbeat = Heartbeat(client, "worker-uid", SystemClock(), lambda: None)
    ground = Ground(computing, worker, lambda: Bound(BINDING, STATE), heartbeat, "worker-uid")
    queues = Queues(WorkQueue(), WorkQueue(), WorkQueue(), WorkQueue(), WorkQueue())
    load = LoadBook()
    yields = NodeObserver(ground, PolicyBook(computing.policies, BINDING.name), load).yields
    computing.nodes._take(Added(bare_vnode()))
    computing.pods._take(Added(Copied(pod("web"), msgspec.json.encode(pod("web")))))
    Wiring(ground, load, queues, yields).connect()
    await queues.pods.get()
    queues.pods.done("shop/web")
    changed_vnode = bare_vnode(annotations)
    metadata = msgspec.structs.replace(changed_vnode.metadata, resource_version="10")
    computing.nodes._take(Modified(msgspec.structs.replace(changed_vnode, metadata=metadata)))
    assert [await queues.pods.get() for _ in range(len(queues.pods))] == woken


async def test_a_report_does_not_call_for_the_next_one_at_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    Wiring._report(queue, Change("nights", BEFORE, changed(status=4)))
    assert len(queue) == 0
    Wiring._report(queue, Change("nights", BEFORE, changed(cluster="us")))
    assert len(queue) == 1
