"""A process on loopback that serves pods over TLS as an API server does: lists in pages, and a watch that writes as fast as it is read."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from aiohttp import web

from oceanctl.sandbox import kubeconfig
from oceanctl.sandbox.pki import Authority, Identity, KeyPair, Usage
from reconciler.kube.resources import PODS
from tests.bench.figures import CannotRunError
from tests.bench.samples import Side, Template

HOST = "127.0.0.1"
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """The pods that a list shows, over how many nodes they are spread, and how many events the watch brings afterwards.

    `watched` is how many pods the events are about.
    """

    side: Side
    listed: int = 0
    nodes: int = 1
    events: int = 0
    watched: int = 1


@contextmanager
def serving(served: Served) -> Iterator[bytes]:
    """A kubeconfig for the server, which lives as long as the context."""
    with TemporaryDirectory(prefix="kubeocean-bench-") as folder:
        authority = Authority(Path(folder))
        pair = authority.issue("server", Identity("server", hosts=(HOST,), usage=Usage.SERVER))
        spawning = get_context("spawn")
        port_of, telling = spawning.Pipe(duplex=False)
        process = spawning.Process(target=_main, args=(served, pair, telling), daemon=True)
        process.start()
        try:
            if not port_of.poll(_START_SECONDS):
                raise CannotRunError("the server of the bench did not start")
            server = f"https://{HOST}:{port_of.recv()}"
            content = kubeconfig.with_token("bench", server, authority.pair.certificate, "bench")
            yield msgspec.json.encode(content)
        finally:
            process.terminate()
            process.join()


def _main(served: Served, pair: KeyPair, telling: Connection) -> None:
    asyncio.run(_serve(served, pair, telling))


async def _serve(served: Served, pair: KeyPair, telling: Connection) -> None:
    app = web.Application()
    app.router.add_get(PODS.path(), _Pods(served).answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair.certificate, pair.key)
    await web.TCPSite(runner, HOST, 0, ssl_context=tls).start()
    telling.send(runner.addresses[0][1])
    await asyncio.Event().wait()


class _Pods:
    """The one resource of this server."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._template = Template(served.side)
        self._lines = tuple(self._template.events(served.events, pods=served.watched, nodes=served.nodes))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await self._watch(request)
        return self._page(int(request.query.get("continue") or 0), int(request.query["limit"]))

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        response.enable_chunked_encoding()
        with suppress(ConnectionResetError):  # a client that only wanted the list has left
            await response.prepare(request)
            for line in self._lines:
                await response.write(line)
            await asyncio.Event().wait()  # until the client leaves, which cancels this
        return response

    def _page(self, start: int, limit: int) -> web.Response:
        served = self._served
        end = min(start + limit, served.listed)
        items = (self._template.pod(number, node=number % served.nodes) for number in range(start, end))
        rest = b',"continue":"%d"' % end if end < served.listed else b""
        metadata = b'{"resourceVersion":"1"%s}' % rest
        body = b'{"kind":"PodList","apiVersion":"v1","metadata":%s,"items":[%s]}' % (metadata, b",".join(items))
        return web.Response(body=body, content_type="application/json")
