"""Faults of a watch, made for real: no event is lost, nothing is deleted, one reconnect each."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from oceanctl.sandbox.components import API_SERVER
from oceanctl.sandbox.controlplane import ControlPlane
from reconciler.kube.cache import Cache, Change
from reconciler.kube.client import Client, connect
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.projections import PartialObject
from reconciler.kube.resources import CONFIGMAPS
from reconciler.kube.watch import WatchSpec, watch
from reconciler.kube.watch_events import Cause, Interrupted, Page, Synced
from tests.integration.kube.conftest import access_through, make_namespace, tls_proxy_to
from tests.integration.kube.proxy import Fault, Proxy, Then

DEADLINE = 30
decode = msgspec.json.Decoder(PartialObject).decode


@dataclass
class Witness:
    """A cache behind a proxy, what it told, and what it asked for."""

    cache: Cache[PartialObject]
    told: list[tuple[str, str | None]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)

    def hear(self, change: Change[PartialObject]) -> None:
        self.told.append((change.key, None if change.after is None else change.after.metadata.resource_version))

    async def has_seen(self, written: dict[str, Any]) -> None:
        metadata = written["metadata"]
        key = f"{metadata['namespace']}/{metadata['name']}"
        assert await self.cache.wait_seen(key, metadata["resourceVersion"], DEADLINE), f"{key} was not seen"


@asynccontextmanager
async def witness(proxy: Proxy, cluster: ControlPlane, namespace: str, **more: Any) -> AsyncIterator[Witness]:
    """One that has its list, and follows."""
    asked: Counter[str] = Counter()
    access = await access_through(proxy, cluster)
    async with await connect(access, on_request=lambda verb, *_: asked.update([verb])) as behind:
        spec = WatchSpec(resource=CONFIGMAPS, decode=decode, namespace=namespace, **more)
        seen = Witness(Cache(behind, spec), asked=asked)
        seen.cache.subscribe(seen.hear)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(seen.cache.run())
            await asyncio.wait_for(seen.cache.wait_synced(), DEADLINE)
            yield seen
            task.cancel()


@dataclass
class Writer:
    """Writes ConfigMaps, and remembers what a watch must tell of it."""

    client: Client
    namespace: str
    expected: list[tuple[str, str | None]] = field(default_factory=list)

    async def create(self, name: str, size: int = 1) -> dict[str, Any]:
        manifest = {"metadata": {"name": name}, "data": {"x": "x" * size}}
        return self._note(await self.client.create(CONFIGMAPS, manifest, self.namespace))

    async def change(self, name: str, value: str) -> dict[str, Any]:
        return self._note(await self.client.patch(CONFIGMAPS, name, {"data": {"y": value}}, self.namespace))

    async def delete(self, written: dict[str, Any]) -> None:
        metadata = written["metadata"]
        await self.client.delete(CONFIGMAPS, metadata["name"], self.namespace, uid=metadata["uid"])
        self.expected.append((f"{self.namespace}/{metadata['name']}", None))

    def _note(self, written: dict[str, Any]) -> dict[str, Any]:
        metadata = written["metadata"]
        self.expected.append((f"{self.namespace}/{metadata['name']}", metadata["resourceVersion"]))
        return written

    async def everything(self) -> dict[str, str]:
        """Name and version of what is there."""
        found = await self.client.list(CONFIGMAPS, self.namespace)
        return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in found}


def contents(cache: Cache[PartialObject]) -> dict[str, str]:
    return {found.metadata.name: found.metadata.resource_version for found in cache}


async def strike(proxy: Proxy, fault: Fault, writer: Writer, seen: Witness) -> None:
    """Have the fault hit in the middle of a creation, with changes before, during and after it.

    What was seen before would show if it were told again: an old version, and an object that is gone.
    """
    await writer.delete(await writer.create("gone"))
    doomed = await writer.create("doomed")
    await writer.create("kept")
    await seen.has_seen(await writer.change("kept", "before"))
    proxy.will(fault)
    await writer.create("victim")
    await asyncio.wait_for(proxy.struck.wait(), DEADLINE)
    await writer.delete(doomed)
    await writer.change("kept", "during")
    await seen.has_seen(await writer.change("kept", "after"))


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        pytest.param(Fault(Then.CUT, b'"name":"victim"'), Cause.BROKEN, id="closed-within-a-line"),
        pytest.param(Fault(Then.STALL, b'"name":"victim"'), Cause.STALLED, id="stalled-within-a-line"),
    ],
)
async def test_a_fault_within_a_line_loses_nothing(
    bare_cluster: ControlPlane, client: Client, namespace: str, tls_proxy: Proxy, fault: Fault, cause: Cause
) -> None:
    writer = Writer(client, namespace)
    async with witness(tls_proxy, bare_cluster, namespace, idle_seconds=2) as seen:
        await strike(tls_proxy, fault, writer, seen)
    assert seen.told == writer.expected
    assert seen.cache.restarts == {cause: 1}
    assert seen.asked == {"list": 1, "watch": 2}


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        pytest.param(Fault(Then.CUT), Cause.BROKEN, id="truncated-within-a-tls-record"),
        pytest.param(Fault(Then.STALL), Cause.STALLED, id="stalled-within-a-tls-record"),
    ],
)
async def test_a_fault_within_the_encryption_loses_nothing(
    bare_cluster: ControlPlane, client: Client, namespace: str, tcp_proxy: Proxy, fault: Fault, cause: Cause
) -> None:
    writer = Writer(client, namespace)
    async with witness(tcp_proxy, bare_cluster, namespace, idle_seconds=2) as seen:
        await strike(tcp_proxy, fault, writer, seen)
    assert seen.told == writer.expected
    assert seen.cache.restarts == {cause: 1}
    assert seen.asked == {"list": 1, "watch": 2}


async def test_a_line_far_over_128_kib_comes_whole(
    bare_cluster: ControlPlane, client: Client, namespace: str, tls_proxy: Proxy
) -> None:
    writer = Writer(client, namespace)
    async with witness(tls_proxy, bare_cluster, namespace) as seen:
        await seen.has_seen(await writer.create("big", size=900_000))
        await seen.has_seen(await writer.create("small"))
    assert seen.told == writer.expected
    assert seen.cache.restarts == {}


async def test_a_server_out_of_reach_deletes_nothing_and_all_is_caught_up(
    bare_cluster: ControlPlane, client: Client, namespace: str, tcp_proxy: Proxy
) -> None:
    writer = Writer(client, namespace)
    async with witness(tcp_proxy, bare_cluster, namespace) as seen:
        doomed = await writer.create("doomed")
        await seen.has_seen(doomed)
        tcp_proxy.close()
        await writer.delete(doomed)
        last = await writer.create("later")
        assert not await seen.cache.wait_seen(f"{namespace}/later", last["metadata"]["resourceVersion"], 2)
        assert contents(seen.cache).keys() == {"doomed"}
        assert seen.cache.last_error is not None
        tcp_proxy.open()
        await seen.has_seen(last)
        assert seen.cache.last_error is None
    assert seen.told == writer.expected
    assert seen.asked["list"] == 1


async def compact(cluster: ControlPlane) -> None:
    """Make etcd forget everything but the newest state."""
    status = await asyncio.to_thread(cluster.etcd.post, "/v3/maintenance/status", {})
    request = {"revision": status["header"]["revision"], "physical": True}
    await asyncio.to_thread(cluster.etcd.post, "/v3/kv/compaction", request)


@pytest.fixture
async def uncached(uncached_cluster: ControlPlane) -> AsyncIterator[Client]:
    async with await connect(await from_file(uncached_cluster.kubeconfig)) as connected:
        yield connected


async def test_a_compacted_etcd_brings_a_new_list_and_only_differences(
    uncached_cluster: ControlPlane, uncached: Client
) -> None:
    writer = Writer(uncached, await make_namespace(uncached))
    async with tls_proxy_to(uncached_cluster) as proxy, witness(proxy, uncached_cluster, writer.namespace) as seen:
        doomed, kept = await writer.create("doomed"), await writer.create("kept")
        await seen.has_seen(kept)
        proxy.close()
        await writer.delete(doomed)
        created = await writer.create("created")
        changed = await writer.change("created", "now")
        await compact(uncached_cluster)
        proxy.open()
        await seen.has_seen(changed)
        assert contents(seen.cache) == await writer.everything()
    assert created["metadata"]["resourceVersion"] != changed["metadata"]["resourceVersion"]
    assert sorted(map(str, seen.told[2:])) == sorted(map(str, [writer.expected[2], writer.expected[4]]))
    assert seen.cache.restarts[Cause.EXPIRED] == 1
    assert seen.asked["list"] == 2


async def test_a_list_that_etcd_forgets_half_way_begins_anew(uncached_cluster: ControlPlane, uncached: Client) -> None:
    writer = Writer(uncached, await make_namespace(uncached))
    for number in range(501):
        await writer.create(f"c{number}")
    spec = WatchSpec(resource=CONFIGMAPS, decode=decode, namespace=writer.namespace)
    events = []
    async with aclosing(watch(uncached, spec)) as watched:
        async for event in watched:
            events.append(event)
            if isinstance(event, Page) and len(events) == 2:
                await writer.create("last")
                await compact(uncached_cluster)
            if isinstance(event, Synced):
                break
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["Listing", "Page", "Interrupted", "Listing", "Page", "Page", "Synced"]
    assert [event.cause for event in events if isinstance(event, Interrupted)] == [Cause.EXPIRED]
    pages = [event for event in events if isinstance(event, Page)]
    assert [len(page.objects) for page in pages] == [500, 500, 2]


async def test_a_killed_api_server_is_caught_up_with_after_its_restart(
    uncached_cluster: ControlPlane, uncached: Client
) -> None:
    writer = Writer(uncached, await make_namespace(uncached))
    async with tls_proxy_to(uncached_cluster) as proxy, witness(proxy, uncached_cluster, writer.namespace) as seen:
        await seen.has_seen(await writer.create("before"))
        await asyncio.to_thread(uncached_cluster.stop_component, API_SERVER, signal.SIGKILL)
        await asyncio.to_thread(uncached_cluster.start_component, API_SERVER)
        await seen.has_seen(await writer.create("after"))
    assert seen.told == writer.expected
    assert seen.asked["list"] == 1
