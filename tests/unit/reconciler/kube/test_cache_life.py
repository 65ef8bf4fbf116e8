"""What a cache knows about itself: its connection, its errors, how far it has seen."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from reconciler.kube.cache import Cache, Change
from reconciler.kube.client import Client
from reconciler.kube.errors import ForbiddenError
from reconciler.kube.projections import PartialObject
from reconciler.kube.watch_events import Cause
from tests.unit.reconciler.kube.diary import DEADLINE, new_cache, running, synced
from tests.unit.reconciler.kube.fake_api import Answer, FakeApi, Held, refuses, streams
from tests.unit.reconciler.kube.watching import AN_HOUR, bookmark, item, line, listed, spec


async def test_a_lost_connection_forgets_nothing(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1)), refuses(403, "Forbidden"))
    cache = new_cache(client, retry=AN_HOUR)
    async with running(cache) as diary:
        await diary.reads("+a@1")
        await eventually_fails(cache)
        assert isinstance(cache.last_error, ForbiddenError)
        assert cache.is_synced
        assert len(cache) == 1


async def eventually_fails(cache: Cache[PartialObject]) -> None:
    """Wait for news of a failure; the cache has no signal for it, because nobody acts on it at once."""
    async with asyncio.timeout(DEADLINE):
        async for _ in moments():
            if cache.last_error is not None:
                return


async def moments() -> AsyncIterator[None]:
    while True:
        yield
        await asyncio.sleep(0.001)


async def test_an_error_is_over_when_the_watch_stands_again(api: FakeApi, client: Client) -> None:
    api.will(listed(5), refuses(500, "InternalError"), streams(bookmark(6), stalls=True))
    cache = new_cache(client)
    async with running(cache):
        assert await cache.wait_seen("shop/any", "6", DEADLINE)
        assert cache.last_error is None
        assert cache.restarts == {Cause.REFUSED: 1}


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        pytest.param(streams(bookmark(6), ends=True), Cause.ENDED, id="as-agreed"),
        pytest.param(streams(bookmark(6), stalls=True), Cause.STALLED, id="quiet"),
    ],
)
async def test_an_end_without_a_fault_is_no_error_and_no_news(
    api: FakeApi, client: Client, caplog: pytest.LogCaptureFixture, end: Answer, cause: Cause
) -> None:
    following = Held(streams(bookmark(7), stalls=True))
    api.will(listed(5), end, following)
    cache = new_cache(client, idle_seconds=1)
    with caplog.at_level(logging.INFO):
        async with running(cache):
            await asyncio.wait_for(following.reached.wait(), DEADLINE)
            assert cache.last_error is None
            following.released.set()
            assert await cache.wait_seen("shop/any", "7", DEADLINE)
    assert cache.restarts == {cause: 1}
    assert [record for record in caplog.records if record.name.startswith("reconciler")] == []


async def test_the_last_contact_is_known(api: FakeApi, client: Client) -> None:
    api.will(listed(5))
    cache = new_cache(client)
    assert cache.last_contact is None
    before = asyncio.get_running_loop().time()
    async with running(cache):
        await synced(cache)
    assert cache.last_contact is not None
    assert before < cache.last_contact <= asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("key", "version"),
    [
        pytest.param("shop/a", "6", id="this-version"),
        pytest.param("shop/a", "4", id="an-earlier-one"),
        pytest.param("shop/b", "7", id="its-deletion"),
        pytest.param("shop/c", "8", id="an-object-that-is-not-kept"),
        pytest.param("shop/d", "9", id="by-a-bookmark"),
    ],
)
async def test_one_can_wait_for_ones_own_write(api: FakeApi, client: Client, key: str, version: str) -> None:
    follow = Held(
        streams(
            line("MODIFIED", item("a", 6))
            + line("DELETED", item("b", 7))
            + line("MODIFIED", item("c", 8, labels={"skip": "me"}))
            + bookmark(9),
            stalls=True,
        )
    )

    def skipping(raw: bytes | memoryview) -> PartialObject | None:
        found = spec().decode(raw)
        return None if found is None or "skip" in found.metadata.labels else found

    api.will(listed(3, item("a", 1), item("b", 2)), follow)
    cache = new_cache(client, decode=skipping)
    async with running(cache):
        await asyncio.wait_for(follow.reached.wait(), DEADLINE)
        waiting = asyncio.create_task(cache.wait_seen(key, version, DEADLINE))
        await asyncio.sleep(0)
        assert not waiting.done()
        follow.released.set()
        assert await waiting


async def test_what_has_been_seen_is_not_waited_for(api: FakeApi, client: Client) -> None:
    api.will(listed(9, item("a", 1)))
    cache = new_cache(client)
    async with running(cache):
        await synced(cache)
        assert await cache.wait_seen("shop/a", "9", 0.001)


async def test_a_page_of_an_unfinished_list_shows_its_objects(api: FakeApi, client: Client) -> None:
    rest = Held(listed(9))
    api.will(listed(9, item("a", 7), rest="more"), rest)
    cache = new_cache(client)
    async with running(cache):
        await asyncio.wait_for(rest.reached.wait(), DEADLINE)
        assert await cache.wait_seen("shop/a", "7", 0.001)
        assert not await cache.wait_seen("shop/a", "8", 0.001)
        assert not await cache.wait_seen("shop/b", "7", 0.001)
        assert not cache.is_synced


async def test_waiting_for_what_does_not_come_ends(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1)))
    cache = new_cache(client)
    async with running(cache):
        await synced(cache)
        assert not await cache.wait_seen("shop/a", "6", 0.01)
    assert cache._waiters == []


async def test_a_cache_can_be_told_to_list_anew(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1)), streams(bookmark(6), stalls=True), listed(9, item("b", 8)))
    cache = new_cache(client)
    async with running(cache) as diary:
        assert await cache.wait_seen("shop/any", "6", DEADLINE)
        cache.relist_now()
        await diary.reads("+a@1", "+b@8", "-a@1")
    assert cache.restarts == {Cause.ASKED: 1}


async def test_a_cache_can_be_told_to_reconnect(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1)), streams(bookmark(6), stalls=True), streams(bookmark(7), stalls=True))
    cache = new_cache(client)
    async with running(cache):
        assert await cache.wait_seen("shop/any", "6", DEADLINE)
        cache.reconnect()
        assert await cache.wait_seen("shop/any", "7", DEADLINE)
    assert (api.seen[-1].query["resourceVersion"], cache.restarts) == ("6", {Cause.ASKED: 1})


async def test_a_cache_that_runs_again_keeps_its_contents_until_it_knows_better(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1), item("b", 2)))
    cache = new_cache(client)
    async with running(cache):
        await synced(cache)
    api.answers.clear()
    api.will(listed(9, item("b", 2)))
    async with running(cache) as diary:
        await diary.reads("+a@1", "+b@2", "-a@1")


async def test_a_subscriber_that_fails_ends_the_run(api: FakeApi, client: Client) -> None:
    def fail(_: Change[PartialObject]) -> None:
        raise RuntimeError("a bug")

    api.will(listed(5, item("a", 1)))
    cache = new_cache(client)
    cache.subscribe(fail)
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(cache.run(), DEADLINE)
