"""An HTTP server on loopback that answers what the test has laid out, one answer per request, and then keeps silent."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from reconciler.kube.kubeconfig import Access

Answer = Callable[[web.Request, asyncio.Event], Awaitable[web.StreamResponse]]
"""Gets the request and an event that is set when the test ends."""


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    line: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class FakeApi:
    """`answers` are taken from the left; `seen` grows on the right."""

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.seen: list[Seen] = []
        self.url = ""
        self.over = asyncio.Event()

    def will(self, *answers: Answer) -> None:
        self.answers.extend(answers)

    @property
    def access(self) -> Access:
        return Access(Configuration(host=self.url), ssl.create_default_context())

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(
            Seen(f"{request.method} {request.path}", dict(request.query), dict(request.headers), await request.read())
        )
        answer = self.answers.popleft() if self.answers else silence
        return await answer(request, self.over)


@asynccontextmanager
async def fake_api() -> AsyncIterator[FakeApi]:
    api = FakeApi()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.take)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    api.url = f"http://127.0.0.1:{port}"
    try:
        yield api
    finally:
        api.over.set()
        await runner.cleanup()


async def silence(request: web.Request, over: asyncio.Event) -> web.StreamResponse:
    """Nothing at all, not even headers."""
    await over.wait()
    cut(request)
    return web.Response()


def cut(request: web.Request) -> None:
    """Close the connection under the answer."""
    if request.transport is not None:
        request.transport.close()


def says(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""

    async def answer(_request: web.Request, _over: asyncio.Event) -> web.StreamResponse:
        return web.Response(body=json.dumps(body), status=status, headers=headers, content_type="application/json")

    return answer


def refuses(code: int, reason: str, message: str = "", **more: str) -> Answer:
    """A Status answer."""
    return says({"kind": "Status", "code": code, "reason": reason, "message": message}, code, more)


async def drops(request: web.Request, _over: asyncio.Event) -> web.StreamResponse:
    """The connection is closed without an answer."""
    cut(request)
    return web.Response()


def streams(*chunks: bytes, ends: bool = False, stalls: bool = False) -> Answer:
    """A 200 answer in chunks; then it ends properly, stays open without a byte, or is cut off."""

    async def answer(request: web.Request, over: asyncio.Event) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if stalls:
            await over.wait()
        if ends:
            await response.write_eof()
        else:
            cut(request)
        return response

    return answer


class Held:
    """An answer that waits until the test lets it go."""

    def __init__(self, answer: Answer) -> None:
        self.reached = asyncio.Event()
        self.released = asyncio.Event()
        self._answer = answer

    async def __call__(self, request: web.Request, over: asyncio.Event) -> web.StreamResponse:
        self.reached.set()
        await self.released.wait()
        return await self._answer(request, over)
