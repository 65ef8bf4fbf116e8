"""When one side is slow, silent or gone: nobody waits for ever, nothing is kept for those who have left, and memory stays bounded."""

import asyncio
import contextlib
import gc
import hashlib
import os
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from proxier import chunked, conversation, upstream
from proxier.chunked import send_chunks
from proxier.conversation import IDLE_SECONDS
from proxier.streams import Leg
from proxier.tls import Link, Room
from proxier.upstream import CONNECT_SECONDS
from tests.unit.proxier.stage import EXEC, HOST, LOGS, OK, SWITCH, UPGRADE, Stage, get, staged, status_of, upstream_to

MIB = 1024 * 1024
FOLLOW = LOGS + "?follow=true"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


async def test_a_worker_that_takes_no_connection_is_told_in_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CONNECT_SECONDS < 5
    monkeypatch.setattr(upstream, "CONNECT_SECONDS", 0.3)
    with socket.create_server((HOST, 0)) as silent:  # the system accepts, and nobody ever speaks TLS
        stage.upstream = upstream_to(silent.getsockname()[1], stage.authority.pair.certificate)
        started = time.monotonic()
        answer = await stage.ask(get(LOGS))
    assert time.monotonic() - started < 5
    assert status_of(answer) == 502
    assert b'worker \\"w1\\" cannot be reached: no connection within 0.3 s' in answer


async def test_a_worker_that_does_not_answer_is_told_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "ANSWER_SECONDS", 0.3)
    stage.play = say_nothing
    answer = await stage.ask(get(LOGS))
    assert status_of(answer) == 504
    assert b'worker \\"w1\\" did not answer within 0.3 s' in answer
    await asyncio.wait_for(stage.worker_ended.wait(), 5)


async def test_a_follower_waits_as_long_as_its_container_is_silent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "ANSWER_SECONDS", 0.1)

    async def speak_late(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)  # longer than any other answer may take
        writer.write(OK)

    stage.play = speak_late
    assert (await stage.ask(get(FOLLOW))).endswith(b"lines")


@pytest.mark.parametrize("path", [FOLLOW, EXEC])
async def test_a_client_that_leaves_before_the_answer_ends_the_question(stage: Stage, path: str) -> None:
    stage.play = say_nothing
    async with stage.connected() as (_, writer):
        writer.write(get(path, UPGRADE if path == EXEC else ""))
        await until(lambda: bool(stage.heads))
    await asyncio.wait_for(stage.worker_ended.wait(), 5)
    endpoint = path[1:].partition("/")[0]
    await until(lambda: stage.counted("requests_total", endpoint=endpoint, code="499") == 1)
    assert stage.counted("first_byte_seconds_count", endpoint=endpoint) == 0


async def test_a_stream_on_which_nothing_moves_is_cut(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert IDLE_SECONDS == 4 * 3600
    monkeypatch.setattr(conversation, "IDLE_SECONDS", 0.3)
    stage.play = say_what_is_said
    async with stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
    await asyncio.wait_for(stage.worker_ended.wait(), 5)


async def test_a_stream_on_which_something_moves_is_not(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "IDLE_SECONDS", 1.5)
    stage.play = say_what_is_said
    async with stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))
        await reader.readuntil(b"\r\n\r\n")
        give_up_at = time.monotonic() + 3.5
        while time.monotonic() < give_up_at:
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            await asyncio.sleep(0.1)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the system does not tell about its connections")
async def test_silent_connections_of_both_sides_are_probed(stage: Stage) -> None:
    stage.play = say_what_is_said
    async with stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))
        await reader.readuntil(b"\r\n\r\n")
        assert stage.upstream is not None
        worker = stage.upstream._port
        await until(lambda: is_probed(local=stage.port) and is_probed(remote=worker))


async def test_a_client_that_vanishes_is_seen_even_while_the_worker_takes_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "LOOK_SECONDS", 0.1)
    held: list[Leg] = []
    hold, is_over = Leg.hold, asyncio.Event()

    def hold_and_tell(leg: Leg) -> None:
        held.append(leg)
        hold(leg)

    async def take_nothing(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH)
        await is_over.wait()

    stage.play = take_nothing
    async with stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))
        await reader.readuntil(b"\r\n\r\n")
        monkeypatch.setattr(Leg, "hold", hold_and_tell)
        for _ in range(1000):
            if held:
                break
            writer.write(bytes(64 * 1024))
            await asyncio.wait_for(writer.drain(), 5)
            await asyncio.sleep(0.005)
        assert held
    await until(lambda: not stage.counted("connections"))
    is_over.set()


async def test_a_leg_that_is_not_read_closes_after_the_other_end_has(stage: Stage) -> None:
    leg = Leg()
    async with await asyncio.get_running_loop().create_server(lambda: linked(leg, stage), HOST, 0) as server:
        address = server.sockets[0].getsockname()
        _, writer = await asyncio.open_connection(*address, ssl=stage.client_tls())
        await until(lambda: leg._link is not None and leg._link.ready.done())
        assert not leg.is_left
        leg.hold()
        writer.transport.abort()
        await until(lambda: leg.is_left)
        for _ in range(10):  # the loop hears of it too
            await asyncio.sleep(0)
        leg.finish()
        await asyncio.wait_for(leg.ended, 5)


