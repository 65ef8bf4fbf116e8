"""Keys that want to be looked at again at an instant of the wall clock, and the one job that wakes them.

A key has one alarm, the one that its last decision asked for. However many there are, APScheduler knows of the earliest only.
"""

import heapq
from collections.abc import Callable
from datetime import datetime

from reconciler.clock import Clock
from reconciler.wakeups import Wakeups


class Alarms:
    """The alarms of one controller; `ring` gets each key that is due."""

    def __init__(self, name: str, wakeups: Wakeups, clock: Clock, ring: Callable[[str], None]) -> None:
        self._job = f"alarm-{name}"
        self._wakeups = wakeups
        self._clock = clock
        self._ring = ring
        self._instants: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []  # may hold what was set anew since: `_instants` decides
        self._planned: datetime | None = None

    def __len__(self) -> int:
        return len(self._instants)

    def start(self) -> None:
        """Look again when the clock was set: what was late or early then is put right."""
        self._wakeups.on_step(self._job, self._fire)

    def stop(self) -> None:
        """Wake nobody any more."""
        self._wakeups.forget(self._job)

    def set(self, key: str, instant: datetime | None) -> None:
        """Wake a key at an instant, in place of any other; None: not at all."""
        if instant is None:
            self._instants.pop(key, None)
            return
        if self._instants.get(key) == instant:
            return
        self._instants[key] = instant
        heapq.heappush(self._heap, (instant, key))
        if self._planned is None or instant < self._planned:
            self._plan()

    def _fire(self) -> None:
        now = self._clock.now()
        while self._heap and (self._heap[0][0] <= now or self._is_stale(*self._heap[0])):
            instant, key = heapq.heappop(self._heap)
            if not self._is_stale(instant, key):
                del self._instants[key]
                self._ring(key)
        self._plan()

    def _plan(self) -> None:
        self._planned = self._heap[0][0] if self._heap else None
        if self._planned is not None:
            self._wakeups.at(self._job, self._planned, self._fire)

    def _is_stale(self, instant: datetime, key: str) -> bool:
        return self._instants.get(key) != instant
