"""Bytes between two sockets: all of them, in bounded memory, and an end on one side is an end on the other."""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from oceanctl.sandbox.pki import Authority, Identity, Usage
from proxier.certs import CertificateError, ServingTls
from proxier.serving.source import Files
from tests.unit.proxier.stage import (
    EXEC,
    HOST,
    LOGS,
    OK,
    SWITCH,
    UPGRADE,
    VNODE,
    Stage,
    get,
    say_back,
    staged,
    status_of,
    upstream_to,
)

MIB = 1024 * 1024


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


async def test_every_byte_comes_through_both_ways(stage: Stage) -> None:
    stage.play = say_back
    sent = os.urandom(20 * MIB)
    came = hashlib.sha256()
    async with asyncio.timeout(30), stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        sending = asyncio.create_task(send(writer, sent))
        count = 0
        while count < len(sent):
            chunk = await reader.read(MIB)
            assert chunk
            count += len(chunk)
            came.update(chunk)
        await sending
    assert came.digest() == hashlib.sha256(sent).digest()


async def test_a_websocket_is_carried_too(stage: Stage) -> None:
    async def play(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        writer.write(switch + b"Sec-WebSocket-Accept: a\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n")
        writer.write(await reader.readexactly(6))

    stage.play = play
    asked = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n"
    answer = await stage.ask(get(EXEC, asked, "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n") + b"\x81\x80mask")
    assert b"sec-websocket-protocol: v5.channel.k8s.io\r\n" in answer
    assert b"sec-websocket-accept: a\r\n" in answer
    assert answer.endswith(b"\r\n\r\n\x81\x80mask")
    assert b"sec-websocket-key: k\r\nsec-websocket-version: 13\r\n" in stage.heads[0].lower()


async def test_two_hundred_streams_at_once_keep_every_byte_apart(stage: Stage) -> None:
    stage.play = say_back

    async def talk() -> bool:
        sent = os.urandom(MIB // 4)
        async with stage.connected() as (reader, writer):
            writer.write(get(EXEC, UPGRADE))
            await reader.readuntil(b"\r\n\r\n")
            sending = asyncio.create_task(send(writer, sent))
            came = await reader.readexactly(len(sent))
            await sending
        return came == sent

    async with asyncio.timeout(60):
        assert all(await asyncio.gather(*(talk() for _ in range(200))))


async def test_bytes_glued_to_either_head_are_the_stream_s_first(stage: Stage) -> None:
    async def play(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH + b"early")
        writer.write(await reader.readexactly(5))

    stage.play = play
    answer = await stage.ask(get(EXEC, UPGRADE) + b"first")
    assert answer.endswith(b"\r\n\r\nearlyfirst")


async def test_the_worker_s_last_words_arrive_before_the_end(stage: Stage) -> None:
    last = os.urandom(3 * MIB)

    async def play(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH + last)

    stage.play = play
    assert (await stage.ask(get(EXEC, UPGRADE))).endswith(last)


async def test_a_slow_reader_costs_bounded_memory_and_loses_nothing(stage: Stage) -> None:
    whole = 60 * MIB
    sent = 0

    async def play(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(SWITCH)
        while sent < whole:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    stage.play = play
    async with asyncio.timeout(30), stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))  # nobody reads: a StreamReader takes 2 MiB, then it stops the transport
        before = -1
        while sent != before or not sent:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 30 * MIB  # sockets' own buffers are most of it: four of up to 6 MiB
        answer = await reader.read()
    assert len(answer.partition(b"\r\n\r\n")[2]) == whole


@pytest.mark.parametrize("path", [LOGS + "?follow=true", EXEC], ids=["a follower", "a command"])
async def test_a_client_that_vanishes_ends_the_worker_s_side(stage: Stage, path: str) -> None:
    async def play(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SWITCH if path == EXEC else b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await reader.read()

    stage.play = play
    async with stage.connected() as (reader, writer):
        writer.write(get(path, UPGRADE if path == EXEC else ""))
        await reader.readuntil(b"\r\n\r\n")
    await asyncio.wait_for(stage.worker_ended.wait(), 5)


async def test_a_follower_that_speaks_out_of_turn_is_cut_off(stage: Stage) -> None:
    async def play(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await reader.read()

    stage.play = play
    async with stage.connected() as (reader, writer):
        writer.write(get(LOGS))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(get(LOGS))
        assert await rest_of(reader) == b""
    await asyncio.wait_for(stage.worker_ended.wait(), 5)
    assert len(stage.heads) == 1


async def test_a_worker_that_is_away_is_named_within_five_seconds(stage: Stage) -> None:
    stage.upstream = upstream_to(9, stage.authority.pair.certificate)  # nobody listens on the discard port
    started = time.monotonic()
    answer = await stage.ask(get(EXEC, UPGRADE))
    assert time.monotonic() - started < 5
    status = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 502, "BadGateway")
    assert 'worker "w1" cannot be reached' in status["message"]


async def test_a_worker_that_breaks_off_is_a_bad_gateway(stage: Stage) -> None:
    async def play(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 O")

    stage.play = play
    assert status_of(await stage.ask(get(LOGS))) == 502


@pytest.mark.parametrize("status", [302, 999])
@pytest.mark.parametrize("path", [LOGS, EXEC])
async def test_an_answer_that_is_neither_success_nor_refusal_is_not_passed_on(
    stage: Stage, status: int, path: str
) -> None:
    async def play(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 %d X\r\nLocation: https://elsewhere\r\nContent-Length: 0\r\n\r\n" % status)

    stage.play = play
    answer = await stage.ask(get(path, UPGRADE if path == EXEC else ""))
    assert status_of(answer) == 502
    assert b"elsewhere" not in answer


async def test_a_head_is_answered_without_a_body(stage: Stage) -> None:
    answer = await stage.ask(get(LOGS).replace(b"GET", b"HEAD", 1))
    assert status_of(answer) == 405
    assert answer.endswith(b"\r\n\r\n")


async def test_a_refusal_is_told_in_the_client_s_words(stage: Stage) -> None:
    async def play(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = json.dumps({"kind": "Status", "message": 'container c of pod "web-0123" in mount is waiting'}).encode()
        head = b"HTTP/1.1 400 Bad Request\r\nX-Accepted-Stream-Protocol-Versions: v4\r\n"
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    stage.play = play
    answer = await stage.ask(get(EXEC, UPGRADE))
    assert answer.endswith(b'container c of pod "web" in app is waiting\n')
    assert b"connection: close\r\n" in answer
    assert b"x-accepted-stream-protocol-versions: v4\r\n" in answer


async def test_draining_lets_streams_end_and_takes_no_new_ones(stage: Stage) -> None:
    stage.play = say_back
    async with stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))
        await reader.readuntil(b"\r\n\r\n")
        draining = asyncio.create_task(stage.server.drain(30))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            while stage.server.ports:
                await asyncio.sleep(0.01)
        with pytest.raises(ConnectionRefusedError):
            await stage.ask(get(LOGS))
        writer.write(b"still here")
        assert await reader.readexactly(10) == b"still here"
    await asyncio.wait_for(draining, 5)


async def test_what_has_not_ended_by_then_is_cut(stage: Stage) -> None:
    stage.play = say_back
    async with stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(stage.server.drain(0.1), 5)
        assert await rest_of(reader) == b""
    await asyncio.wait_for(stage.worker_ended.wait(), 5)


async def test_a_new_certificate_is_used_without_dropping_anybody(stage: Stage, tmp_path: Path) -> None:
    stage.play = say_back
    async with stage.connected() as (reader, writer):
        writer.write(get(EXEC, UPGRADE))
        await reader.readuntil(b"\r\n\r\n")
        first = writer.get_extra_info("peercert")["serialNumber"]
        fresh = stage.authority.issue("fresh", Identity("fresh", hosts=(HOST,), usage=Usage.SERVER))
        (tmp_path / "pki" / "serving.crt").write_bytes(fresh.certificate.read_bytes())
        (tmp_path / "pki" / "serving.key").write_bytes(fresh.key.read_bytes())
        assert stage.tls.refresh()
        async with stage.connected() as (_, another):
            assert another.get_extra_info("peercert")["serialNumber"] != first
        writer.write(b"still here")
        assert await reader.readexactly(10) == b"still here"


async def test_a_new_authority_of_clients_is_believed(stage: Stage, tmp_path: Path) -> None:
    other = Authority(tmp_path / "new")
    context = stage.client_tls(other.issue("api", Identity("api", ("system:masters",))))
    stage.tls.trust(other.pair.certificate.read_text())
    assert stage.tls.refresh()
    assert (await stage.ask(get(LOGS), context)).endswith(OK[-5:])


def test_without_an_authority_nothing_is_served(tmp_path: Path) -> None:
    pair = Authority(tmp_path / "pki").issue("serving", Identity("serving", hosts=(HOST,), usage=Usage.SERVER))
    tls = ServingTls(Files(pair.certificate, pair.key), None)
    with pytest.raises(CertificateError, match="no authority"):
        tls.refresh()
    assert tls.context is None


def test_a_spoiled_certificate_leaves_the_last_one_in_force(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    pair = authority.issue("serving", Identity("serving", hosts=(HOST,), usage=Usage.SERVER))
    tls = ServingTls(Files(pair.certificate, pair.key), authority.pair.certificate)
    tls.refresh()
    pair.certificate.write_text("half a cert")
    with pytest.raises(CertificateError, match="no pair of certificate and key"):
        tls.refresh()
    assert tls.context is not None


async def test_ports_follow_the_vnodes(stage: Stage) -> None:
    await stage.server.serve({})
    assert stage.server.ports == {}
    await stage.server.serve({stage.port: VNODE})
    assert status_of(await stage.ask(get(LOGS))) == 200


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """What comes before the end, be it orderly or not."""
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return b""


async def send(writer: asyncio.StreamWriter, content: bytes) -> None:
    for start in range(0, len(content), 65536):
        writer.write(content[start : start + 65536])
        await writer.drain()