async def test_who_takes_nothing_of_a_long_answer_is_cut_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked, "PATIENCE_SECONDS", 0.3)
    leg = Leg()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(64 * 1024)
            await asyncio.sleep(0)

    async with await asyncio.get_running_loop().create_server(lambda: linked(leg, stage), HOST, 0) as server:
        address = server.sockets[0].getsockname()
        _, writer = await asyncio.open_connection(*address, ssl=stage.client_tls(), limit=1024)
        await until(lambda: leg._link is not None and leg._link.ready.done())
        sent = await asyncio.wait_for(send_chunks(leg, b"", endless()), 10)
        assert sent > 0
        await asyncio.wait_for(leg.ended, 5)
        writer.transport.abort()


async def test_who_takes_nothing_of_the_end_is_not_waited_for_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "LINGER_SECONDS", 0.5)

    async def play(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH + bytes(900 * 1024))

    stage.play = play
    context = stage.client_tls(stage.certificate())
    _, writer = await asyncio.open_connection(HOST, stage.port, ssl=context, limit=1024)  # more stays unread
    writer.write(get(EXEC, UPGRADE))
    await until(lambda: stage.counted("connections") == 1)
    await until(lambda: not stage.counted("connections"))
    writer.transport.abort()


async def test_a_slow_reader_costs_a_few_mebibytes_and_gets_every_byte(stage: Stage) -> None:
    whole = 200 * MIB
    block = os.urandom(64 * 1024)
    sent = 0

    async def play(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(SWITCH)
        while sent < whole:
            writer.write(block)
            sent += len(block)
            await writer.drain()

    stage.play = play
    context = stage.client_tls(stage.certificate())
    gc.collect()
    before = resident()
    reader, writer = await asyncio.open_connection(HOST, stage.port, ssl=context, limit=64 * 1024)
    writer.write(get(EXEC, UPGRADE))
    async with asyncio.timeout(60):
        await reader.readuntil(b"\r\n\r\n")
        await until_still(lambda: sent)
        assert sent < whole / 4  # most of it is in the buffers of the system
        assert resident() - before < 8 * MIB  # the client's and the worker's own buffers are among it
        came, digest = 0, hashlib.sha256()
        while chunk := await reader.read(64 * 1024):
            came += len(chunk)
            digest.update(chunk)
    writer.transport.abort()
    expected = hashlib.sha256()
    for _ in range(whole // len(block)):
        expected.update(block)
    assert (came, digest.digest()) == (whole, expected.digest())
    assert resident() - before < 8 * MIB


async def say_nothing(_head: bytes, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def say_what_is_said(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(SWITCH)
    while chunk := await reader.read(1024):
        writer.write(chunk)


def resident() -> int:
    """Bytes of this process in memory: the proxier's, and those of both its peers."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def is_probed(*, local: int | None = None, remote: int | None = None) -> bool:
    """Whether the system's timer of a connection is that of keep-alive."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, near, far, state, _, timer, *_ = line.split()
        ports = [int(end.partition(":")[2], 16) for end in (near, far)]
        is_meant = ports[0] == local if local is not None else ports[1] == remote
        if is_meant and state == "01" and re.match("02:", timer):
            return True
    return False


def linked(leg: Leg, stage: Stage) -> Link:
    """A connection of the serving side that is this leg."""
    assert stage.tls.context is not None
    link = Link(leg, Room(), stage.tls.context)
    leg.tie(link)
    return link


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.02)


async def until_still(measure: Callable[[], int]) -> None:
    """Return when it has not changed for a while."""
    before = -1
    while measure() != before:
        before = measure()
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("is_told", [True, False], ids=["whole", "broken off"])
async def test_a_body_that_lasts_until_the_end_looks_whole_only_if_it_is(stage: Stage, *, is_told: bool) -> None:
    async def say(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nlines")
        await writer.drain()
        if not is_told:
            writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

    stage.play = say
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = stage.client_tls(stage.certificate())
    client = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    reader, writer = await asyncio.open_connection(HOST, stage.port)
    body = bytearray()

    async def attempt(step: Callable[[], object]) -> object:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                if not (came := await reader.read(65536)):
                    raise EOFError from None
                incoming.write(came)

    async with asyncio.timeout(10):
        await attempt(client.do_handshake)
        client.write(get(LOGS))
        with pytest.raises(EOFError) if not is_told else contextlib.nullcontext():
            while piece := await attempt(lambda: client.read(65536)):
                assert isinstance(piece, bytes)
                body += piece
    assert body.endswith(b"\r\n\r\nlines")
    writer.transport.abort()
