"""`/run`, against a worker that speaks the channels of WebSocket."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from oceanctl.sandbox.pki import Identity, Usage
from proxier import running
from tests.unit.proxier.stage import HOST, VNODE, Stage, staged, status_of, upstream_to

SUCCESS = {"status": "Success"}
FAILURE = {"status": "Failure", "message": "exit 3", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}
Messages = list[bytes]


@asynccontextmanager
async def staged_with(folder: Path, messages: Messages, seen: list[web.Request]) -> AsyncIterator[Stage]:
    async def play(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        if not messages:
            return web.Response(status=404)
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        for message in messages:
            await socket.send_bytes(message)
        await socket.close()
        return socket

    async with staged(folder) as stage:
        application = web.Application()
        application.router.add_get("/{path:.*}", play)
        runner = web.AppRunner(application)
        await runner.setup()
        pair = stage.authority.issue("serving", Identity("serving", hosts=(HOST,), usage=Usage.SERVER))
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pair.certificate, pair.key)
        await web.TCPSite(runner, HOST, 0, ssl_context=tls).start()
        stage.upstream = upstream_to(runner.addresses[0][1], stage.authority.pair.certificate)
        yield stage
        await runner.cleanup()


def post(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: {VNODE}\r\nContent-Length: 0\r\n\r\n".encode()


def on(channel: int, content: bytes | Mapping[str, object]) -> bytes:
    return bytes([channel]) + (content if isinstance(content, bytes) else json.dumps(content).encode())


async def test_the_output_is_the_answer(tmp_path: Path) -> None:
    seen: list[web.Request] = []
    messages = [on(1, b""), on(2, b""), on(1, b"one\n"), on(2, b"two\n"), on(1, b"\x00\xff"), on(3, SUCCESS)]
    async with staged_with(tmp_path, messages, seen) as stage:
        answer = await stage.ask(post("/run/app/web/main?cmd=cat%20/etc/motd"))
    assert status_of(answer) == 200
    assert answer.endswith(b"\r\n\r\none\ntwo\n\x00\xff")
    (request,) = seen
    assert request.path == "/api/v1/namespaces/mount/pods/web-0123/exec"
    assert request.query.getall("command") == ["cat", "/etc/motd"]
    assert "command=%2Fetc%2Fmotd" in request.raw_path, "the library sends what we have written"
    assert request.headers["Authorization"] == "Bearer worker-token"


@pytest.mark.parametrize(
    ("messages", "status", "said"),
    [
        ([on(2, b"no such file"), on(3, FAILURE)], 500, b"command 'cat x' exited with 3: no such file"),
        ([on(3, {"status": "Failure", "message": "cannot start"})], 500, b"cannot start"),
        ([on(1, b"half")], 502, b"did not tell how"),
        ([], 404, b"not running"),
    ],
    ids=["exit code", "not started", "broken off", "no container"],
)
async def test_a_failure_says_why(tmp_path: Path, messages: Messages, status: int, said: bytes) -> None:
    async with staged_with(tmp_path, messages, []) as stage:
        answer = await stage.ask(post("/run/app/web/main?cmd=cat%20x"))
    assert status_of(answer) == status
    assert said in answer


@pytest.mark.parametrize("channel", [1, 3], ids=["output", "status"])
async def test_a_worker_that_tells_no_end_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channel: int
) -> None:
    monkeypatch.setattr(running, "_MOST_BYTES", 1024 * 1024)
    messages = [*(on(channel, b" " * 512 * 1024) for _ in range(3)), on(3, SUCCESS)]
    async with staged_with(tmp_path, messages, []) as stage:
        answer = await stage.ask(post("/run/app/web/main?cmd=yes"))
    assert (status_of(answer), b"more than 1 MiB" in answer) == (500, True)


async def test_a_worker_that_is_away_is_named(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.upstream = upstream_to(1, stage.authority.pair.certificate)
        answer = await stage.ask(post("/run/app/web/main?cmd=id"))
    assert status_of(answer) == 502
    assert b"w1" in answer
