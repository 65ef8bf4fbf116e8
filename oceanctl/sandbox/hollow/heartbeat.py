"""A node's life signs: registration once, then a renewed node Lease every 10 s and a Ready condition whenever somebody doubts it."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from oceanctl.sandbox.hollow.config import NodeConfig
from oceanctl.sandbox.hollow.node import conditions_for, labels_for, lease_for, node_for, renewal, status_for
from oceanctl.sandbox.hollow.status import Transitions, timestamp
from oceanctl.sandbox.hollow.worker import STRATEGIC_PATCH
from reconciler.clock import Clock
from reconciler.kube.client import Client
from reconciler.kube.errors import AlreadyExistsError, KubeError, NotFoundError
from reconciler.kube.projections import Node
from reconciler.kube.resources import LEASES, NODES
from reconciler.names import NODE_LEASE_NAMESPACE

log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 1.0
STATUS_INTERVAL: Final = timedelta(minutes=5)  # a quiet node reports its status that often, as kubelets do


@dataclass(slots=True)
class Heartbeat:
    """Keeps one Node alive. Like a kubelet it registers at its start only: a Node that is deleted later stays deleted."""

    config: NodeConfig
    version: str
    client: Client
    clock: Clock
    _reported_at: datetime | None = field(default=None, init=False)

    async def register(self) -> None:
        """Create the Node or bring the one that is there up to date, trying until the API server takes it."""
        while True:
            try:
                await self._register()
            except KubeError as error:
                log.warning("not registered", extra={"node": self.config.name, "error": str(error)})
                await asyncio.sleep(RETRY_SECONDS)
            else:
                log.info("registered", extra={"node": self.config.name})
                return

    async def keep(self) -> None:
        """Beat for ever."""
        while True:
            try:
                await self._beat()
            except KubeError as error:
                log.warning("no beat", extra={"node": self.config.name, "error": str(error)})
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await asyncio.sleep(BEAT_SECONDS)

    async def _register(self) -> None:
        now = self.clock.now()
        try:
            await self.client.create(NODES, node_for(self.config, self.version, now))
        except AlreadyExistsError:
            await self.client.patch(NODES, self.config.name, {"metadata": {"labels": labels_for(self.config)}})
            node = await self._get()
            await self._report(status_for(self.config, self.version, _transitions_of(node), now))
        self._reported_at = now

    async def _beat(self) -> None:
        try:
            node = await self._get()
        except NotFoundError:
            log.warning("the node was deleted", extra={"node": self.config.name})
            return
        now = self.clock.now()
        if not _is_ready(node) or self._reported_at is None or now - self._reported_at > STATUS_INTERVAL:
            await self._report({"conditions": conditions_for(_transitions_of(node), now)})
            self._reported_at = now
        await self._renew(node, now)

    async def _renew(self, node: Node, now: datetime) -> None:
        try:
            await self.client.patch(LEASES, self.config.name, {"spec": renewal(now)}, NODE_LEASE_NAMESPACE)
        except NotFoundError:
            lease = lease_for(self.config.name, node.metadata.uid, now)
            with suppress(AlreadyExistsError):
                await self.client.create(LEASES, lease, NODE_LEASE_NAMESPACE)

    async def _get(self) -> Node:
        return msgspec.json.decode(await self.client.get_raw(NODES, self.config.name), type=Node)

    async def _report(self, status: dict[str, Any]) -> None:
        path = NODES.path(self.config.name, subresource="status")
        await self.client.request("PATCH", path, body={"status": status}, content_type=STRATEGIC_PATCH)


def _is_ready(node: Node) -> bool:
    return any(condition.type == "Ready" and condition.status == "True" for condition in node.status.conditions)


def _transitions_of(node: Node) -> Transitions:
    return {
        c.type: (c.status, timestamp(c.last_transition_time)) for c in node.status.conditions if c.last_transition_time
    }
