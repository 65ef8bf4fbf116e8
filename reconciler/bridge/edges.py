"""Wakes a binding at the next edge of its policies."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from inventory.model import Policy
from inventory.windows import next_edge, zone_for
from reconciler.clock import Clock
from reconciler.wakeups import Wakeups


class Edges:
    """One job for the earliest edge of all policies; planned anew when it has come and when a policy changes."""

    def __init__(
        self,
        binding: str,
        wakeups: Wakeups,
        clock: Clock,
        policies: Callable[[], Iterable[Policy]],
        wake: Callable[[], None],
    ) -> None:
        self._job = f"edge-{binding}"
        self._wakeups = wakeups
        self._clock = clock
        self._policies = policies
        self._wake = wake
        self._is_due = False

    def replan(self) -> None:
        """Plan soon, once for all changes of this moment."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._plan)

    def stop(self) -> None:
        """Plan no more."""
        self._is_due = True
        self._wakeups.forget(self._job)

    def _plan(self) -> None:
        self._is_due = False
        now = self._clock.now()
        first = min((edge for policy in self._policies() for edge in _edges(policy, now)), default=None)
        if first is None:
            self._wakeups.forget(self._job)
        else:
            self._wakeups.at(self._job, first, self._fire)

    def _fire(self) -> None:
        self._wake()
        self._plan()


def _edges(policy: Policy, now: datetime) -> Iterable[datetime]:
    if policy.is_expired(now):
        return
    if edge := next_edge(policy.windows, zone_for(policy.time_zone), now):
        yield edge
    if policy.expires_at:
        yield policy.expires_at
