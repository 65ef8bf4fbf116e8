"""A cache at work, and what it tells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from reconciler.kube.cache import Cache, Change
from reconciler.kube.client import Client
from reconciler.kube.projections import PartialObject
from tests.unit.reconciler.kube.watching import spec

DEADLINE = 10
ON_NODE = "node"


def nodes_of(found: PartialObject) -> tuple[str, ...]:
    node = found.metadata.labels.get("node")
    return (node,) if node else ()


def on(node: str) -> dict[str, Any]:
    return {"labels": {"node": node}}


def new_cache(client: Client, **more: Any) -> Cache[PartialObject]:
    return Cache(client, spec(**more), {ON_NODE: nodes_of})


class Diary:
    """Changes in short, as they are told: `+a@7`, `~a@8`, `-a@8`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.news = asyncio.Event()

    def __call__(self, change: Change[PartialObject]) -> None:
        sign = "+" if change.before is None else "-" if change.after is None else "~"
        known = change.after or change.before
        assert known is not None
        self.lines.append(f"{sign}{change.key.removeprefix('shop/')}@{known.metadata.resource_version}")
        self.news.set()

    async def reads(self, *expected: str) -> None:
        """Wait until so much was told, and compare."""
        async with asyncio.timeout(DEADLINE):
            while len(self.lines) < len(expected):
                self.news.clear()
                await self.news.wait()
        assert self.lines == list(expected)


@asynccontextmanager
async def running(cache: Cache[PartialObject]) -> AsyncIterator[Diary]:
    """The cache at work, with a diary of what it tells."""
    diary = Diary()
    end = cache.subscribe(diary)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(cache.run())
        yield diary
        task.cancel()
    end()


async def synced(cache: Cache[PartialObject]) -> None:
    await asyncio.wait_for(cache.wait_synced(), DEADLINE)
