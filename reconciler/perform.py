"""The one place that writes: carries out the actions of a decision, and leaves an audit line for each."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from reconciler import names
from reconciler.clock import Clock
from reconciler.decision import Action, Apply, Create, Delete, Emit, Evict, Manifest, Patch, Side, Target
from reconciler.kube.client import Client
from reconciler.kube.errors import AlreadyExistsError, ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left behind: the object's key and its new resourceVersion; "" when the object is going."""

    target: Target
    resource_version: str


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One write, for the record: digests, never contents."""

    at: datetime
    verb: str
    side: Side
    resource: str
    key: str
    because: str
    digest: str


class Performer:
    """Carries out actions against the clients of the two sides.

    Failures are the errors of `kube.errors`; an object that is already gone counts as deleted. A delete or evict never goes out without a UID.
    """

    def __init__(
        self,
        clients: Mapping[Side, Client],
        clock: Clock,
        audit: Callable[[AuditLine], None],
        record: Callable[[Client, Emit], None],
    ) -> None:
        """`record` takes Events, which are written behind the work (see `events`)."""
        self._clients = clients
        self._clock = clock
        self._audit = audit
        self._record = record

    async def perform(self, action: Action, because: str) -> Written | None:
        """Carry out one action; the result says what a cache should see before anybody decides about the object again."""
        written = await self._dispatch(action)
        self._audit(_audit_line(action, because, self._clock.now()))
        return written

    async def _dispatch(self, action: Action) -> Written | None:
        match action:
            case Create():
                return await self._create(action)
            case Patch():
                return await self._patch(action)
            case Apply():
                return await self._apply(action)
            case Delete():
                return await self._delete(action)
            case Evict():
                return await self._evict(action)
            case Emit():
                self._record(self._clients[action.regarding.side], action)
                return None
            case _:
                assert_never(action)

    async def _create(self, action: Create) -> Written:
        target, client = action.target, self._clients[action.target.side]
        try:
            made = await client.create(target.resource, dict(action.manifest), target.namespace)
        except AlreadyExistsError as error:
            made = await client.get(target.resource, target.name, target.namespace)
            if not _is_owned(made, action):
                raise ConflictError(
                    f"{target.resource.plural} {target.namespace}/{target.name} belongs to somebody else", status=409
                ) from error
        return _written(target, made)

    async def _patch(self, action: Patch) -> Written:
        target, client = action.target, self._clients[action.target.side]
        preconditions = {
            name: value for name, value in (("uid", target.uid), ("resourceVersion", target.resource_version)) if value
        }
        patch = (
            {**action.patch, "metadata": {**action.patch.get("metadata", {}), **preconditions}}
            if preconditions
            else dict(action.patch)
        )
        made = await client.patch(target.resource, target.name, patch, target.namespace, subresource=action.subresource)
        return _written(target, made)

    async def _apply(self, action: Apply) -> Written:
        target, client = action.target, self._clients[action.target.side]
        made = await client.apply(
            target.resource, target.name, dict(action.manifest), target.namespace, field_manager=names.GIT_FIELD_MANAGER
        )
        return _written(target, made)

    async def _delete(self, action: Delete) -> Written:
        target = action.target
        with suppress(NotFoundError):  # somebody was quicker: what was wanted is so
            await self._clients[target.side].delete(
                target.resource, target.name, target.namespace, uid=_uid(target), grace_seconds=action.grace_seconds
            )
        return Written(target, "")

    async def _evict(self, action: Evict) -> Written:
        target = action.target
        with suppress(NotFoundError):  # as in _delete
            await self._clients[target.side].evict(target.name, target.namespace, uid=_uid(target))
        return Written(target, "")


def _uid(target: Target) -> str:
    if not target.uid:
        raise ValueError(
            f"refusing to delete {target.resource.plural} {target.namespace}/{target.name} without a UID precondition"
        )
    return target.uid


def _is_owned(made: Manifest, action: Create) -> bool:
    wanted = action.manifest.get("metadata", {}).get("annotations", {})
    there = made.get("metadata", {}).get("annotations", {})
    return bool(action.owned_by) and all(there.get(key) == wanted.get(key) for key in action.owned_by)


def _written(target: Target, made: Manifest) -> Written:
    return Written(target, made.get("metadata", {}).get("resourceVersion", ""))


def _audit_line(action: Action, because: str, now: datetime) -> AuditLine:
    target = action.regarding if isinstance(action, Emit) else action.target
    key = f"{target.namespace}/{target.name}" if target.namespace else target.name
    body = repr(action).encode()
    return AuditLine(
        now,
        type(action).__name__.lower(),
        target.side,
        target.resource.plural,
        key,
        because,
        hashlib.sha256(body).hexdigest()[:16],
    )
