"""Keeps the node Leases of vnodes fresh, whatever the worker does: a lapsed one would let the node controller overwrite what we say of the node."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from reconciler import names
from reconciler.clock import Clock
from reconciler.kube.errors import KubeError, NotFoundError
from reconciler.kube.projections import Node
from reconciler.kube.resources import LEASES, NODES, Resource
from reconciler.leases.due import Wheel

DURATION = timedelta(seconds=40)  # what a kubelet asks for, and the node controller's patience
PERIOD = timedelta(seconds=10)  # a quarter of it, as kubelets renew
TIMEOUT = timedelta(seconds=10)  # of one renewal; by then the next is due
SLOTS = 50  # moments of a period at which renewals begin
WORKERS = 32  # renewals at once; ten thousand in ten seconds need 32 at 30 ms each

log = logging.getLogger(__name__)


class LeaseClient(Protocol):
    """What is needed of a client of the computing cluster."""

    async def patch(self, resource: Resource, name: str, patch: Mapping[str, Any], namespace: str = "") -> object:
        """Apply a JSON merge patch."""
        ...

    async def create(self, resource: Resource, manifest: Mapping[str, Any], namespace: str = "") -> object:
        """Create an object."""
        ...


class Renewer:
    """Renews the node Lease of every vnode that it was given, once per period.

    A renewal that fails is counted and tried again at its next turn. `renewals` and `failures` only ever grow.
    """

    def __init__(self, client: LeaseClient, clock: Clock) -> None:
        self.renewals = 0
        self.failures = 0
        self._client = client
        self._clock = clock
        self._wheel = Wheel(PERIOD.total_seconds(), SLOTS)
        self._uids: dict[str, str] = {}
        self._settled: dict[str, str] = {}  # name → UID of the vnode for which the Lease is known to be complete
        self._failing: set[str] = set()
        self._asked: set[str] = set()  # what is in the queue: a slow server must not make it grow
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def add(self, vnode: Node) -> None:
        """Keep this vnode's Lease from now on; a vnode that is known already is not disturbed, one made again under its name takes over."""
        name, uid = vnode.metadata.name, vnode.metadata.uid
        if self._uids.get(name) == uid:
            return
        self._uids[name] = uid
        self._wheel.add(name)
        self._ask(name)

    def remove(self, name: str) -> None:
        """Forget a vnode; its Lease goes with it, by the server's garbage collection."""
        self._wheel.remove(name)
        for book in (self._uids, self._settled):
            book.pop(name, None)
        self._failing.discard(name)

    async def run(self) -> None:
        """Renew until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick(), name="node-leases-wheel")
            for number in range(WORKERS):
                tasks.create_task(self._work(), name=f"node-leases-{number}")

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for name in self._wheel.due(loop.time()):
                self._ask(name)
            await asyncio.sleep(self._wheel.seconds_to_next(loop.time()))

    def _ask(self, name: str) -> None:
        if name not in self._asked:
            self._asked.add(name)
            self._queue.put_nowait(name)

    async def _work(self) -> None:
        while True:
            name = await self._queue.get()
            self._asked.discard(name)
            if uid := self._uids.get(name):
                await self._renew(name, uid)

    async def _renew(self, name: str, uid: str) -> None:
        try:
            async with asyncio.timeout(TIMEOUT.total_seconds()):
                await self._write(name, uid)
        except (KubeError, TimeoutError) as error:
            self._failed(name, str(error) or "timed out")
        else:
            self._succeeded(name, uid)

    async def _write(self, name: str, uid: str) -> None:
        """Only the time, once the rest is known to be right."""
        lease = self._lease_for(name, uid)
        patch = {"spec": {"renewTime": lease["spec"]["renewTime"]}} if self._settled.get(name) == uid else lease
        try:
            await self._client.patch(LEASES, name, patch, names.NODE_LEASE_NAMESPACE)
        except NotFoundError:
            await self._client.create(LEASES, lease, names.NODE_LEASE_NAMESPACE)

    def _lease_for(self, name: str, uid: str) -> dict[str, Any]:
        owner = {"apiVersion": NODES.api_version, "kind": NODES.kind, "name": name, "uid": uid}
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": name, "namespace": names.NODE_LEASE_NAMESPACE, "ownerReferences": [owner]},
            "spec": {
                "holderIdentity": name,
                "leaseDurationSeconds": DURATION // timedelta(seconds=1),
                "renewTime": self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        }

    def _succeeded(self, name: str, uid: str) -> None:
        self.renewals += 1
        if self._uids.get(name) == uid:
            self._settled[name] = uid
        if name in self._failing:
            self._failing.discard(name)
            if not self._failing:
                log.info("node leases are renewed again")

    def _failed(self, name: str, error: str) -> None:
        """Told once for a series of failures: when one Lease cannot be renewed, as a rule none can."""
        self.failures += 1
        self._settled.pop(name, None)
        if not self._failing:
            log.warning("a node lease was not renewed, will retry", extra={"vnode": name, "error": error})
        if name in self._uids:
            self._failing.add(name)
