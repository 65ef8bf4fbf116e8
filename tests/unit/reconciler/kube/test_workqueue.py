"""The work queue on a real event loop; tests/property has its model."""

import asyncio

import pytest

from reconciler.kube.backoff import Backoff
from reconciler.kube.workqueue import RETRY, ShutDownError, WorkQueue

SOON = 0.02
DEADLINE = 10


async def take(queue: WorkQueue[str]) -> str:
    return await asyncio.wait_for(queue.get(), DEADLINE)


async def test_keys_come_in_the_order_of_adding_and_once() -> None:
    queue = WorkQueue[str]()
    for key in ("a", "b", "a"):
        queue.add(key)
    assert [await take(queue), await take(queue), len(queue)] == ["a", "b", 0]


async def test_a_key_is_never_in_two_hands() -> None:
    queue = WorkQueue[str]()
    queue.add("a")
    await take(queue)
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await take(queue) == "a"


async def test_many_adds_while_a_key_is_held_mean_one_more_look() -> None:
    queue = WorkQueue[str]()
    queue.add("a")
    await take(queue)
    for _ in range(5):
        queue.add("a")
    queue.done("a")
    await take(queue)
    queue.done("a")
    assert len(queue) == 0


async def test_a_waiting_worker_gets_the_key_that_falls_due() -> None:
    queue = WorkQueue[str]()
    started = asyncio.get_running_loop().time()
    queue.add_after("a", SOON)
    assert await take(queue) == "a"
    assert asyncio.get_running_loop().time() - started >= SOON


async def test_the_earliest_date_counts_and_the_later_is_forgotten() -> None:
    queue = WorkQueue[str]()
    queue.add_after("a", 3600)
    queue.add_after("a", SOON)
    queue.add_after("a", 1800)
    assert await take(queue) == "a"
    assert queue.scheduled == 0


async def test_a_date_in_the_past_is_now() -> None:
    queue = WorkQueue[str]()
    queue.add_after("a", -1)
    assert (len(queue), queue.scheduled) == (1, 0)


async def test_a_look_in_between_keeps_the_date() -> None:
    queue = WorkQueue[str]()
    queue.add_after("a", 3600)
    queue.add("a")
    queue.done(await take(queue))
    assert queue.scheduled == 1


async def test_failures_double_the_delay_until_forgotten() -> None:
    queue = WorkQueue[str](Backoff(100, 300, random=lambda: 1.0))
    assert [queue.add_rate_limited("a") for _ in range(3)] == [100, 200, 300]
    queue.forget("a")
    assert queue.add_rate_limited("a") == 100


async def test_one_keys_failures_do_not_delay_another() -> None:
    queue = WorkQueue[str](Backoff(100, 300, random=lambda: 1.0))
    queue.add_rate_limited("a")
    assert queue.add_rate_limited("b") == 100


async def test_a_servers_hint_is_waited_for() -> None:
    assert WorkQueue[str](Backoff(1, 300)).add_rate_limited("a", at_least_seconds=60) == 60


def test_by_default_a_failing_key_is_tried_at_least_every_five_minutes() -> None:
    assert Backoff(RETRY.base_seconds, RETRY.cap_seconds, lambda: 1.0).delay_seconds(1_000) == 300


async def test_the_age_is_that_of_the_key_that_waited_longest() -> None:
    queue = WorkQueue[str]()
    assert queue.oldest_age_seconds == 0
    queue.add("a")
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(SOON, later.set)
    await later.wait()
    queue.add("b")
    queue.add("a")
    assert queue.oldest_age_seconds >= SOON


async def test_what_waits_is_handed_out_after_a_shut_down_and_then_no_more() -> None:
    queue = WorkQueue[str]()
    queue.add("a")
    queue.add_after("late", 3600)
    queue.shut_down()
    queue.add("b")
    assert await take(queue) == "a"
    assert queue.scheduled == 0
    with pytest.raises(ShutDownError):
        await take(queue)


async def test_a_shut_down_sends_waiting_workers_home() -> None:
    queue = WorkQueue[str]()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.shut_down()
    ended = await asyncio.wait_for(asyncio.gather(*workers, return_exceptions=True), DEADLINE)
    assert [type(end) for end in ended] == [ShutDownError] * 3


async def test_a_key_held_during_the_shut_down_is_not_looked_at_again() -> None:
    queue = WorkQueue[str]()
    queue.add("a")
    await take(queue)
    queue.add("a")
    queue.shut_down()
    queue.done("a")
    assert len(queue) == 0


async def test_giving_back_what_was_not_taken_is_an_error() -> None:
    with pytest.raises(KeyError):
        WorkQueue[str]().done("a")
