"""WebSockets straight to a vnode, as API servers from 1.36 on hand them to kubelets, between a client and a worker that both speak the channel protocols."""

import asyncio
import hashlib
import json
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType, WSServerHandshakeError, web

from proxier.errors import UpstreamError
from tests.unit.proxier.stage import HOST, Stage, staged, upstream_to

V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
TUNNEL = "SPDY/3.1+portforward.k8s.io"
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
EXEC = "/exec/app/web/main?command=cat&input=1&output=1&error=1"
FORWARD = "/portForward/app/web?port=80"
MIB = 1024 * 1024


@dataclass
class Worker:
    """A worker's API server as far as a WebSocket can tell: a command like `cat` that says on the other output how large its terminal is, and a tunnel."""

    asked: list[str] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    was_cut: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        self.offered.append(request.headers.get("Sec-WebSocket-Protocol", ""))
        is_tunnel = request.path.endswith("/portforward")
        socket = web.WebSocketResponse(protocols=(TUNNEL,) if is_tunnel else (V5, V4), max_msg_size=0)
        await socket.prepare(request)
        await (self._tunnel(socket) if is_tunnel else self._command(socket))
        return socket

    async def _command(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            channel, content = message.data[0], message.data[1:]
            if channel == STDIN:
                await socket.send_bytes(bytes([STDOUT]) + content)
            elif channel == RESIZE:
                size = json.loads(content)
                await socket.send_bytes(bytes([STDERR]) + f"{size['Width']}x{size['Height']}".encode())
            elif channel == CLOSE and socket.ws_protocol == V5 and content == bytes([STDIN]):
                await socket.send_bytes(bytes([STATUS]) + json.dumps(exit_status(7)).encode())
                await socket.close()
                return
        self.was_cut.set()

    async def _tunnel(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            await socket.send_bytes(message.data)
        self.was_cut.set()


def exit_status(code: int) -> dict[str, Any]:
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


@pytest.fixture
async def worker(stage: Stage) -> AsyncIterator[Worker]:
    peer = Worker()
    application = web.Application()
    application.router.add_get("/{path:.*}", peer.answer)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    serving = stage.authority.folder / "serving"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(serving.with_suffix(".crt"), serving.with_suffix(".key"))
    site = web.TCPSite(runner, HOST, 0, ssl_context=context)
    await site.start()
    stage.upstream = upstream_to(runner.addresses[0][1], stage.authority.pair.certificate)
    yield peer
    await runner.cleanup()


@asynccontextmanager
async def dialled(
    stage: Stage, path: str, *protocols: str, compress: int = 0
) -> AsyncIterator[ClientWebSocketResponse]:
    context = stage.client_tls(stage.certificate())
    async with (
        asyncio.timeout(30),
        ClientSession(connector=TCPConnector(ssl=context)) as session,
        session.ws_connect(
            f"https://{HOST}:{stage.port}{path}",
            protocols=protocols,
            compress=compress,
            max_msg_size=0,
            autoping=False,
        ) as socket,
    ):
        yield socket


async def heard(socket: ClientWebSocketResponse) -> tuple[int, bytes]:
    """The next message: its channel and its content."""
    data = await socket.receive_bytes()
    return data[0], data[1:]


@pytest.mark.parametrize("protocol", [V4, V5])
@pytest.mark.parametrize("compress", [0, 15], ids=["plain", "deflated"])
@pytest.mark.usefixtures("worker")
async def test_a_command_hears_and_is_heard(stage: Stage, protocol: str, compress: int) -> None:
    async with dialled(stage, EXEC, protocol, compress=compress) as socket:
        assert (socket.protocol, bool(socket.compress)) == (protocol, bool(compress))
        await socket.send_bytes(bytes([STDIN]) + b"hello")
        assert await heard(socket) == (STDOUT, b"hello")


@pytest.mark.parametrize("protocol", [V4, V5])
@pytest.mark.usefixtures("worker")
async def test_a_terminal_s_size_arrives(stage: Stage, protocol: str) -> None:
    async with dialled(stage, EXEC + "&tty=1", protocol) as socket:
        await socket.send_bytes(bytes([RESIZE]) + b'{"Width":97,"Height":31}')
        assert await heard(socket) == (STDERR, b"97x31")


@pytest.mark.usefixtures("worker")
async def test_v5_closes_one_channel_and_hears_the_exit_code_on_another(stage: Stage) -> None:
    async with dialled(stage, EXEC, V5) as socket:
        await socket.send_bytes(bytes([STDIN]) + b"last words")
        await socket.send_bytes(bytes([CLOSE, STDIN]))
        assert await heard(socket) == (STDOUT, b"last words")
        channel, status = await heard(socket)
        assert (channel, json.loads(status)) == (STATUS, exit_status(7))
        assert (await socket.receive()).type is WSMsgType.CLOSE
    assert socket.close_code == 1000


async def test_v4_has_no_such_channel_and_the_command_goes_on(stage: Stage, worker: Worker) -> None:
    async with dialled(stage, EXEC, V4) as socket:
        await socket.send_bytes(bytes([CLOSE, STDIN]))
        await socket.send_bytes(bytes([STDIN]) + b"still here")
        assert await heard(socket) == (STDOUT, b"still here")
    await asyncio.wait_for(worker.was_cut.wait(), 5)


async def test_the_worker_is_asked_in_its_own_words_and_offered_the_same_protocols_in_order(
    stage: Stage, worker: Worker
) -> None:
    async with dialled(stage, EXEC, V5, V4, "v3.channel.k8s.io"):
        pass
    assert worker.offered == [f"{V5}, {V4}, v3.channel.k8s.io"]
    query = "container=main&stdin=true&stdout=true&stderr=true&command=cat"
    assert worker.asked == [f"GET /api/v1/namespaces/mount/pods/web-0123/exec?{query}"]


async def test_a_tunnel_of_forwarded_ports_passes_untouched(stage: Stage, worker: Worker) -> None:
    sent = [os.urandom(size) for size in (1, 125, 126, 65535, 65536, 5 * MIB)]
    came = []
    async with dialled(stage, FORWARD, TUNNEL) as socket:
        assert socket.protocol == TUNNEL
        for each in sent:
            await socket.send_bytes(each)
            came.append(await socket.receive_bytes())
    assert [hashlib.sha256(each).digest() for each in came] == [hashlib.sha256(each).digest() for each in sent]
    assert worker.offered == [TUNNEL]
    assert worker.asked == ["GET /api/v1/namespaces/mount/pods/web-0123/portforward?ports=80"]


@pytest.mark.usefixtures("worker")
async def test_pings_and_pongs_pass_both_ways(stage: Stage) -> None:
    async with dialled(stage, EXEC, V5) as socket:
        await socket.ping(b"are you there")
        answer = await socket.receive()
        assert (answer.type, answer.data) == (WSMsgType.PONG, b"are you there")


@pytest.mark.parametrize("path", [EXEC, FORWARD])
async def test_a_client_that_vanishes_ends_the_worker_s_side(stage: Stage, worker: Worker, path: str) -> None:
    async with dialled(stage, path, TUNNEL if path == FORWARD else V5) as socket:
        await socket.send_bytes(bytes([STDIN]) + b"x")
        await socket.receive_bytes()
        connection = socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.abort()  # as if the machine had gone
        await asyncio.wait_for(worker.was_cut.wait(), 5)


async def test_an_old_worker_s_refusal_is_told_so_that_the_client_falls_back(stage: Stage) -> None:
    stage.play = refuse
    with pytest.raises(WSServerHandshakeError) as error:
        async with dialled(stage, EXEC, V5):
            pass
    assert error.value.status == 403
    assert error.value.headers is not None
    assert error.value.headers["connection"] == "close"


async def test_a_worker_that_is_away_is_told_before_any_switch(stage: Stage) -> None:
    stage.refusal = UpstreamError(502, 'worker "w1" cannot be reached')
    with pytest.raises(WSServerHandshakeError) as error:
        async with dialled(stage, EXEC, V5):
            pass
    assert error.value.status == 502


async def refuse(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
