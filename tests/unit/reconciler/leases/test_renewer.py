"""Node Leases, renewed in an event loop that skips the waiting."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from reconciler.kube.errors import KubeError, NotFoundError, TransientError
from reconciler.kube.projections import Node, ObjectMeta
from reconciler.kube.resources import LEASES, Resource
from reconciler.leases.renewer import PERIOD, TIMEOUT, Renewer
from tests.skipping_loop import run

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECONDS = PERIOD.total_seconds()


class LoopClock:
    """Wall time that moves with the loop."""

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time() - 1000)


class Server:
    """Holds Leases by name; `trouble` is raised, or waited for, before a request is served."""

    def __init__(self) -> None:
        self.leases: dict[str, dict[str, Any]] = {}
        self.patches: list[tuple[float, str, Mapping[str, Any]]] = []
        self.trouble: KubeError | float | None = None
        self.at_once = self.most_at_once = 0

    async def patch(self, resource: Resource, name: str, patch: Mapping[str, Any], namespace: str = "") -> object:
        await self._serve(resource, namespace)
        self.patches.append((asyncio.get_running_loop().time(), name, patch))
        if name not in self.leases:
            raise NotFoundError("no such Lease", status=404)
        lease = self.leases[name]
        lease["spec"] |= patch["spec"]
        lease["metadata"] |= patch.get("metadata", {})
        return lease

    async def create(self, resource: Resource, manifest: Mapping[str, Any], namespace: str = "") -> object:
        await self._serve(resource, namespace)
        self.leases[manifest["metadata"]["name"]] = dict(manifest)
        return manifest

    async def _serve(self, resource: Resource, namespace: str) -> None:
        assert (resource, namespace) == (LEASES, "kube-node-lease")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if isinstance(self.trouble, KubeError):
                raise self.trouble
            await asyncio.sleep(self.trouble or 0.001)
        finally:
            self.at_once -= 1


def vnode(name: str = "v1", uid: str = "uid-1") -> Node:
    return Node(ObjectMeta(name, uid=uid))


def play(story: Callable[[Renewer, Server], Awaitable[None]]) -> tuple[Renewer, Server]:
    """Run a story beside a renewer at work."""

    async def main() -> tuple[Renewer, Server]:
        server = Server()
        renewer = Renewer(server, LoopClock())
        work = asyncio.create_task(renewer.run(), name="renewer")
        await story(renewer, server)
        assert not work.done()
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        return renewer, server

    return run(main())


def test_a_missing_lease_is_created_at_once() -> None:
    async def story(renewer: Renewer, _: Server) -> None:
        renewer.add(vnode())
        await asyncio.sleep(0.1)

    _, server = play(story)
    assert server.leases["v1"] == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": "v1",
            "namespace": "kube-node-lease",
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "v1", "uid": "uid-1"}],
        },
        "spec": {"holderIdentity": "v1", "leaseDurationSeconds": 40, "renewTime": "2026-01-05T12:00:00.000000Z"},
    }


def test_then_only_its_time_is_renewed_once_per_period() -> None:
    async def story(renewer: Renewer, _: Server) -> None:
        renewer.add(vnode())
        await asyncio.sleep(5 * SECONDS)

    renewer, server = play(story)
    moments = [moment for moment, _, _ in server.patches]
    assert len(moments) in (6, 7)
    assert all(later - earlier < SECONDS + 0.3 for earlier, later in pairwise(moments))
    assert {tuple(patch) for _, _, patch in server.patches[1:]} == {("spec",)}
    assert all(set(patch["spec"]) == {"renewTime"} for _, _, patch in server.patches[1:])
    assert server.leases["v1"]["spec"]["renewTime"] > "2026-01-05T12:00:35"
    assert (renewer.renewals, renewer.failures) == (len(moments), 0)


def test_a_lease_that_was_there_before_is_completed_first() -> None:
    async def story(renewer: Renewer, server: Server) -> None:
        server.leases["v1"] = {"metadata": {}, "spec": {"holderIdentity": "somebody"}}
        renewer.add(vnode())
        await asyncio.sleep(0.1)

    _, server = play(story)
    assert server.leases["v1"]["spec"]["holderIdentity"] == "v1"
    assert server.leases["v1"]["metadata"]["ownerReferences"][0]["uid"] == "uid-1"


def test_a_vnode_made_again_takes_its_lease_over() -> None:
    async def story(renewer: Renewer, _: Server) -> None:
        renewer.add(vnode())
        await asyncio.sleep(1)
        renewer.add(vnode(uid="uid-2"))
        await asyncio.sleep(0.1)

    _, server = play(story)
    assert server.leases["v1"]["metadata"]["ownerReferences"][0]["uid"] == "uid-2"


def test_a_vnode_that_is_seen_again_is_not_renewed_again() -> None:
    async def story(renewer: Renewer, server: Server) -> None:
        renewer.add(vnode())
        await asyncio.sleep(0.1)
        written = len(server.patches)
        renewer.add(vnode())
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert len(server.patches) == written

    play(story)


def test_a_removed_vnode_is_renewed_no_more() -> None:
    async def story(renewer: Renewer, server: Server) -> None:
        renewer.add(vnode())
        await asyncio.sleep(0.1)
        renewer.remove("v1")
        server.patches.clear()
        await asyncio.sleep(2 * SECONDS)

    _, server = play(story)
    assert server.patches == []


def test_a_vnode_removed_before_its_turn_is_left_alone() -> None:
    async def story(renewer: Renewer, _: Server) -> None:
        renewer.add(vnode())
        renewer.remove("v1")
        renewer.remove("unknown")
        await asyncio.sleep(2 * SECONDS)

    _, server = play(story)
    assert server.patches == []


def test_a_lease_deleted_by_hand_comes_back() -> None:
    async def story(renewer: Renewer, server: Server) -> None:
        renewer.add(vnode())
        await asyncio.sleep(0.1)
        server.leases.clear()
        await asyncio.sleep(SECONDS + 0.3)

    _, server = play(story)
    assert server.leases["v1"]["metadata"]["ownerReferences"][0]["uid"] == "uid-1"


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(TransientError("no answer"), id="error"),
        pytest.param(TIMEOUT.total_seconds() * 9, id="silence"),
    ],
)
def test_a_failure_is_counted_told_once_and_tried_again(
    trouble: KubeError | float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "reconciler.leases.renewer")

    async def story(renewer: Renewer, server: Server) -> None:
        server.trouble = trouble
        for number in range(3):
            renewer.add(vnode(f"v{number}"))
        await asyncio.sleep(3 * SECONDS)
        assert renewer.failures >= 6
        server.trouble = None
        await asyncio.sleep(3 * SECONDS)

    _, server = play(story)
    assert set(server.leases) == {"v0", "v1", "v2"}
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_vnode_that_goes_while_its_lease_fails_is_not_missed() -> None:
    async def story(renewer: Renewer, server: Server) -> None:
        server.trouble = 1.0
        renewer.add(vnode())
        await asyncio.sleep(0.5)
        renewer.remove("v1")
        server.trouble = TransientError("no answer")
        await asyncio.sleep(1)
        renewer.add(vnode("v2"))
        await asyncio.sleep(0.1)
        renewer.remove("v2")
        server.trouble = None
        await asyncio.sleep(2 * SECONDS)

    renewer, server = play(story)
    assert server.leases == {}
    assert not renewer._failing


def test_a_slow_server_gets_a_bounded_number_of_requests() -> None:
    async def story(renewer: Renewer, server: Server) -> None:
        server.trouble = 4.0
        for number in range(300):
            renewer.add(vnode(f"v{number}"))
        await asyncio.sleep(6 * SECONDS)
        assert renewer._queue.qsize() <= 300

    _, server = play(story)
    assert server.most_at_once == 32


def test_a_thousand_leases_are_each_renewed_once_per_period() -> None:
    async def story(renewer: Renewer, server: Server) -> None:
        for number in range(1000):
            renewer.add(vnode(f"v{number}"))
        await asyncio.sleep(SECONDS)
        server.patches.clear()
        await asyncio.sleep(SECONDS)

    _, server = play(story)
    assert len({name for _, name, _ in server.patches}) == 1000
    assert len(server.patches) <= 1000 + 40


def test_a_vnode_removed_in_the_middle_of_its_renewal_is_forgotten() -> None:
    async def story(renewer: Renewer, server: Server) -> None:
        renewer.add(vnode())
        await asyncio.sleep(0.1)
        server.trouble = 1.0
        renewer.add(vnode(uid="uid-2"))
        await asyncio.sleep(0.5)
        renewer.remove("v1")
        await asyncio.sleep(1)

    renewer, _ = play(story)
    assert not renewer._settled
