"""A client that does what an attempt says, over a real socket."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from random import Random
from typing import Final

from tests.fuzz.attempts import Attempt, Manner, Who
from tests.unit.proxier.stage import HOST

PATIENCE_SECONDS: Final = 30.0
_MOST_TAKEN: Final = 1024 * 1024  # of a stream, then the client leaves
_PAUSE_SECONDS: Final = 0.002

Contexts = Mapping[Who, ssl.SSLContext | None]


class HangingError(Exception):
    """The connection did not come to its end."""


async def tried(attempt: Attempt, port: int, contexts: Contexts) -> bytes | None:
    """All that came back; None where the client did not stay to hear it."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _talk(attempt, port, contexts[attempt.who])
    except OSError:  # TimeoutError is one
        raise HangingError from None
    except ConnectionError:
        return None


async def _talk(attempt: Attempt, port: int, context: ssl.SSLContext | None) -> bytes | None:
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context, limit=_MOST_TAKEN)
    random = Random(attempt.sent)
    try:
        left_at = random.randrange(len(attempt.pieces) + 1) if attempt.manner is Manner.ABRUPT else None
        sending = asyncio.create_task(_send(attempt, writer, left_at))
        try:
            if attempt.manner is Manner.PATIENT:
                return await _heard(reader, writer)
            await asyncio.wait((sending,), timeout=1)
            return None
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    finally:
        writer.transport.abort()


async def _send(attempt: Attempt, writer: asyncio.StreamWriter, left_at: int | None) -> None:
    with contextlib.suppress(OSError):
        for piece in attempt.pieces[:left_at]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(_PAUSE_SECONDS)


async def _heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Everything to the end; a stream is left after a while, for nothing would end it."""
    came = bytearray()
    with contextlib.suppress(OSError):
        while len(came) < _MOST_TAKEN and (chunk := await _chunk(reader, is_stream=came.startswith(b"HTTP/1.1 101"))):
            came += chunk
    writer.transport.abort()
    return bytes(came)


async def _chunk(reader: asyncio.StreamReader, *, is_stream: bool) -> bytes:
    if not is_stream:
        return await reader.read(65536)
    try:
        async with asyncio.timeout(0.05):
            return await reader.read(65536)
    except TimeoutError:
        return b""
