"""The objects of one watch, as last seen, with indexes and subscribers.

Nothing is forgotten when the connection is lost: `last_contact` and `last_error` tell how far the contents can be trusted. An object leaves only when the
server says so, or when a list that came to its end does not show it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Generic

import msgspec

from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError
from reconciler.kube.projections import P
from reconciler.kube.resources import Resource
from reconciler.kube.watch import Control, WatchSpec, watch
from reconciler.kube.watch_events import (
    Added,
    Bookmark,
    Cause,
    Deleted,
    Event,
    Following,
    Interrupted,
    Listing,
    Modified,
    Page,
    Synced,
)

log = logging.getLogger(__name__)

_QUIET: Final = frozenset({Cause.ENDED, Cause.STALLED, Cause.ASKED})


class Change(msgspec.Struct, Generic[P], frozen=True, gc=False):
    """What happened to one key; never both None."""

    key: str
    before: P | None
    after: P | None


Subscriber = Callable[[Change[P]], None]
IndexBy = Callable[[P], Iterable[str]]
"""The values under which an object is found; they must depend on the object alone."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    key: str
    version: int
    seen: asyncio.Future[None]


class Cache(Generic[P]):
    """Filled by `run`; everything else may be called at any time from the same event loop."""

    def __init__(self, client: Client, spec: WatchSpec[P], indexes: Mapping[str, IndexBy[P]] | None = None) -> None:
        self.restarts: Counter[Cause] = Counter()
        self.last_error: KubeError | None = None  # None while the watch stands
        self.on_trouble: Callable[[], None] = lambda: None  # called when `last_error` comes or goes
        self.revision = 0  # counts changes: while it stands still, so do the contents
        self._client = client
        self._spec = spec
        self._control = Control()
        self._objects: dict[str, P] = {}
        self._index_by = dict(indexes or {})
        self._indexes: dict[str, dict[str, dict[str, P]]] = {name: {} for name in self._index_by}
        self._subscribers: tuple[Subscriber[P], ...] = ()
        self._listed: set[str] = set()  # keys that the list under way has shown
        self._seen_version = 0  # everything up to this resourceVersion has been seen
        self._synced = asyncio.Event()
        self._waiters: list[_Waiter] = []

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[P]:
        return iter(self.values())

    def get(self, key: str) -> P | None:
        """The object with `metadata.key` `key`."""
        return self._objects.get(key)

    def values(self) -> tuple[P, ...]:
        """All objects, as they are now."""
        return tuple(self._objects.values())

    def by_index(self, name: str, value: str) -> tuple[P, ...]:
        """The objects for which the index `name` gave `value`."""
        return tuple(self._indexes[name].get(value, {}).values())

    def subscribe(self, callback: Subscriber[P]) -> Callable[[], None]:
        """Call back for every change, at once and in order, beginning with what is there; call the answer to end it."""
        for key, found in tuple(self._objects.items()):
            callback(Change(key, None, found))
        self._subscribers = (*self._subscribers, callback)

        def unsubscribe() -> None:
            self._subscribers = tuple(other for other in self._subscribers if other is not callback)

        return unsubscribe

    @property
    def resource(self) -> Resource:
        """What the objects are."""
        return self._spec.resource

    @property
    def is_synced(self) -> bool:
        """Whether a list has ever been completed."""
        return self._synced.is_set()

    @property
    def last_contact(self) -> float | None:
        """Loop time of the last bytes from the server; on a quiet watch they may be `idle_seconds` old."""
        return self._control.contact_at

    async def wait_synced(self) -> None:
        """Wait until a list has been completed."""
        await self._synced.wait()

    async def wait_seen(self, key: str, resource_version: str, timeout_seconds: float) -> bool:
        """Wait until this version of the object, a later one, or its deletion has been seen; False when that took too long."""
        waiter = _Waiter(key, _number(resource_version), asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._wake()
        try:
            await asyncio.wait_for(waiter.seen, timeout_seconds)
        except TimeoutError:
            return False
        finally:
            self._waiters.remove(waiter)
        return True

    def reconnect(self) -> None:
        """Drop the connection and go on at once where it was."""
        self._control.reconnect()

    def relist_now(self) -> None:
        """Drop the connection and begin with a new list; the contents stay until that is complete."""
        self._control.relist()

    async def run(self) -> None:
        """Keep the contents up to date until cancelled."""
        async with aclosing(watch(self._client, self._spec, self._control)) as events:
            async for event in events:
                self._take(event)
                if self._waiters:
                    self._wake()

    def _take(self, event: Event[P]) -> None:
        match event:
            case Added(found) | Modified(found):
                self._put(found)
                self._has_seen_up_to(found.metadata.resource_version)
            case Deleted(key, version):
                self._drop(key)
                self._has_seen_up_to(version)
            case Bookmark(version):
                self._has_seen_up_to(version)
            case Following():
                self._fare(None)
            case Interrupted():
                self._note(event)
            case _:
                self._take_list(event)

    def _take_list(self, event: Listing | Page[P] | Synced) -> None:
        match event:
            case Listing():
                self._listed.clear()
            case Page(objects, unreadable):
                self._listed.update(unreadable)
                for found in objects:
                    self._listed.add(self._put(found))
            case Synced(version):
                for key in [key for key in self._objects if key not in self._listed]:
                    self._drop(key)
                self._listed.clear()
                self._has_seen_up_to(version)
                self._synced.set()

    def _note(self, event: Interrupted) -> None:
        self.restarts[event.cause] += 1
        if event.error is not None:
            self._fare(event.error)
        if event.cause not in _QUIET:
            log.warning(
                "watch interrupted",
                extra={
                    "resource": self.resource.plural,
                    "server": self._client.server,
                    "cause": event.cause.value,
                    "error": str(event.error),
                    "retry_seconds": event.delay_seconds,
                },
            )

    def _fare(self, error: KubeError | None) -> None:
        has_changed = (error is None) != (self.last_error is None)
        self.last_error = error
        if has_changed:
            self.on_trouble()

    def _put(self, found: P) -> str:
        key = found.metadata.key
        before = self._objects.get(key)
        if before is not None and before.metadata.uid != found.metadata.uid:
            self._drop(key)  # deleted and made anew, while we were not looking
            before = None
        if before is None or before.metadata.resource_version != found.metadata.resource_version:
            self._objects[key] = found
            self._change(Change(key, before, found))
        return key

    def _drop(self, key: str) -> None:
        before = self._objects.pop(key, None)
        if before is not None:
            self._change(Change(key, before, None))

    def _change(self, change: Change[P]) -> None:
        self.revision += 1
        for name, values_of in self._index_by.items():
            _reindex(self._indexes[name], values_of, change)
        for subscriber in self._subscribers:
            subscriber(change)

    def _has_seen_up_to(self, resource_version: str) -> None:
        self._seen_version = max(self._seen_version, _number(resource_version))

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.seen.done() and self._has_seen(waiter):
                waiter.seen.set_result(None)

    def _has_seen(self, waiter: _Waiter) -> bool:
        if self._seen_version >= waiter.version:
            return True
        found = self._objects.get(waiter.key)
        return found is not None and _number(found.metadata.resource_version) >= waiter.version


def _reindex(index: dict[str, dict[str, P]], values_of: IndexBy[P], change: Change[P]) -> None:
    if change.before is not None:
        for value in frozenset(values_of(change.before)):
            del index[value][change.key]
            if not index[value]:
                del index[value]
    if change.after is not None:
        for value in values_of(change.after):
            index.setdefault(value, {})[change.key] = change.after


def _number(resource_version: str) -> int:
    """API servers count; whoever compares versions relies on it."""
    return int(resource_version) if resource_version.isdecimal() else 0
