"""An answer whose length nobody knows yet, in chunks: one that is cut off can be told from one that is whole."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from proxier.heads import Headers
from proxier.streams import Leg

PATIENCE_SECONDS: Final = 60.0  # for a reader that takes nothing; what is read from the worker waits as long
_LAST: Final = b"0\r\n\r\n"


def chunked_headers(media_type: str) -> Headers:
    """The headers of such an answer."""
    return (
        (b"content-type", media_type.encode()),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
    )


async def send_chunks(leg: Leg, first: bytes, rest: AsyncIterator[bytes]) -> int:
    """Send a body, as fast as the other end takes it; the bytes of it that were sent. Whoever takes nothing for a minute is cut off."""
    sent = _send(leg, first)
    async for chunk in rest:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await leg.room()
        except TimeoutError:
            leg.abort()
        if leg.is_over:
            return sent
        sent += _send(leg, chunk)
    leg.write(_LAST)
    return sent


def _send(leg: Leg, chunk: bytes) -> int:
    if chunk:  # an empty one would be the last
        leg.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    return len(chunk)
