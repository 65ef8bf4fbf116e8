"""The one reconcile loop: key → observe → decide → perform; it owns metrics, logging and backoff, so decisions contain none."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from reconciler.alarms import Alarms
from reconciler.clock import Clock
from reconciler.decision import Action, Decision, Delete, Emit, Evict
from reconciler.kube.errors import ConflictError, KubeError, RejectedError
from reconciler.kube.workqueue import WorkQueue
from reconciler.metrics import ControllerMetrics
from reconciler.perform import Performer, Written
from reconciler.wakeups import Wakeups

V = TypeVar("V")
log = logging.getLogger(__name__)

REJECTED_RETRY_SECONDS = (
    300.0  # a refusal is tried again when something changes, and now and then in case it changed unseen
)
SEEN_TIMEOUT_SECONDS = 5.0  # a watch that is later than this is broken, and its own reconnect will tell


class Seen(Protocol):
    """Waits until the caches show a write, so that nobody decides on a view that lacks it."""

    def __call__(self, written: Written, timeout_seconds: float) -> Awaitable[None]:
        """Return when the cache shows the write, or after the timeout."""
        ...


@dataclass(frozen=True, slots=True)
class Reconciler(Generic[V]):
    """What a controller does with a key.

    `observe` builds the frozen view (None: nothing to decide), `decide` is pure, `refused` turns an API refusal into what the user is shown.
    """

    observe: Callable[[str, datetime], Awaitable[V | None]]
    decide: Callable[[V, datetime], Decision]
    refused: Callable[[V, str, datetime], Decision] | None = None


@dataclass(frozen=True, slots=True)
class Shell:
    """What a controller acts with."""

    performer: Performer
    seen: Seen
    clock: Clock
    metrics: ControllerMetrics
    wakeups: Wakeups


class Controller(Generic[V]):
    """Runs one Reconciler over the keys of one queue."""

    def __init__(self, name: str, reconciler: Reconciler[V], shell: Shell) -> None:
        self.name = name
        self.queue: WorkQueue[str] = WorkQueue()
        self._alarms = Alarms(name, shell.wakeups, shell.clock, self.queue.add)
        self._reconciler = reconciler
        self._performer = shell.performer
        self._seen = shell.seen
        self._clock = shell.clock
        self._metrics = shell.metrics

    async def run(self, workers: int) -> None:
        """Work on keys until cancelled."""
        self._metrics.watch_depth(self.name, self.queue.__len__)
        self._alarms.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(workers):
                    tasks.create_task(self._work(), name=f"{self.name}-{number}")
        finally:
            self._alarms.stop()

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._attend(key)
            finally:
                self.queue.done(key)

    async def _attend(self, key: str) -> None:
        """One pass and its outcome, the four-way switch: done, wait, look again, give up for now."""
        with self._metrics.timed(self.name) as outcome:
            try:
                wake_at = await self.reconcile(key)
            except ConflictError as error:
                outcome.label = "conflict"
                log.info("conflict, observing again", extra=self._fields(key, error))
                self.queue.add_rate_limited(key)
            except RejectedError as error:
                outcome.label = "rejected"
                log.warning("refused by the API server", extra=self._fields(key, error))
                self.queue.add_after(key, REJECTED_RETRY_SECONDS)
            except KubeError as error:
                outcome.label = "transient"
                log.warning("will retry", extra=self._fields(key, error))
                self._retry(key, error)
            except Exception:  # the supervisor of one key: a defect in one object must not stop the others
                outcome.label = "defect"
                log.exception("defect while reconciling", extra={"controller": self.name, "key": key})
                self.queue.add_rate_limited(key)
            else:
                self.queue.forget(key)
                self._alarms.set(key, wake_at)

    def _retry(self, key: str, error: KubeError) -> None:
        if error.retry_after_seconds is not None:
            self.queue.add_after(key, error.retry_after_seconds)
        else:
            self.queue.add_rate_limited(key)

    async def reconcile(self, key: str) -> datetime | None:
        """One pass over one key; returns the instant at which it wants to be woken, if it does."""
        now = self._clock.now()
        view = await self._reconciler.observe(key, now)
        if view is None:
            return None
        decision = self._reconciler.decide(view, now)
        try:
            await self._carry_out(key, decision)
        except KubeError as error:
            # What falls due then does so whatever fails now, and the next try may be minutes away.
            self._alarms.set(key, decision.wake_at if decision.wake_at and decision.wake_at > now else None)
            if isinstance(error, RejectedError) and self._reconciler.refused is not None:
                await self._carry_out(key, self._reconciler.refused(view, str(error), now))
            raise
        return decision.wake_at

    async def _carry_out(self, key: str, decision: Decision) -> None:
        if not decision.actions:
            return
        performed: list[Written] = []
        failed: KubeError | None = None
        try:
            for action in decision.actions:
                try:
                    if written := await self._performer.perform(action, decision.because):
                        performed.append(written)
                except KubeError as error:
                    if not is_independent(action):
                        raise
                    failed = _sooner(failed, error)
        finally:
            await self._wait_seen(performed)
        log.info(
            "changed",
            extra={
                "controller": self.name,
                "key": key,
                "because": decision.because,
                "actions": _summary(decision.actions),
            },
        )
        if failed is not None:
            raise failed

    async def _wait_seen(self, performed: Sequence[Written]) -> None:
        for written in performed:
            await self._seen(written, SEEN_TIMEOUT_SECONDS)

    def _fields(self, key: str, error: KubeError) -> dict[str, object]:
        return {"controller": self.name, "key": key, "error": str(error), "status": error.status}


def is_independent(action: Action) -> bool:
    """Whether later actions may go on when this one fails: a blocked eviction must not shield other pods."""
    return isinstance(action, Delete | Evict | Emit)


def _sooner(first: KubeError | None, second: KubeError) -> KubeError:
    """Of two failures the one that is worth a try sooner; what is refused waits for news."""
    return second if first is None or isinstance(first, RejectedError) else first


def _summary(actions: Sequence[Action]) -> str:
    return ", ".join(type(action).__name__.lower() for action in actions)
