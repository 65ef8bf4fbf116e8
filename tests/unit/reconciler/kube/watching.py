"""What a server says of its objects, and what a watch makes of it, in short."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import chain
from typing import Any

import msgspec
from aiohttp import web

from reconciler.kube.backoff import Backoff
from reconciler.kube.client import Client
from reconciler.kube.projections import PartialObject
from reconciler.kube.resources import CONFIGMAPS
from reconciler.kube.watch import Control, WatchSpec, watch
from reconciler.kube.watch_events import (
    Added,
    Bookmark,
    Deleted,
    Event,
    Following,
    Interrupted,
    Listing,
    Modified,
    Page,
    Synced,
)
from tests.unit.reconciler.kube.fake_api import Answer, drops, says, streams

DEADLINE = 10
DROPS = (drops, drops)  # aiohttp itself asks a second time when the connection of a GET is dropped
AN_HOUR = Backoff(base_seconds=3600, cap_seconds=3600)
NO_WAIT = Backoff(base_seconds=0.001, cap_seconds=0.01)
decode = msgspec.json.Decoder(PartialObject).decode


def spec(**more: Any) -> WatchSpec[PartialObject]:
    return WatchSpec(**{"resource": CONFIGMAPS, "decode": decode, "retry": NO_WAIT, **more})


def item(name: str, version: int, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(version), **metadata}}


def listed(version: int, *items: dict[str, Any], rest: str = "") -> Answer:
    return says({"metadata": {"resourceVersion": str(version), "continue": rest}, "items": items})


def line(kind: str, found: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": found}, separators=(",", ":")).encode() + b"\n"


def bookmark(version: int) -> bytes:
    return line("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


class Reader:
    """Takes events as a test asks for them."""

    def __init__(self, events: AsyncIterator[Event[PartialObject]]) -> None:
        self._events = events

    async def until(self, kind: type, count: int = 1) -> list[Event[PartialObject]]:
        """Everything up to the `count`th event of a kind."""
        taken: list[Event[PartialObject]] = []
        async with asyncio.timeout(DEADLINE):
            while sum(isinstance(event, kind) for event in taken) < count:
                taken.append(await anext(self._events))
        return taken


@asynccontextmanager
async def watching(
    client: Client, watched: WatchSpec[PartialObject], control: Control | None = None
) -> AsyncIterator[Reader]:
    async with aclosing(watch(client, watched, control)) as events:
        yield Reader(events)


def told(events: Sequence[Event[PartialObject]]) -> list[str]:
    return list(chain.from_iterable(map(words, events)))


def words(event: Event[PartialObject]) -> list[str]:
    """An event in short: `+a@7`, `~a@8`, `-a@9`, `@10`, or its name."""
    match event:
        case Page(objects):
            return [short(found) for found in objects]
        case Added(found) | Modified(found):
            return [("+" if isinstance(event, Added) else "~") + short(found)]
        case Deleted(key, version):
            return [f"-{key.removeprefix('shop/')}@{version}"]
        case Bookmark(version) | Synced(version):
            return [("" if isinstance(event, Bookmark) else "synced") + f"@{version}"]
        case Interrupted(cause):
            return [cause.value]
        case Listing() | Following():
            return [type(event).__name__.lower()]


def short(found: PartialObject) -> str:
    return f"{found.metadata.name}@{found.metadata.resource_version}"


EXPIRED = line("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
HISTORY = {6: line("ADDED", item("a", 6)), 7: line("ADDED", item("b", 7)), 8: line("ADDED", item("c", 8))}


async def resumes(request: web.Request, over: asyncio.Event) -> web.StreamResponse:
    """What happened after the resourceVersion that the request names, as an API server does it."""
    after = int(request.query["resourceVersion"])
    return await streams(*(said for version, said in HISTORY.items() if version > after), stalls=True)(request, over)
