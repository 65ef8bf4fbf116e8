"""A queue of keys: each waits at most once, is never in two workers' hands at once, and can be due later.

What happened is not in the queue, only what to look at: a key added ten times is looked at once, and a key added while it is being looked at is looked at
once more. Nothing here outlives the process; whoever fills it must be able to fill it again.
"""

import asyncio
import heapq
import itertools
from collections import OrderedDict, deque
from collections.abc import Hashable
from contextlib import suppress
from typing import Final, Generic, TypeVar

from reconciler.kube.backoff import Backoff

K = TypeVar("K", bound=Hashable)

RETRY: Final = Backoff(base_seconds=0.5, cap_seconds=300)  # transient errors are tried again at least every 5 minutes


class ShutDownError(Exception):
    """The queue is shut down and empty: the worker may go home."""


class WorkQueue(Generic[K]):
    """For one event loop; made inside it."""

    def __init__(self, retry: Backoff = RETRY) -> None:
        self._loop = asyncio.get_running_loop()
        self._retry = retry
        self._ready: OrderedDict[K, float] = OrderedDict()  # since when; in the order of taking; never in _taken
        self._taken: set[K] = set()
        self._again: set[K] = set()  # added while taken; always a part of _taken
        self._failures: dict[K, int] = {}
        self._due: dict[K, float] = {}  # the one instant that counts for a key
        self._timers: list[tuple[float, int, K]] = []  # a heap; entries that _due does not confirm are stale
        self._numbers = itertools.count()  # keys need not be comparable
        self._alarm: asyncio.TimerHandle | None = None
        self._getters: deque[asyncio.Future[None]] = deque()
        self._is_shut_down = False

    def __len__(self) -> int:
        """How many keys could be taken now."""
        return len(self._ready)

    @property
    def taken(self) -> int:
        """How many keys workers hold."""
        return len(self._taken)

    @property
    def scheduled(self) -> int:
        """How many keys are due later."""
        return len(self._due)

    @property
    def oldest_age_seconds(self) -> float:
        """How long the next key has been waiting for a worker; 0 when none is."""
        return self._loop.time() - next(iter(self._ready.values())) if self._ready else 0.0

    def failures(self, key: K) -> int:
        """How often the key was added rate-limited since it was last forgotten."""
        return self._failures.get(key, 0)

    def add(self, key: K) -> None:
        """Have the key looked at as soon as a worker is free; a date that it has stays."""
        if self._is_shut_down or key in self._ready:
            return
        if key in self._taken:
            self._again.add(key)
            return
        self._ready[key] = self._loop.time()
        self._wake_one()

    def add_after(self, key: K, delay_seconds: float) -> None:
        """As `add`, later; of several dates of a key the earliest counts."""
        self.add_at(key, self._loop.time() + delay_seconds)

    def add_at(self, key: K, loop_time: float) -> None:
        """As `add_after`, by the event loop's clock."""
        if loop_time <= self._loop.time():
            self.add(key)
        elif not self._is_shut_down and loop_time < self._due.get(key, float("inf")):
            self._due[key] = loop_time
            heapq.heappush(self._timers, (loop_time, next(self._numbers), key))
            self._set_alarm()

    def add_rate_limited(self, key: K, at_least_seconds: float = 0.0) -> float:
        """As `add_after`, with a delay that doubles with every failure of this key; the delay is returned.

        `at_least_seconds` is a server's hint.
        """
        failures = self.failures(key)
        self._failures[key] = failures + 1
        delay_seconds = max(at_least_seconds, self._retry.delay_seconds(failures))
        self.add_after(key, delay_seconds)
        return delay_seconds

    def forget(self, key: K) -> None:
        """The key went well (or is gone): its next failure is its first."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key, which is then this worker's until `done`; ShutDownError after the last one of a shut-down queue."""
        while not self._ready:
            if self._is_shut_down:
                raise ShutDownError
            await self._wait()
        key, _ = self._ready.popitem(last=False)
        self._taken.add(key)
        return key

    def done(self, key: K) -> None:
        """Give the key back, however the look at it ended."""
        self._taken.remove(key)
        if key in self._again:
            self._again.remove(key)
            self.add(key)

    def shut_down(self) -> None:
        """Take nothing more in; keys that wait are still handed out, dates are dropped."""
        self._is_shut_down = True
        self._timers.clear()
        self._due.clear()
        self._again.clear()
        self._set_alarm()
        for getter in self._getters:
            if not getter.done():
                getter.set_result(None)

    async def _wait(self) -> None:
        getter = self._loop.create_future()
        self._getters.append(getter)
        try:
            await getter
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._getters.remove(getter)
            if not getter.cancelled():  # woken and cancelled in one turn of the loop: the key is somebody else's
                self._wake_one()
            raise

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._timers:
            self._alarm = self._loop.call_at(self._timers[0][0], self._ring)

    def _ring(self) -> None:
        now = self._loop.time()
        while self._timers and self._timers[0][0] <= now:
            loop_time, _, key = heapq.heappop(self._timers)
            if self._due.get(key) == loop_time:
                del self._due[key]
                self.add(key)
        self._set_alarm()
