import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from oceanctl.sandbox.hollow.addresses import Addresses
from oceanctl.sandbox.hollow.admission import Refusal
from oceanctl.sandbox.hollow.lifecycle import PodRun
from oceanctl.sandbox.hollow.podspec import IGNORE_TERM, RUN_SECONDS, Pod
from oceanctl.sandbox.hollow.worker import Node, PodWorker
from reconciler.clock import SystemClock
from reconciler.kube.errors import ConflictError, NotFoundError, TransientError
from reconciler.kube.resources import CONFIGMAPS
from tests.unit.oceanctl.sandbox.hollow.pods import container, pod, run_of
from tests.unit.oceanctl.sandbox.hollow.server import FakeServer

QUICK = {RUN_SECONDS: "0.05"}


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def node(server: FakeServer, tmp_path: Path) -> Node:
    return Node("n1", server.client, SystemClock(), Addresses("10.1.2.0/29"), tmp_path / "logs")


def _deleted(made: Pod, grace_seconds: int = 30) -> Pod:
    """The pod after somebody has asked for its deletion."""
    metadata = msgspec.structs.replace(
        made.metadata, deletion_timestamp=datetime.now(UTC), deletion_grace_period_seconds=grace_seconds
    )
    return msgspec.structs.replace(made, metadata=metadata)


@asynccontextmanager
async def _working(node: Node, made: Pod, life: PodRun | Refusal | None) -> AsyncIterator[PodWorker]:
    """A worker at work; it is removed at the end, and has to end then."""
    worker = PodWorker(node, made, life)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run())
        yield worker
        worker.remove()


def _fresh(made: Pod) -> PodRun:
    return run_of(made, datetime.now(UTC))


def _phases(server: FakeServer) -> list[str]:
    return [body["status"]["phase"] for verb, _, body in server.writes if verb == "patch"]


def _deletions(server: FakeServer) -> list[Mapping[str, Any]]:
    return [body for verb, _, body in server.writes if verb == "delete"]


async def _until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        await asyncio.sleep(0.01)


async def test_a_pod_is_reported_from_its_start_to_its_end(server: FakeServer, node: Node) -> None:
    made = pod(container("c"), annotations=QUICK, restartPolicy="Never")
    async with _working(node, made, _fresh(made)):
        await _until(lambda: _phases(server) == ["Running", "Succeeded"])


async def test_a_report_is_for_this_very_pod(server: FakeServer, node: Node) -> None:
    made = pod(container("c"))
    async with _working(node, made, _fresh(made)):
        await _until(lambda: bool(server.writes))
    _, path, body = server.writes[0]
    assert (path, body["metadata"]) == ("/api/v1/namespaces/default/pods/p/status", {"uid": "u-1"})


async def test_a_report_that_is_not_taken_is_repeated(server: FakeServer, node: Node) -> None:
    server.failures = [TransientError("503"), ConflictError("409")]
    made = pod(container("c"))
    async with _working(node, made, _fresh(made)):
        await _until(lambda: _phases(server) == ["Running"])


async def test_nothing_is_reported_when_nothing_changed(server: FakeServer, node: Node) -> None:
    made = pod(container("c"))
    async with _working(node, made, _fresh(made)) as worker:
        await _until(lambda: bool(server.writes))
        worker.update(made)
        await _until(lambda: not worker._changed.is_set())
        worker.update(_deleted(made))  # one pass follows the other, so what comes before this one's reports is seen
        await _until(lambda: bool(_deletions(server)))
    assert _phases(server) == ["Running", "Failed"]


async def test_a_deleted_pod_is_reported_before_it_goes_at_once(server: FakeServer, node: Node) -> None:
    made = pod(container("c"))
    async with _working(node, made, _fresh(made)) as worker:
        await _until(lambda: _phases(server) == ["Running"])
        worker.update(_deleted(made))
        await _until(lambda: bool(_deletions(server)))
    assert (_phases(server), _deletions(server)) == (["Running", "Failed"], [{"uid": "u-1", "grace_seconds": 0}])


