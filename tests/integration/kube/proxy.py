"""A proxy before a real API server that breaks connections on purpose.

Without certificates it sees TLS records and cuts within them; with them it sees the HTTP inside and can cut a watch in the middle of a line.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto


class Then(Enum):
    """What happens after the last byte that goes through."""

    CUT = auto()  # both sides are closed at once
    STALL = auto()  # the connection stays open, and nothing comes any more


@dataclass(frozen=True)
class Fault:
    """Strikes once, on bytes from the server that contain `marker`; of these, everything up to the middle of it goes through."""

    then: Then
    marker: bytes = b""

    def passes(self, chunk: bytes) -> int | None:
        """How many bytes go through before the fault; None when it does not strike yet."""
        if not self.marker:
            return len(chunk) // 2
        found = chunk.find(self.marker)
        return None if found < 0 else found + len(self.marker) // 2


@dataclass(frozen=True)
class Upstream:
    """Where the API server is; with both contexts the proxy ends the client's TLS and begins its own."""

    port: int
    towards_client: ssl.SSLContext | None = None
    towards_server: ssl.SSLContext | None = None


class Proxy:
    """One listening port; `fault` is for the next bytes that come from the server, whichever connection they are on."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.fault: Fault | None = None
        self.struck = asyncio.Event()
        self.is_closed = False
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._over = asyncio.Event()

    def will(self, fault: Fault) -> None:
        self.fault = fault
        self.struck.clear()

    def close(self) -> None:
        """Cut every connection, and new ones as they come, until `open`."""
        self.is_closed = True
        for writer in self._writers:
            writer.transport.abort()

    def open(self) -> None:
        self.is_closed = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_closed:
            writer.transport.abort()
            return
        up = self.upstream
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", up.port, ssl=up.towards_server)
        both = {writer, server_writer}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as pumps:
                up_pump = pumps.create_task(self._pump(reader, server_writer))
                await self._pump_with_faults(server_reader, writer)
                up_pump.cancel()
        finally:
            self._writers -= both
            for each in both:
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(1 << 16):
                writer.write(chunk)
                await writer.drain()

    async def _pump_with_faults(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(1 << 16):
                fault, passes = self.fault, self.fault.passes(chunk) if self.fault else None
                writer.write(chunk[:passes])
                await writer.drain()
                if fault is not None and passes is not None:
                    self.fault = None
                    self.struck.set()
                    await self._strike(fault, writer)
                    return

    async def _strike(self, fault: Fault, writer: asyncio.StreamWriter) -> None:
        if fault.then is Then.STALL:
            await self._over.wait()
        writer.close()  # what was written still arrives
        await writer.wait_closed()


@asynccontextmanager
async def proxy_to(upstream: Upstream) -> AsyncIterator[Proxy]:
    proxy = Proxy(upstream)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=upstream.towards_client)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy._over.set()
        proxy.close()
        await server.wait_closed()
