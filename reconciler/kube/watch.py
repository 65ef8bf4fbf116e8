"""List and watch as one iterator that never ends: whatever breaks, it goes on from the last event that came whole.

A list is `Listing`, `Page`s, `Synced`; then events follow. After every interruption the watch is resumed at the last resourceVersion it saw, and only a
server that has forgotten that version (410) brings a new list. Nobody is deleted by a list that was not completed, because there is no `Synced` then.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Final, Generic

from reconciler.kube.backoff import Backoff
from reconciler.kube.calls import PAGE, Selection
from reconciler.kube.client import Client
from reconciler.kube.errors import GoneError, KubeError, TransientError
from reconciler.kube.lines import LineSplitter
from reconciler.kube.projections import Decode, P
from reconciler.kube.resources import Resource
from reconciler.kube.transport import BROKEN, STALLED, Stream
from reconciler.kube.watch_decoding import event_of, page_of
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
    Occurrence,
    Synced,
)

RETRY: Final = Backoff(base_seconds=0.8, cap_seconds=30)
_SHORTEST_SECONDS: Final = (
    240  # of one watch request, as the server ends it; random, so that a fleet's watches do not end together
)
_SPREAD_SECONDS: Final = 240
_STEADY_SECONDS: Final = 10  # a stream that lived so long was not refused


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSpec(Generic[P]):
    """What to watch and what to keep of it: objects that `decode` to None count as not there.

    A connection without a byte for `idle_seconds` is replaced, which costs one request and loses nothing: a quiet one and a dead one look alike, because old
    API servers (1.20) send no bookmarks before the end. `random` yields numbers in [0, 1).
    """

    resource: Resource
    decode: Decode[P]
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False
    idle_seconds: float = 90
    retry: Backoff = RETRY
    random: Callable[[], float] = random.random

    @property
    def selection(self) -> Selection:
        """Which objects."""
        return Selection(self.resource, self.namespace, self.label_selector, self.field_selector, self.metadata_only)


class Control:
    """A hand on a running watch, from the same event loop. `contact_at` is the loop time of the last bytes from the server."""

    def __init__(self) -> None:
        self.contact_at: float | None = None
        self.wish = asyncio.Event()
        self.wants_list = False
        self.stream: Stream | None = None

    def reconnect(self) -> None:
        """Cut the connection (or the wait for the next) and go on at once from the last event."""
        self.wish.set()
        if self.stream is not None:
            self.stream.close()

    def relist(self) -> None:
        """As `reconnect`, with a new list."""
        self.wants_list = True
        self.reconnect()


async def watch(client: Client, spec: WatchSpec[P], control: Control | None = None) -> AsyncGenerator[Event[P], None]:
    """Events for ever; close the iterator (`contextlib.aclosing`) to end it. Raises nothing of its own."""
    async with AsyncExitStack() as connection:
        watcher = _Watcher(client, spec, control or Control(), connection)
        while True:
            for event in await watcher.step():
                yield event


class _Watcher(Generic[P]):
    """One step is one wait for the server (or for the next attempt) and the events that it brought."""

    def __init__(self, client: Client, spec: WatchSpec[P], control: Control, connection: AsyncExitStack) -> None:
        self._client = client
        self._spec = spec
        self._selection = spec.selection
        self._what = spec.resource.plural
        self._control = control
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._version: str | None = None  # of the last event that came whole; None: a list is due or under way
        self._rest: str | None = None  # where the list under way goes on; None: it has not begun
        self._lines = LineSplitter()
        self._followed_at = 0.0
        self._failures = 0  # in a row
        self._has_moved = False  # an event has come since the last interruption
        self._pause_seconds = 0.0
        self._postponed: KubeError | None = None  # the end of a chunk that began well

    async def step(self) -> Sequence[Event[P]]:
        await self._pause()
        if self._control.wish.is_set():
            return await self._as_wished()
        try:
            return await self._next()
        except KubeError as error:
            if (
                self._control.wish.is_set()
            ):  # a stream that was cut on request breaks too: the next step sees to the wish
                return ()
            cause = _cause_of(error)
            return await self._interrupted(cause, None if cause is Cause.STALLED else error)

    async def _pause(self) -> None:
        seconds, self._pause_seconds = self._pause_seconds, 0.0
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._control.wish.wait(), seconds)

    async def _next(self) -> Sequence[Event[P]]:
        if self._version is None:
            return await self._list()
        if self._control.stream is None:
            return await self._follow(self._version)
        return await self._read(self._control.stream)

    async def _list(self) -> Sequence[Event[P]]:
        events: list[Event[P]] = [] if self._rest is not None else [Listing()]
        page = await self._client.page(self._selection, self._rest or "")
        self._touch()
        items = page.items or []
        for start in range(0, len(items), PAGE):  # some servers ignore the limit
            events.append(page_of(items[start : start + PAGE], self._spec.decode, self._what))
            await asyncio.sleep(0)
        self._rest = page.metadata.continue_ or None
        if self._rest is None:
            self._version = page.metadata.resource_version
            events.append(Synced(self._version))
        return events

    async def _follow(self, version: str) -> Sequence[Event[P]]:
        seconds = int(_SHORTEST_SECONDS + _SPREAD_SECONDS * self._spec.random())
        request = self._client.watch(
            self._selection, version, timeout_seconds=seconds, idle_seconds=self._spec.idle_seconds
        )
        self._control.stream = await self._connection.enter_async_context(request)
        self._lines = LineSplitter()
        self._followed_at = self._touch()
        return (Following(),)

    async def _read(self, stream: Stream) -> Sequence[Event[P]]:
        if self._postponed is not None:
            raise self._postponed
        chunk = await stream.read()
        self._touch()
        if chunk:
            return self._events_of(self._lines.feed(chunk))
        if self._lines.has_rest:
            raise TransientError("the stream ended within a line", reason=BROKEN)
        return await self._interrupted(Cause.ENDED, None)

    def _events_of(self, lines: Sequence[bytes]) -> Sequence[Event[P]]:
        events: list[Event[P]] = []
        for line in lines:
            try:
                event = event_of(line, self._spec.decode, self._what)
            except KubeError as error:
                self._postponed = error  # the events before it have come, and count
                break
            if event is not None:
                events.append(event)
                self._version = _version_of(event)
        self._has_moved = self._has_moved or bool(events)
        return events

    async def _as_wished(self) -> Sequence[Event[P]]:
        self._control.wish.clear()
        self._failures = 0  # whoever asks knows that the server is back
        if self._control.wants_list:
            self._control.wants_list = False
            self._version = self._rest = None
        return await self._interrupted(Cause.ASKED, None)

    async def _interrupted(self, cause: Cause, error: KubeError | None) -> Sequence[Event[P]]:
        was_following = self._control.stream is not None
        await self._disconnect()
        if cause is Cause.EXPIRED:
            self._version = self._rest = None
        if self._has_moved or (was_following and self._loop.time() - self._followed_at > _STEADY_SECONDS):
            self._failures = 0
        self._has_moved = False
        if cause is not Cause.ASKED:
            at_once = self._failures == 0 and (was_following or cause is Cause.EXPIRED)
            hint = (error.retry_after_seconds if error else None) or 0.0
            self._pause_seconds = max(hint, 0.0 if at_once else self._spec.retry.delay_seconds(self._failures))
            self._failures += 1
        return (Interrupted(cause, error, self._pause_seconds),)

    async def _disconnect(self) -> None:
        self._control.stream = None
        self._postponed = None
        await self._connection.aclose()

    def _touch(self) -> float:
        now = self._loop.time()
        self._control.contact_at = now
        return now


def _cause_of(error: KubeError) -> Cause:
    if isinstance(error, GoneError):
        return Cause.EXPIRED
    if error.status:
        return Cause.REFUSED
    return {STALLED: Cause.STALLED, BROKEN: Cause.BROKEN}.get(error.reason, Cause.UNREACHABLE)


def _version_of(event: Occurrence[P]) -> str:
    match event:
        case Added(found) | Modified(found):
            return found.metadata.resource_version
        case Deleted(_, version) | Bookmark(version):
            return version