async def test_a_grace_period_can_be_shortened(server: FakeServer, node: Node) -> None:
    made = pod(container("c"), annotations={IGNORE_TERM: "true"})
    async with _working(node, made, _fresh(made)) as worker:
        await _until(lambda: _phases(server) == ["Running"])
        worker.update(_deleted(made, grace_seconds=600))
        await _until(lambda: not worker._changed.is_set())
        worker.update(_deleted(made, grace_seconds=0))
        await _until(lambda: bool(_deletions(server)))


@pytest.mark.parametrize("error", [NotFoundError("404"), ConflictError("409")], ids=["gone", "another pod"])
async def test_a_pod_that_went_before_its_deletion_is_no_error(
    server: FakeServer, node: Node, error: NotFoundError | ConflictError
) -> None:
    made = _deleted(pod(container("c"), status={"phase": "Succeeded"}))
    server.failures = [error]
    async with _working(node, made, None):
        await _until(lambda: not server.failures)
    assert server.writes == []


async def test_a_pod_that_was_at_its_end_before_is_left_alone_until_it_is_deleted(
    server: FakeServer, node: Node
) -> None:
    made = pod(container("c"), status={"phase": "Failed"})
    async with _working(node, made, None) as worker:
        worker.update(made)
        await _until(lambda: not worker._changed.is_set())
        worker.update(_deleted(made))
        await _until(lambda: bool(_deletions(server)))
    assert _phases(server) == []


async def test_a_refused_pod_fails_and_takes_nothing(server: FakeServer, node: Node) -> None:
    made = pod(container("c"))
    async with _working(node, made, Refusal("OutOfcpu", "too big")) as worker:
        await _until(lambda: _phases(server) == ["Failed"])
        assert not worker.is_alive


async def test_a_pod_gives_its_address_and_its_logs_back(server: FakeServer, node: Node) -> None:
    made = pod(container("c"))
    async with _working(node, made, _fresh(made)):
        await _until(lambda: bool(server.writes))
        assert server.writes[0][2]["status"]["podIP"] == "10.1.2.2"
    assert [node.addresses.take() for _ in range(5)][-1] == "10.1.2.2"
    assert list(node.logs.iterdir()) == []


async def test_a_pod_on_the_hosts_network_takes_no_address(server: FakeServer, node: Node) -> None:
    made = pod(container("c"), hostNetwork=True)
    async with _working(node, made, _fresh(made)):
        await _until(lambda: bool(server.writes))
        assert (server.writes[0][2]["status"]["podIP"], node.addresses.take()) == ("127.0.0.1", "10.1.2.2")


async def test_a_pod_starts_when_what_it_waits_for_has_come(server: FakeServer, node: Node) -> None:
    made = pod(container("c", envFrom=[{"configMapRef": {"name": "late"}}]))
    async with _working(node, made, _fresh(made)) as worker:
        await _until(lambda: _phases(server) == ["Pending"])
        server.objects[CONFIGMAPS.path("late", "default")] = {"data": {"a": "1"}}
        await _until(lambda: _phases(server) == ["Pending", "Running"])
        assert worker.logs.latest("c") == 1


async def test_an_ephemeral_container_that_is_added_later_is_started_and_reported(
    server: FakeServer, node: Node
) -> None:
    made = pod(container("c"))
    async with _working(node, made, _fresh(made)) as worker:
        await _until(lambda: _phases(server) == ["Running"])
        worker.update(pod(container("c"), ephemeralContainers=[container("d", stdin=True)]))
        await _until(lambda: worker.is_running("d"))
        await _until(lambda: len(server.writes) == 2)
        assert worker.logs.latest("d") == 1
    (status,) = server.writes[-1][2]["status"]["ephemeralContainerStatuses"]
    assert (status["name"], list(status["state"]), status["ready"]) == ("d", ["running"], False)


async def test_one_that_is_added_while_a_pass_reads_waits_for_the_next(server: FakeServer, node: Node) -> None:
    reads = container("c", envFrom=[{"configMapRef": {"name": "settings", "optional": True}}])
    made, more = pod(reads), pod(reads, ephemeralContainers=[container("d", stdin=True)])
    async with _working(node, made, _fresh(made)) as worker:
        server.on_get = lambda _path: worker.update(more)
        await _until(lambda: worker.is_running("d"))
