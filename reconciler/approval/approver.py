"""The controller of requests for serving certificates, where the API server has them."""

import asyncio
import logging
from datetime import datetime
from typing import Final

import msgspec

from reconciler import names
from reconciler.approval.decide import decide
from reconciler.approval.living import Living
from reconciler.approval.view import RequestView, SigningRequest
from reconciler.approval.wishes import wish_of
from reconciler.bridge.bridge import Surroundings
from reconciler.controller import Controller, Reconciler, Shell
from reconciler.kube.cache import Cache, Change
from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError
from reconciler.kube.resources import SIGNING_REQUESTS
from reconciler.kube.watch import WatchSpec
from reconciler.perform import Written

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 60.0  # whether the API server has been upgraded

decode_request = msgspec.json.Decoder(SigningRequest).decode


class Approver:
    """Answers what proxiers ask for."""

    def __init__(self, around: Surroundings) -> None:
        computing = around.computing
        self._client = computing.client
        self._leases = computing.proxiers
        self._living = Living(lambda: asyncio.get_running_loop().time())
        self._seen_since: dict[str, datetime] = {}
        self._requests: Cache[SigningRequest] = Cache(
            computing.client,
            WatchSpec(
                resource=SIGNING_REQUESTS,
                decode=decode_request,
                field_selector=f"spec.signerName={names.SERVING_SIGNER}",
                idle_seconds=around.settings.watch_idle_seconds,
            ),
        )
        reconciler: Reconciler[RequestView] = Reconciler(self._observe, decide)
        shell = Shell(around.performer(None), self._seen, around.clock, around.metrics, around.wakeups)
        self._controller = Controller("approver", reconciler, shell)

    async def run(self) -> None:
        """Run until cancelled."""
        await _served(self._client)
        ends = (self._living.follow(self._leases), self._requests.subscribe(self._on_request))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._requests.run(), name="signing-requests")
                tasks.create_task(self._controller.run(1), name="approver")
        finally:
            for end in ends:
                end()

    def _on_request(self, change: Change[SigningRequest]) -> None:
        if change.after is None:
            self._seen_since.pop(change.key, None)
        self._controller.queue.add(change.key)

    async def _observe(self, name: str, now: datetime) -> RequestView | None:
        seen = self._requests.get(name)
        if seen is None:
            return None
        since = self._seen_since.setdefault(name, now)
        return RequestView(seen, wish_of(seen.spec.request), self._living.addresses(), since)

    async def _seen(self, written: Written, timeout_seconds: float) -> None:
        await self._requests.wait_seen(written.target.name, written.resource_version, timeout_seconds)


async def _served(client: Client) -> None:
    """Return when the API server has requests for certificates."""
    while True:
        try:
            if await client.has(SIGNING_REQUESTS):
                return
        except KubeError as error:
            log.warning("cannot find out whether certificates can be asked for", extra={"error": str(error)})
        await asyncio.sleep(LOOK_SECONDS)
