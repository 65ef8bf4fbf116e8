"""A worker of the tests' making: one pod, and streams that carry what their command line says.

A real worker spends several times the proxier's CPU on the same bytes and sets the pace; this one sends and takes as fast as it is let, so that what is
seen is the proxier. To clients of a plain TLS proxy it answers just the same.

    exec?command=down&command=SEED&command=BYTES&command=RATE   sends noise
    exec?command=up&command=BYTES&command=RATE                  takes bytes, answers their SHA-256
    exec?command=echo                                           says everything back
    log?follow=true&tailLines=COUNT                             COUNT lines, one at a time

A RATE is in bytes per second, 0 is none.
"""

import hashlib
import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from oceanctl.sandbox.components import LOOPBACK
from oceanctl.sandbox.pki import KeyPair

BLOCK: Final = 1024 * 1024
PACED_BLOCK: Final = 16 * 1024
LINE: Final = b"2026-01-02T03:04:05.678901234Z " + b"a line as programs write them " * 2 + b"123456789\n"
LINE_PAUSE_SECONDS: Final = 0.0005  # so that no two lines come together
SLOW_BUFFER: Final = 64 * 1024  # of a socket whose owner reads slowly: the kernel must not do the proxier's work
END: Final = b"\r\n\r\n"
SWITCH: Final = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
_CHUNKED: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"

Play = Callable[..., None]


class Worker:
    """Serves from its construction on until `close`, a thread per connection."""

    def __init__(self, serving: KeyPair) -> None:
        self.opened: list[str] = []  # what streams were asked to do, so far
        self.pods: Sequence[Mapping[str, Any]] = ()  # what its one namespace holds
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(serving.certificate, serving.key)
        self._listening = socket.create_server((LOOPBACK, 0), backlog=512)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, name="stand-in", daemon=True).start()

    def close(self) -> None:
        """Accept nothing more; connections end with their clients."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._attend, args=(connection,), name="stand-in client", daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                with self._tls.wrap_socket(connection, server_side=True) as stream:
                    self._answer(head_of(stream)[0], stream)  # clients wait to be answered
                    stream.unwrap()
            except OSError:
                pass  # a client that leaves is nothing special here

    def _answer(self, head: bytes, stream: ssl.SSLSocket) -> None:
        parts = urlsplit(head.split(b" ", 2)[1].decode())
        query = parse_qs(parts.query)
        if command := query.get("command"):
            play, *arguments = command
            self.opened.append(play)
            stream.sendall(SWITCH)
            PLAYS[play](stream, *map(int, arguments))
        elif "tailLines" in query:
            _send_lines(stream, int(query["tailLines"][0]))
        elif "watch" in query:
            stream.sendall(_CHUNKED)
            stream.recv(1)  # nothing ever happens; the client leaves some day
        else:
            stream.sendall(_listed(self.pods))


def head_of(stream: ssl.SSLSocket) -> tuple[bytes, bytes]:
    """What comes up to the end of a head, and what came with it from behind that."""
    came = b""
    while END not in came:
        if not (chunk := stream.recv(4096)):
            raise ConnectionResetError("the connection ended within a head")
        came += chunk
    head, _, glued = came.partition(END)
    return head + END, glued


def noise(seed: int, count: int) -> Iterator[bytes]:
    """`count` bytes that tell their place: blocks of a seed's own, each marked by its number."""
    block = random.Random(seed).randbytes(BLOCK)
    for number, start in enumerate(range(0, count, BLOCK)):
        yield (number.to_bytes(8) + block[8:])[: count - start]


def paced(blocks: Iterator[bytes], rate: int) -> Iterator[bytes]:
    """The same bytes at a rate, in small pieces; the rate 0 changes nothing."""
    if not rate:
        yield from blocks
        return
    begun, given = time.monotonic(), 0
    for block in blocks:
        for start in range(0, len(block), PACED_BLOCK):
            piece = block[start : start + PACED_BLOCK]
            time.sleep(max(0.0, begun + given / rate - time.monotonic()))
            yield piece
            given += len(piece)


def _send(stream: ssl.SSLSocket, seed: int, count: int, rate: int) -> None:
    for block in paced(noise(seed, count), rate):
        stream.sendall(block)


def _take(stream: ssl.SSLSocket, count: int, rate: int) -> None:
    if rate:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER)
    digest = hashlib.sha256()
    for block in paced(_received(stream, count, PACED_BLOCK if rate else BLOCK), rate):
        digest.update(block)
    stream.sendall(digest.digest())


def _received(stream: ssl.SSLSocket, count: int, most: int) -> Iterator[bytes]:
    while count:
        if not (came := stream.recv(min(most, count))):
            raise ConnectionResetError("the stream ended early")
        count -= len(came)
        yield came


def _say_back(stream: ssl.SSLSocket) -> None:
    while came := stream.recv(BLOCK):
        stream.sendall(came)


PLAYS: Final[Mapping[str, Play]] = {"down": _send, "up": _take, "echo": _say_back}


def _send_lines(stream: ssl.SSLSocket, count: int) -> None:
    stream.sendall(_CHUNKED)
    chunk = b"%x\r\n%s\r\n" % (len(LINE), LINE)
    for _ in range(count):
        time.sleep(LINE_PAUSE_SECONDS)
        stream.sendall(chunk)
    stream.sendall(b"0\r\n\r\n")


def _listed(pods: Sequence[Mapping[str, Any]]) -> bytes:
    content = {"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": pods}
    body = json.dumps(content).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


@contextmanager
def standing_in(serving: KeyPair) -> Iterator[Worker]:
    """A worker for as long as the context lasts."""
    worker = Worker(serving)
    try:
        yield worker
    finally:
        worker.close()
