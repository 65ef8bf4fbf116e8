"""Leader election by a Lease: one process works, its replicas wait.

What this does not guarantee: a leader that stalls for longer than the lease lasts (a suspended machine) may finish one write after another process took over.
Preconditions on every write (resourceVersion, UID) make that harmless.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any

from reconciler.clock import Clock
from reconciler.kube.client import Client
from reconciler.kube.errors import ConflictError, KubeError, NotFoundError
from reconciler.kube.resources import LEASES

log = logging.getLogger(__name__)

LEASE_SECONDS = 15  # as Kubernetes' own components
RENEW_SECONDS = 2.0
GIVE_UP_SECONDS = 10.0  # a leader that could not renew for this long stops, 5 s before anybody else may start


class Claim(Enum):
    """What to do about the Lease now."""

    CREATE = auto()
    RENEW = auto()
    TAKE = auto()
    WAIT = auto()


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says; `seen_at` is the loop time at which this content was first seen (wall clocks of machines differ)."""

    holder: str
    duration_seconds: int
    resource_version: str
    transitions: int
    seen_at: float

    def is_same_term(self, other: "Record | None") -> bool:
        """Whether nothing was renewed between the two."""
        return other is not None and self.resource_version == other.resource_version


def judge(record: Record | None, identity: str, now: float) -> Claim:
    """What a candidate does about a Lease; `now` is loop time."""
    if record is None:
        return Claim.CREATE
    if record.holder == identity:
        return Claim.RENEW
    if not record.holder or now - record.seen_at > record.duration_seconds:
        return Claim.TAKE
    return Claim.WAIT


def identity_from(state_dir: Path) -> str:
    """This installation's identity: kept in the state folder, so that a restart takes its own Lease over at once."""
    path = state_dir / "identity"
    if path.exists():
        return path.read_text(encoding="utf-8").strip()
    state_dir.mkdir(parents=True, exist_ok=True)
    identity = uuid.uuid4().hex
    path.write_text(identity + "\n", encoding="utf-8")
    return identity


class Election:
    """Holds one Lease for one identity."""

    def __init__(self, client: Client, clock: Clock, identity: str, name: str, namespace: str) -> None:
        self.is_leader = False
        self._client = client
        self._clock = clock
        self._identity = identity
        self._name = name
        self._namespace = namespace
        self._record: Record | None = None

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for leadership, then do `work` while it lasts; a lost Lease cancels the work and waits for its end; work that ends releases the Lease.

        Raises:
            LostLeadershipError: The Lease could not be renewed in time; the process should start afresh.

        """
        await self._wait()
        log.info("leading", extra={"lease": self._name, "identity": self._identity})
        self.is_leader = True
        try:
            async with asyncio.TaskGroup() as tasks:
                renewal = tasks.create_task(self._keep(), name="election")
                await work()
                renewal.cancel()
        finally:
            self.is_leader = False
            await self._release()

    async def _wait(self) -> None:
        while True:
            if await self._try():
                return
            await asyncio.sleep(RENEW_SECONDS)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if await self._try():
                renewed = loop.time()
            elif loop.time() - renewed > GIVE_UP_SECONDS or (
                self._record is not None and self._record.holder not in ("", self._identity)
            ):
                raise LostLeadershipError(self._name)

    async def _try(self) -> bool:
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                return await self._claim()
        except (KubeError, TimeoutError) as error:
            log.warning("cannot reach the election Lease", extra={"lease": self._name, "error": str(error)})
            return False

    async def _claim(self) -> bool:
        record = await self._read()
        claim = judge(record, self._identity, asyncio.get_running_loop().time())
        if claim is Claim.WAIT:
            return False
        try:
            if record is None:
                manifest = {
                    "apiVersion": LEASES.api_version,
                    "kind": LEASES.kind,
                    "metadata": {"name": self._name, "namespace": self._namespace},
                }
                await self._client.create(LEASES, {**manifest, "spec": self._spec(0, is_new=True)}, self._namespace)
            else:
                is_new = claim is Claim.TAKE
                spec = self._spec(record.transitions + is_new, is_new=is_new)
                await self._patch(record.resource_version, spec)
        except ConflictError:
            return False
        return True

    async def _read(self) -> Record | None:
        try:
            found = await self._client.get(LEASES, self._name, self._namespace)
        except NotFoundError:
            return None
        self._record = _record_from(found, self._record, asyncio.get_running_loop().time())
        return self._record

    async def _patch(self, resource_version: str, spec: Mapping[str, Any]) -> None:
        patch = {"metadata": {"resourceVersion": resource_version}, "spec": spec}
        await self._client.patch(LEASES, self._name, patch, self._namespace)

    def _spec(self, transitions: int, *, is_new: bool) -> dict[str, Any]:
        stamp = _micro_time(self._clock.now())
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": stamp,
            "leaseTransitions": transitions,
        }
        return spec | ({"acquireTime": stamp} if is_new else {})

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                record = await self._read()
                if record is not None and record.holder == self._identity:
                    await self._patch(record.resource_version, {"holderIdentity": ""})
        except (KubeError, TimeoutError) as error:
            log.info("could not release the Lease; it will lapse", extra={"lease": self._name, "error": str(error)})


class LostLeadershipError(Exception):
    """Another process leads, or may soon."""


def _record_from(found: Mapping[str, Any], before: Record | None, now: float) -> Record:
    spec = found.get("spec", {})
    record = Record(
        holder=spec.get("holderIdentity") or "",
        duration_seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS,
        resource_version=found["metadata"]["resourceVersion"],
        transitions=spec.get("leaseTransitions") or 0,
        seen_at=now,
    )
    return before if before is not None and record.is_same_term(before) else record


def _micro_time(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
