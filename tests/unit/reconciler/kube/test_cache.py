"""What a cache holds and tells."""

import asyncio
import logging

import pytest

from reconciler.kube.client import Client
from tests.unit.reconciler.kube.diary import DEADLINE, ON_NODE, Diary, new_cache, on, running, synced
from tests.unit.reconciler.kube.fake_api import FakeApi, Held, refuses, streams
from tests.unit.reconciler.kube.watching import EXPIRED, item, line, listed


async def test_a_cache_holds_what_was_listed(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1), rest="more"), listed(5, item("b", 2)))
    cache = new_cache(client)
    assert not cache.is_synced
    async with running(cache):
        await synced(cache)
        assert cache.is_synced
        assert [found.metadata.key for found in cache] == ["shop/a", "shop/b"]
        assert (found := cache.get("shop/a")) is not None
        assert found.metadata.resource_version == "1"
        assert cache.get("shop/c") is None
        assert len(cache) == len(cache.values()) == 2


async def test_subscribers_hear_of_everything_in_order(api: FakeApi, client: Client) -> None:
    api.will(
        listed(5, item("a", 1)),
        streams(
            line("ADDED", item("b", 6)) + line("MODIFIED", item("a", 7)) + line("DELETED", item("b", 8)), stalls=True
        ),
    )
    async with running(new_cache(client)) as diary:
        await diary.reads("+a@1", "+b@6", "~a@7", "-b@6")


async def test_a_late_subscriber_first_hears_what_is_there(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1)), streams(line("ADDED", item("b", 6)), stalls=True))
    cache = new_cache(client)
    late = Diary()
    async with running(cache) as diary:
        await diary.reads("+a@1", "+b@6")
        cache.subscribe(late)
    assert late.lines == ["+a@1", "+b@6"]


async def test_who_has_unsubscribed_hears_nothing_more(api: FakeApi, client: Client) -> None:
    gone = Diary()
    api.will(listed(5, item("a", 1)))
    cache = new_cache(client)
    cache.subscribe(gone)()
    async with running(cache) as diary:
        await diary.reads("+a@1")
    assert gone.lines == []


async def test_a_subscriber_sees_the_change_in_the_cache(api: FakeApi, client: Client) -> None:
    seen: list[tuple[object, ...]] = []
    api.will(listed(5, item("a", 1, **on("n1"))), streams(line("DELETED", item("a", 6)), stalls=True))
    cache = new_cache(client)
    cache.subscribe(lambda change: seen.append((cache.get(change.key), cache.by_index(ON_NODE, "n1"))))
    async with running(cache) as diary:
        await diary.reads("+a@1", "-a@1")
    assert seen[0][0] is not None
    assert seen == [(seen[0][0], (seen[0][0],)), (None, ())]


async def test_an_index_follows_its_objects(api: FakeApi, client: Client) -> None:
    api.will(
        listed(5, item("a", 1, **on("n1")), item("b", 2, **on("n1")), item("c", 3)),
        streams(line("MODIFIED", item("a", 6, **on("n2"))), line("MODIFIED", item("c", 7, **on("n2"))), stalls=True),
    )
    cache = new_cache(client)
    async with running(cache) as diary:
        await diary.reads("+a@1", "+b@2", "+c@3", "~a@6", "~c@7")

    def names_on(node: str) -> set[str]:
        return {found.metadata.name for found in cache.by_index(ON_NODE, node)}

    assert (names_on("n1"), names_on("n2"), names_on("n3")) == ({"b"}, {"a", "c"}, set())


async def test_an_index_keeps_nothing_of_what_has_gone(api: FakeApi, client: Client) -> None:
    api.will(listed(5, item("a", 1, **on("n1"))), streams(line("DELETED", item("a", 6)), stalls=True))
    cache = new_cache(client)
    async with running(cache) as diary:
        await diary.reads("+a@1", "-a@1")
    assert cache._indexes == {ON_NODE: {}}


async def test_a_new_list_tells_only_differences(api: FakeApi, client: Client) -> None:
    api.will(
        listed(5, item("a", 1), item("b", 2), item("c", 3)),
        streams(EXPIRED, stalls=True),
        listed(9, item("a", 1), item("b", 8), rest="more"),
        listed(9, item("d", 9)),
    )
    async with running(new_cache(client)) as diary:
        await diary.reads("+a@1", "+b@2", "+c@3", "~b@8", "+d@9", "-c@3")


async def test_a_list_that_fails_half_way_deletes_nothing(api: FakeApi, client: Client) -> None:
    rest = Held(listed(11, item("d", 10)))
    api.will(
        listed(5, item("a", 1), item("b", 2)),
        streams(EXPIRED, stalls=True),
        listed(9, item("c", 8), rest="more"),
        refuses(410, "Expired"),
        listed(11, item("b", 2), rest="more"),
        refuses(500, "InternalError"),
        rest,
    )
    cache = new_cache(client)
    async with running(cache) as diary:
        await asyncio.wait_for(rest.reached.wait(), DEADLINE)
        assert diary.lines == ["+a@1", "+b@2", "+c@8"]
        assert {found.metadata.name for found in cache} == {"a", "b", "c"}
        rest.released.set()
        await diary.reads("+a@1", "+b@2", "+c@8", "+d@10", "-a@1", "-c@8")


async def test_an_object_that_cannot_be_read_is_not_gone(
    api: FakeApi, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    broken = item("a", 8, labels="not a mapping")
    api.will(listed(5, item("a", 1)), streams(line("MODIFIED", broken), EXPIRED, stalls=True), listed(9, broken))
    cache = new_cache(client)
    with caplog.at_level(logging.WARNING):
        async with running(cache) as diary:
            await synced(cache)
            assert await cache.wait_seen("shop/a", "9", DEADLINE)
    assert diary.lines == ["+a@1"]
    assert [vars(record).get("key") for record in caplog.records] == ["shop/a", None, "shop/a"]


async def test_an_object_made_anew_is_told_as_two_changes(api: FakeApi, client: Client) -> None:
    api.will(
        listed(5, item("a", 1, uid="old")),
        streams(EXPIRED, stalls=True),
        listed(9, item("a", 8, uid="new", **on("n1"))),
    )
    cache = new_cache(client)
    async with running(cache) as diary:
        await diary.reads("+a@1", "-a@1", "+a@8")
    assert len(cache.by_index(ON_NODE, "n1")) == 1
