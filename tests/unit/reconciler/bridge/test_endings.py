"""How the worker's Events tell of a pod's end."""

import pytest

from reconciler.bridge.endings import ended_uid, ending_told
from reconciler.kube.client import connect
from reconciler.topdown.view import Disruption
from tests.mirroring import Json, a_pod, a_worker_pod, copied, finished, leaving_pod, mapped, running
from tests.unit.reconciler.kube.fake_api import fake_api, refuses, says

TOLD: Json = {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]}


@pytest.mark.parametrize(
    ("computing", "worker", "uid"),
    [
        pytest.param(mapped(a_pod(status=running())), None, "worker-uid", id="gone"),
        pytest.param(
            mapped(a_pod(status=running())),
            leaving_pod(a_worker_pod(status=finished("Failed"))),
            "worker-uid",
            id="stopped",
        ),
        pytest.param(a_pod(), None, None, id="never-started"),
        pytest.param(mapped(a_pod(status=running())), a_worker_pod(status=running()), None, id="alive"),
        pytest.param(mapped(a_pod(status=running())), leaving_pod(a_worker_pod(status=running())), None, id="stopping"),
        pytest.param(leaving_pod(mapped(a_pod(status=running()))), None, None, id="deleted-by-its-user"),
        pytest.param(mapped(a_pod(status=finished("Succeeded"))), None, None, id="finished"),
        pytest.param(mapped(a_pod(status=TOLD)), None, None, id="told-by-a-condition"),
        pytest.param(
            mapped(a_pod(status=running())),
            leaving_pod(a_worker_pod(status={**finished("Failed"), **TOLD})),
            None,
            id="told-by-the-worker-pod",
        ),
    ],
)
def test_events_are_read_only_of_a_pod_that_was_ended_and_does_not_tell(
    computing: Json, worker: Json | None, uid: str | None
) -> None:
    assert ended_uid(copied(computing), copied(worker) if worker else None) == uid


def event(reason: str, message: str = "") -> Json:
    return {"metadata": {"name": "e"}, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("events", "told"),
    [
        pytest.param(
            [event("Scheduled"), event("Preempted", "by shop/db")],
            Disruption("Preempted", "by shop/db"),
            id="preempted",
        ),
        pytest.param([event("TaintManagerEviction", "taint")], Disruption("Evicted", "taint"), id="taint"),
        pytest.param([event("Killing")], None, id="nothing-of-it"),
        pytest.param([], None, id="no-events"),
    ],
)
async def test_the_last_event_that_ends_a_pod_counts(events: list[Json], told: Disruption | None) -> None:
    async with fake_api() as api:
        api.will(says({"kind": "EventList", "metadata": {}, "items": events}))
        async with await connect(api.access) as client:
            assert await ending_told(client, "kubeocean-worker", "u1") == told
        (seen,) = api.seen
    assert (seen.line, seen.query["fieldSelector"]) == (
        "GET /api/v1/namespaces/kubeocean-worker/events",
        "involvedObject.uid=u1",
    )


async def test_an_owner_may_keep_events_to_himself() -> None:
    async with fake_api() as api:
        api.will(refuses(403, "Forbidden"))
        async with await connect(api.access) as client:
            assert await ending_told(client, "kubeocean-worker", "u1") is None
