"""TLS over a TCP connection: what asyncio's own TLS would do must not be missing."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from oceanctl.sandbox.pki import Authority, Identity, Usage
from proxier.streams import Leg
from proxier.tls import RECEIVE_BYTES, Link, Room

HOST = "127.0.0.1"


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server and of its client."""
    authority = Authority(tmp_path / "pki")
    pair = authority.issue("serving", Identity("serving", hosts=(HOST,), usage=Usage.SERVER))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.key)
    return server, ssl.create_default_context(cafile=authority.pair.certificate)


@asynccontextmanager
async def served(
    context: ssl.SSLContext, send_bytes: int | None = None
) -> AsyncIterator[tuple[int, "asyncio.Queue[tuple[Leg, Link]]"]]:
    """A port whose connections are legs; `send_bytes` is what their kernel keeps that is not sent."""
    legs: asyncio.Queue[tuple[Leg, Link]] = asyncio.Queue()

    def made() -> Link:
        leg = Leg()
        link = Link(leg, Room(), context)
        leg.tie(link)
        legs.put_nowait((leg, link))
        return link

    server = await asyncio.get_running_loop().create_server(made, HOST, 0)
    if send_bytes is not None:
        server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
    try:
        yield server.sockets[0].getsockname()[1], legs
    finally:
        server.close()


async def shaken(
    client: ssl.SSLObject,
    incoming: ssl.MemoryBIO,
    outgoing: ssl.MemoryBIO,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """The client's handshake, whose last words are yet to be sent."""
    while True:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            incoming.write(await reader.read(RECEIVE_BYTES))
        else:
            return


RECORD = 27  # bytes of a request for new keys, and of the answer


async def narrow(port: int) -> socket.socket:
    """A connection whose kernel keeps little that is not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    connection.settimeout(0)
    await asyncio.get_running_loop().sock_connect(connection, (HOST, port))
    return connection


class KeyUpdates:
    """Requests for new keys, as TLS 1.3 has them (RFC 8446, 4.6.3 and 7.2) and as no client of Python's sends them."""

    def __init__(self, log: Path) -> None:
        """From what a client with TLS_AES_256_GCM_SHA384 has logged of its keys; it says nothing else any more."""
        lines = (line.split() for line in log.read_text(encoding="ascii").splitlines())
        self._secret = next(bytes.fromhex(line[2]) for line in lines if line[0] == "CLIENT_TRAFFIC_SECRET_0")

    def record(self) -> bytes:
        message = b"\x18\x00\x00\x01\x01" + b"\x16"  # the peer shall change its keys, too
        head = b"\x17\x03\x03" + (len(message) + 16).to_bytes(2, "big")
        sealed = AESGCM(self._expanded(b"key", 32)).encrypt(self._expanded(b"iv", 12), message, head)
        self._secret = self._expanded(b"traffic upd", 48)
        return head + sealed

    def _expanded(self, label: bytes, size: int) -> bytes:
        name = b"tls13 " + label
        told = size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0"
        return HKDFExpand(hashes.SHA384(), size, told).derive(self._secret)


@pytest.mark.parametrize("is_read", [False, True], ids=["unread", "read"])
async def test_who_asks_for_new_keys_and_takes_none_is_cut_off(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], tmp_path: Path, *, is_read: bool
) -> None:
    contexts[1].keylog_filename = str(tmp_path / "keys")
    async with asyncio.timeout(20), served(contexts[0], send_bytes=1024) as (port, legs):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = contexts[1].wrap_bio(incoming, outgoing, server_hostname=HOST)
        reader, writer = await asyncio.open_connection(sock=await narrow(port), limit=1024)
        await shaken(client, incoming, outgoing, reader, writer)
        writer.write(outgoing.read())
        leg, link = await legs.get()
        await link.ready
        updates = KeyUpdates(tmp_path / "keys")
        for _ in range(60 if is_read else 400):  # 160 KiB of answers, or 1 MiB
            writer.write(b"".join(updates.record() for _ in range(100)))
            await asyncio.sleep(0)
            if is_read:
                await reader.readexactly(100 * RECORD)
        if is_read:
            assert not link.is_closing
            writer.transport.abort()
        await leg.ended
        writer.transport.abort()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_carry_large_and_small_pieces(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], version: ssl.TLSVersion
) -> None:
    contexts[1].maximum_version = contexts[1].minimum_version = version
    sent = os.urandom(3 * RECEIVE_BYTES + 1)
    async with asyncio.timeout(20), served(contexts[0]) as (port, legs):
        reader, writer = await asyncio.open_connection(HOST, port, ssl=contexts[1])
        leg, link = await legs.get()
        await link.ready
        leg.write(b"a")
        leg.write(sent)
        leg.finish()
        assert await reader.read() == b"a" + sent
        writer.close()
        await leg.ended


async def test_bytes_that_come_with_the_last_of_the_handshake_are_not_left_lying(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with asyncio.timeout(20), served(contexts[0]) as (port, legs):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = contexts[1].wrap_bio(incoming, outgoing, server_hostname=HOST)
        reader, writer = await asyncio.open_connection(HOST, port)
        await shaken(client, incoming, outgoing, reader, writer)
        client.write(b"hello")
        writer.write(outgoing.read())  # the end of the handshake and the first bytes, in one segment
        leg, _ = await legs.get()
        assert await leg.more() == b"hello"
        writer.transport.abort()
        await leg.ended


async def test_a_peer_that_only_ends_tcp_has_ended(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async with asyncio.timeout(20), served(contexts[0]) as (port, legs):
        _, writer = await asyncio.open_connection(HOST, port, ssl=contexts[1])
        leg, link = await legs.get()
        await link.ready
        writer.transport.abort()
        await leg.ended
        assert leg.is_over


async def test_no_tls_at_all_is_a_failed_handshake(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async with asyncio.timeout(20), served(contexts[0]) as (port, legs):
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        leg, link = await legs.get()
        with pytest.raises(ssl.SSLError):
            await link.ready
        await leg.ended
        writer.close()


async def test_an_end_within_the_handshake_is_told(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async with asyncio.timeout(20), served(contexts[0]) as (port, legs):
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write_eof()
        _, link = await legs.get()
        with pytest.raises(ConnectionResetError):
            await link.ready
        writer.close()


async def test_a_held_link_reads_nothing_and_a_rest_ends(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async with asyncio.timeout(20), served(contexts[0]) as (port, legs):
        _, writer = await asyncio.open_connection(HOST, port, ssl=contexts[1])
        leg, link = await legs.get()
        await link.ready
        link.hold()
        link.rest(0.05)
        writer.write(b"x")
        await asyncio.sleep(0.2)
        assert leg.received == 0
        link.rest(0.05)
        link.go_on()
        assert await leg.more() == b"x"
        writer.transport.abort()
        await leg.ended


async def test_what_comes_after_our_end_is_thrown_away(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async with asyncio.timeout(20), served(contexts[0]) as (port, legs):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = contexts[1].wrap_bio(incoming, outgoing, server_hostname=HOST)
        reader, writer = await asyncio.open_connection(HOST, port)
        await shaken(client, incoming, outgoing, reader, writer)
        writer.write(outgoing.read())
        leg, link = await legs.get()
        await link.ready
        leg.finish()
        assert await reader.read()  # close_notify, and TCP's end
        client.write(b"too late")
        writer.write(outgoing.read())
        writer.close()
        await leg.ended
        assert (leg.received, await leg.more()) == (0, b"")
