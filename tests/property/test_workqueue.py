"""The work queue against a model, with the event loop's clock in the test's hand."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reconciler.kube.backoff import Backoff
from reconciler.kube.workqueue import ShutDownError, WorkQueue

KEYS = st.sampled_from(["a", "b", "c", "d"])
DELAYS = st.integers(-1, 12)
RETRY = Backoff(base_seconds=2, cap_seconds=16, random=lambda: 0.5)
TURNS = 5  # of the loop, until every woken task has gone back to sleep


class FakeTimeLoop(asyncio.SelectorEventLoop):
    now = 0.0

    def time(self) -> float:
        return self.now


class Model:
    """What a queue should do, written without any of its machinery."""

    def __init__(self) -> None:
        self.ready: deque[str] = deque()
        self.taken: set[str] = set()
        self.again: set[str] = set()
        self.due: dict[str, float] = {}
        self.failures: dict[str, int] = {}

    def add(self, key: str) -> None:
        if key in self.taken:
            self.again.add(key)
        elif key not in self.ready:
            self.ready.append(key)

    def add_at(self, key: str, at: float, now: float) -> None:
        if at <= now:
            self.add(key)
        elif at < self.due.get(key, at + 1):
            self.due.pop(key, None)  # of two keys due at one instant, the one that was planned first goes first
            self.due[key] = at

    def take(self) -> str:
        key = self.ready.popleft()
        self.taken.add(key)
        return key

    def done(self, key: str) -> None:
        self.taken.remove(key)
        if key in self.again:
            self.again.remove(key)
            self.add(key)


class Workers(RuleBasedStateMachine):
    """Any number of workers take, wait, are cancelled and give back, while keys come from everywhere and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = FakeTimeLoop()
        self.queue: WorkQueue[str] = self.run(self.made())
        self.model = Model()
        self.waiting: list[asyncio.Task[str]] = []

    async def made(self) -> WorkQueue[str]:
        return WorkQueue(RETRY)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def settle(self) -> None:
        """Let every task run, and let the model serve as many waiting workers as it has keys."""
        for _ in range(TURNS):
            self.run(asyncio.sleep(0))
        served = [worker for worker in self.waiting if worker.done()]
        expected = {self.model.take() for _ in range(min(len(self.waiting), len(self.model.ready)))}
        assert {worker.result() for worker in served} == expected
        self.waiting = [worker for worker in self.waiting if not worker.done()]

    def at_once(self, *actions: Callable[[], object]) -> None:
        async def act() -> None:
            for action in actions:
                action()

        self.run(act())
        self.settle()

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.model.add(key)
        self.at_once(lambda: self.queue.add(key))

    @rule(first=KEYS, second=KEYS)
    def add_two_in_one_turn(self, first: str, second: str) -> None:
        self.model.add(first)
        self.model.add(second)
        self.at_once(lambda: self.queue.add(first), lambda: self.queue.add(second))

    @rule(key=KEYS, delay=DELAYS)
    def add_after(self, key: str, delay: int) -> None:
        self.model.add_at(key, self.loop.now + delay, self.loop.now)
        self.at_once(lambda: self.queue.add_after(key, delay))

    @rule(key=KEYS, hint=st.integers(0, 10))
    def add_rate_limited(self, key: str, hint: int) -> None:
        failures = self.model.failures.get(key, 0)
        delay = max(hint, min(16.0, 2.0 * 2**failures) * 0.75)
        self.model.failures[key] = failures + 1
        self.model.add_at(key, self.loop.now + delay, self.loop.now)
        answers: list[float] = []
        self.at_once(lambda: answers.append(self.queue.add_rate_limited(key, hint)))
        assert answers == [delay]

    @rule(key=KEYS)
    def forget(self, key: str) -> None:
        self.model.failures.pop(key, None)
        self.queue.forget(key)
        assert self.queue.failures(key) == 0

    @precondition(lambda self: self.model.ready)
    @rule()
    def take(self) -> None:
        assert self.run(self.queue.get()) == self.model.take()

    @precondition(lambda self: not self.model.ready)
    @rule()
    def wait_for_a_key(self) -> None:
        self.waiting.append(self.loop.create_task(self.queue.get()))
        self.settle()

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 3))
    def cancel_one_that_waits(self, which: int) -> None:
        worker = self.waiting.pop(which % len(self.waiting))
        worker.cancel()
        self.settle()
        assert worker.cancelled()

    @precondition(lambda self: self.waiting)
    @rule(key=KEYS)
    def cancel_the_first_in_the_turn_that_wakes_it(self, key: str) -> None:
        worker = self.waiting.pop(0)
        self.model.add(key)
        self.at_once(lambda: self.queue.add(key), worker.cancel)
        assert worker.cancelled()

    @precondition(lambda self: self.model.taken)
    @rule(which=st.integers(0, 3))
    def done(self, which: int) -> None:
        key = sorted(self.model.taken)[which % len(self.model.taken)]
        self.model.done(key)
        self.at_once(lambda: self.queue.done(key))

    @rule(seconds=st.integers(1, 10))
    def time_passes(self, seconds: int) -> None:
        self.loop.now += seconds
        for key, at in sorted(self.model.due.items(), key=lambda item: item[1]):
            if at <= self.loop.now:
                del self.model.due[key]
                self.model.add(key)
        self.settle()

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        assert len(self.queue) == len(self.model.ready)
        assert self.queue.taken == len(self.model.taken)
        assert self.queue.scheduled == len(self.model.due)
        assert not self.model.taken & set(self.model.ready)

    def teardown(self) -> None:
        waiting, self.waiting = self.waiting, []
        self.at_once(self.queue.shut_down)
        for worker in waiting:
            with pytest.raises(ShutDownError):
                worker.result()
        self.loop.close()


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
