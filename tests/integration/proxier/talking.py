"""Many streams at once through proxiers, as API servers hold them: fast and slow on either side, every byte checked."""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.integration.proxier.standin import PACED_BLOCK, SLOW_BUFFER, noise
from tests.integration.proxier.station import CONTAINER, Station

KINDS: Final = ("slow reader", "fast reader", "slow worker", "echo")
SLOW_SIZE: Final = 8 * 1024 * 1024  # of what a slow reader is sent at once: more than anybody on the way keeps
RATE: Final = 128 * 1024  # bytes per second of one stream: with 200 there is time for everybody's checksums
END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Talk:
    """One stream of so many bytes over so many seconds."""

    kind: str
    seed: int
    seconds: float

    @property
    def size(self) -> int:
        """Bytes in one direction."""
        return max(SLOW_SIZE, int(RATE * self.seconds)) if self.kind == "slow reader" else int(RATE * self.seconds)

    async def hold(self, station: Station, replica: int, tls: ssl.SSLContext) -> bool:
        """Whether all that was sent came."""
        match self.kind:
            case "slow reader":
                return await self._read(station, replica, tls, f"down {self.seed} {self.size} 0", RATE)
            case "fast reader":
                return await self._read(station, replica, tls, f"down {self.seed} {self.size} {RATE}", 0)
            case "slow worker":
                return await self._write(station, replica, tls)
            case _:
                return await self._echo(station, replica, tls)

    async def _read(self, station: Station, replica: int, tls: ssl.SSLContext, command: str, rate: int) -> bool:
        async with opened(station, replica, tls, command) as (reader, _):
            return await self._digest_of(reader, rate) == self._expected

    async def _write(self, station: Station, replica: int, tls: ssl.SSLContext) -> bool:
        async with opened(station, replica, tls, f"up {self.size} {RATE}") as (reader, writer):
            for piece in self._pieces():
                writer.write(piece)
                await writer.drain()
            return await reader.readexactly(len(self._expected)) == self._expected

    async def _echo(self, station: Station, replica: int, tls: ssl.SSLContext) -> bool:
        async with opened(station, replica, tls, "echo") as (reader, writer), asyncio.TaskGroup() as tasks:
            coming = tasks.create_task(self._digest_of(reader, 0))
            pace = Pace(RATE)
            for piece in self._pieces():
                await pace.keep(len(piece))
                writer.write(piece)
                await writer.drain()
            return await coming == self._expected

    async def _digest_of(self, reader: asyncio.StreamReader, rate: int) -> bytes:
        digest, left, pace = hashlib.sha256(), self.size, Pace(rate)
        while left:
            came = await reader.readexactly(min(PACED_BLOCK, left))
            if pace.seconds < self.seconds:  # then it hurries: what is left must come too
                await pace.keep(len(came))
            digest.update(came)
            left -= len(came)
        return digest.digest()

    @property
    def _expected(self) -> bytes:
        digest = hashlib.sha256()
        for block in noise(self.seed, self.size):
            digest.update(block)
        return digest.digest()

    def _pieces(self) -> Iterator[bytes]:
        for block in noise(self.seed, self.size):
            for start in range(0, len(block), PACED_BLOCK):
                yield block[start : start + PACED_BLOCK]


class Pace:
    """Bytes per second; 0 is as fast as can be."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._given = 0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._loop.time() - self._begun

    async def keep(self, size: int) -> None:
        """Wait until so many bytes more are due."""
        self._given += size
        if self._rate:
            await asyncio.sleep(max(0.0, self._begun + self._given / self._rate - self._loop.time()))


@asynccontextmanager
async def opened(
    station: Station, replica: int, tls: ssl.SSLContext, command: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A stream on which the worker does what the words say; its buffers at this end are small."""
    address = station.address(replica)
    connection = socket.socket()
    connection.settimeout(0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER)
    await asyncio.get_running_loop().sock_connect(connection, (address, station.port))
    reader, writer = await asyncio.open_connection(sock=connection, ssl=tls, server_hostname=address, limit=SLOW_BUFFER)
    try:
        query = "&".join(f"command={word}" for word in command.split())
        head = f"GET /exec{CONTAINER}?output=1&{query} HTTP/1.1\r\nHost: vnode\r\n"
        writer.write(f"{head}Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n".encode())
        assert (await reader.readuntil(END)).startswith(b"HTTP/1.1 101 ")
        yield reader, writer
    finally:
        writer.transport.abort()


def resident(pid: int) -> int:
    """Bytes of a process' resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def talked(station: Station, count: int, seconds: float) -> tuple[list[bool], int]:
    """`count` streams at once through the first replica: whether each came whole, and by how much the process grew at most."""
    pid, tls = station.pid(0), station.tls
    before = most = resident(pid)
    talks = [
        asyncio.create_task(Talk(KINDS[seed % len(KINDS)], seed, seconds).hold(station, 0, tls))
        for seed in range(count)
    ]
    while (await asyncio.wait(talks, timeout=0.1))[1]:
        most = max(most, resident(pid))
    return [talk.result() for talk in talks], most - before
