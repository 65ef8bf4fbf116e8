"""Events are told behind the work: queued, written one after the other, and never waited for.

Whoever closes a thousand vnodes has a thousand Events to tell; told in line with the work they would be a third of its requests. Like those of Kubernetes' own
components they are best effort: what waits when the process ends has two seconds left, and what a server refuses is logged and forgotten.
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from reconciler import names
from reconciler.clock import Clock
from reconciler.decision import Emit
from reconciler.kube.backoff import Backoff
from reconciler.kube.client import Client
from reconciler.kube.errors import AlreadyExistsError, KubeError, NotFoundError, TransientError
from reconciler.kube.resources import EVENTS
from reconciler.metrics import EventMetrics

log = logging.getLogger(__name__)

DEFAULT_NAMESPACE: Final = "default"  # where Events about cluster-scoped objects live
MESSAGE_LIMIT: Final = 1024  # characters; longer ones are cut
MOST_WAITING: Final = 10_000  # some 20 MiB; beyond it the oldest are forgotten
ATTEMPTS: Final = 8  # over about a minute
FLUSH_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    client: Client
    manifest: Mapping[str, Any]


class EventRecorder:
    """Takes Events at once and writes them while `run` runs, in the order in which they were taken."""

    def __init__(self, clock: Clock, metrics: EventMetrics, backoff: Backoff | None = None) -> None:
        self._clock = clock
        self._metrics = metrics
        self._backoff = backoff or Backoff(0.5, 15.0)
        self._waiting: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        metrics.watch_waiting(lambda: self.waiting)

    @property
    def waiting(self) -> int:
        """How many are still to be written."""
        return len(self._waiting)

    def record(self, client: Client, emit: Emit) -> None:
        """Take an Event to be written with this client; it tells the time of now."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._metrics.ended("forgotten")
        self._waiting.append(_Waiting(client, event_for(emit, self._clock.now(), uuid.uuid4().hex[:16])))
        self._news.set()

    async def run(self) -> None:
        """Write until cancelled; then what waits, as far as two seconds go."""
        try:
            while True:
                await self._write_waiting()
                self._news.clear()
                await self._news.wait()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits; what is left after two seconds is forgotten."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._write_waiting()
        except TimeoutError:
            log.warning("Events were not written before the end", extra={"count": len(self._waiting)})
            self._waiting.clear()

    async def _write_waiting(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            outcome = await self._outcome(first)
            if self._waiting and self._waiting[0] is first:  # unless it was forgotten meanwhile
                self._waiting.popleft()
                self._metrics.ended(outcome)

    async def _outcome(self, waiting: _Waiting) -> str:
        for attempt in range(ATTEMPTS):
            try:
                await waiting.client.create(EVENTS, dict(waiting.manifest), waiting.manifest["metadata"]["namespace"])
            except TransientError:
                await asyncio.sleep(self._backoff.delay_seconds(attempt))
            except AlreadyExistsError:
                return "written"  # by an attempt whose answer was lost
            except NotFoundError:
                return "moot"  # the namespace is gone, and so is everyone who would read it
            except KubeError as error:
                log.warning("an Event was refused", extra={"error": str(error)})
                return "refused"
            else:
                return "written"
        return "forgotten"


def event_for(emit: Emit, now: datetime, suffix: str) -> dict[str, Any]:
    """The core/v1 Event of an Emit; `suffix` makes its name unique."""
    regarding = emit.regarding
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    involved = {
        "apiVersion": regarding.resource.api_version,
        "kind": regarding.resource.kind,
        "name": regarding.name,
        "uid": regarding.uid,
        "namespace": regarding.namespace,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{regarding.name[:200].rstrip('.-')}.{suffix}",
            "namespace": regarding.namespace or DEFAULT_NAMESPACE,
        },
        "involvedObject": {name: value for name, value in involved.items() if value},
        "type": emit.type,
        "reason": emit.reason,
        "message": emit.message[:MESSAGE_LIMIT],
        "source": {"component": names.EVENT_SOURCE},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
