"""A worker that judges what reaches it, and answers well, badly or not at all; the same to the same question."""

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Final

from tests.fuzz.judgement import asks_to_switch, wrong_with_question

_SWITCH: Final = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"
_STATUS: Final = json.dumps({"kind": "Status", "message": 'pod "web-0123" in mount is not ready'}).encode()
_GOOD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlines",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlines\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
    b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X\r\nX: 1\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(_STATUS), _STATUS),
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 400 Bad Request\r\nX-Accepted-Stream-Protocol-Versions: v4\r\nContent-Length: 3\r\n\r\n\xff\xfe\x00",
    b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + b"x" * 65535 + b"\r\n0\r\n\r\n",
)
_BAD: Final = (
    b"",
    b"HTTP/1.1 200 O",
    b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nbroken off",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nbroken off",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
    b"HTTP/1.1 999 Unheard Of\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\n" + b"x" * 70_000,
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"\r\n\r\n\r\n\r\n",
)
_LINGER_SECONDS: Final = 0.2  # without a word, then the worker closes


class Worker:
    """Plays the worker on a stage; `tell` hears what must not have been."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.questions = 0
        self.switches = 0
        self._tell = tell

    async def play(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.questions += 1
        random = Random(head)
        await asyncio.sleep(random.choice((0, 0, 0.005)))  # whatever the client glued to its request would be here now
        if wrong := wrong_with_question(head, await _waiting(reader)):
            self._tell(f"the worker got {wrong}: {head[:500]!r}")
        if asks_to_switch(head) and random.random() < 0.7:
            await self._stream(random, head, reader, writer)
            return
        writer.write(random.choice(_GOOD if random.random() < 0.6 else _BAD))
        if random.random() < 0.5:
            return  # closes
        if await _waiting(reader, _LINGER_SECONDS):
            self._tell(f"the worker got bytes behind its answer: {head[:500]!r}")

    async def _stream(
        self, random: Random, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.switches += 1
        protocol = b"websocket" if b"websocket" in head.lower() else b"SPDY/3.1"
        writer.write(_SWITCH % protocol + random.randbytes(random.choice((0, 10, 100_000))))
        left = random.choice((0, 1, 1000, 10**9))
        while left > 0 and (chunk := await reader.read(65536)):
            writer.write(chunk)
            await writer.drain()
            left -= len(chunk)


async def _waiting(reader: asyncio.StreamReader, seconds: float = 0) -> bytes:
    """What comes within that time."""
    try:
        async with asyncio.timeout(seconds):
            return await reader.read(1000)
    except TimeoutError:
        return b""
