"""Runs one Bridge per binding that may run; a Bridge that crashes is started again with backoff, and the others do not notice."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.bridge.bridge import Bridge
from reconciler.kube.backoff import Backoff
from reconciler.kube.client import Client
from reconciler.manager.view import BridgeHealth

log = logging.getLogger(__name__)

RESTART = Backoff(base_seconds=1.0, cap_seconds=300.0)
CRASH_TEXT_LIMIT = 300  # characters of an exception in a condition


@dataclass(frozen=True, slots=True)
class Order:
    """What to run: `digest` changes with the kubeconfig, and a Bridge with another digest is replaced."""

    name: str
    digest: str
    client: Client
    build: Callable[[Client], Bridge]


@dataclass(slots=True)
class _Running:
    order: Order
    task: asyncio.Task[None] | None = None
    bridge: Bridge | None = None
    crash: str | None = None
    failures: int = field(default=0)


class Supervisor:
    """Starts, watches and stops Bridges; `on_change` hears the name of a binding whose Bridge changed state."""

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change
        self._running: dict[str, _Running] = {}

    def health(self, name: str) -> BridgeHealth:
        """How the Bridge of a binding fares."""
        running = self._running.get(name)
        if running is None:
            return BridgeHealth()
        bridge = running.bridge
        if bridge is None:
            return BridgeHealth(is_running=True, crash=running.crash)
        return BridgeHealth(
            is_running=True,
            is_ready=bridge.is_ready,
            crash=running.crash,
            unreachable_since=bridge.heartbeat.unreachable_since,
            has_proxier=bridge.has_proxier,
        )

    def is_up_to_date(self, name: str, digest: str) -> bool:
        """Whether a Bridge runs with this kubeconfig."""
        running = self._running.get(name)
        return running is not None and running.order.digest == digest

    async def start(self, order: Order) -> None:
        """Run a Bridge, in place of one with another kubeconfig."""
        await self.stop(order.name)
        running = _Running(order)
        running.task = asyncio.create_task(self._supervise(running), name=f"bridge-{order.name}")
        self._running[order.name] = running

    async def stop(self, name: str) -> None:
        """End a Bridge, if there is one, and wait for its end."""
        running = self._running.pop(name, None)
        if running is not None and running.task is not None:
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)
            await running.order.client.close()

    async def stop_all(self) -> None:
        """End every Bridge."""
        for name in tuple(self._running):
            await self.stop(name)

    async def _supervise(self, running: _Running) -> None:
        while True:
            running.bridge = running.order.build(running.order.client)
            running.bridge.on_state = lambda: self._on_change(running.order.name)
            try:
                await running.bridge.run()
            except (
                Exception
            ) as error:  # the supervisor: whatever ends a Bridge, the process and the other Bridges go on
                log.exception("bridge crashed, restarting", extra={"binding": running.order.name})
                running.crash = _text(error)
            running.bridge = None
            self._on_change(running.order.name)
            await asyncio.sleep(RESTART.delay_seconds(running.failures))
            running.failures += 1


def _text(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:CRASH_TEXT_LIMIT]
