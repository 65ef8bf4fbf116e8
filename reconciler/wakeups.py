"""What APScheduler is for: it wakes. Its jobs put keys on queues; what is done then is computed from the clock.

A job that comes late, twice or not at all must only cost lateness, never correctness. Dates are kept by the wall clock; its steps are noticed within a second.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from reconciler.clock import Clock

log = logging.getLogger(__name__)

Wake = Callable[[], None]
STEP_SECONDS: Final = 0.5  # a wall clock that moved this much against the loop's was set, or the machine slept
WATCH_SECONDS: Final = 1.0


class Wakeups:
    """Calls back at instants and intervals, by name; a name that is used again replaces its job."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._on_step: dict[str, Wake] = {}
        self._drift = 0.0

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._drift = self._measured()
        self._scheduler.add_listener(_report, EVENT_JOB_MISSED | EVENT_JOB_ERROR)
        self._scheduler.start()
        self.every("clock", WATCH_SECONDS, self._look_at_clock)

    def stop(self) -> None:
        """Wake nobody any more."""
        self._scheduler.shutdown(wait=False)

    def every(self, name: str, seconds: float, wake: Wake) -> None:
        """Call back again and again."""
        self._scheduler.add_job(
            _as_coroutine(wake), IntervalTrigger(seconds=seconds, timezone=UTC), id=name, replace_existing=True
        )

    def at(self, name: str, instant: datetime, wake: Wake) -> None:
        """Call back once, at an instant of our clock, or at once when that has passed."""
        when = datetime.now(UTC) + (instant - self._clock.now())  # the scheduler reads the machine's clock
        self._scheduler.add_job(_as_coroutine(wake), DateTrigger(when, timezone=UTC), id=name, replace_existing=True)

    def on_step(self, name: str, wake: Wake) -> None:
        """Call back when the wall clock was set."""
        self._on_step[name] = wake

    def forget(self, *wanted: str) -> None:
        """Drop jobs, if they are there."""
        for name in wanted:
            self._on_step.pop(name, None)
            if self._scheduler.get_job(name) is not None:
                self._scheduler.remove_job(name)

    def _look_at_clock(self) -> None:
        drift = self._measured()
        stepped, self._drift = drift - self._drift, drift
        if abs(stepped) < STEP_SECONDS:
            return
        log.warning("the wall clock was set", extra={"by_seconds": round(stepped, 3)})
        self._scheduler.wakeup()
        for wake in tuple(self._on_step.values()):
            wake()

    def _measured(self) -> float:
        return self._clock.now().timestamp() - asyncio.get_running_loop().time()


def _as_coroutine(wake: Wake) -> Callable[[], object]:
    async def run() -> None:  # a plain function would be run in another thread
        wake()

    return run


def _report(event: JobExecutionEvent) -> None:
    log.error("a wake-up failed or was missed", extra={"job": event.job_id, "error": str(event.exception or "missed")})
