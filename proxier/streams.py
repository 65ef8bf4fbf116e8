"""The leg: one connection of a stream, whose bytes are first read as a head and then go straight to the other leg's link.

Streams of SPDY and WebSocket need no half-close: when either side ends, the other is flushed and closed. Whoever reads slowly stops the reading on the other
side.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from proxier.errors import GoneError, HeadError
from proxier.gathering import Gathering
from proxier.heads import END, MOST_HEAD_BYTES
from proxier.tls import Link

_MOST_KEPT_BYTES: Final = 64 * 1024  # before anybody takes them
_ESTABLISHED: Final = 1  # what TCP_INFO says of a connection of which neither end has closed or given up
_KEEPALIVE: Final = (  # a dead peer is noticed within two minutes, and middleboxes see that the connection is in use
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 30),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 15),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 6),
)


class Leg:
    """One connection. Until it is joined it keeps what comes, 64 KiB at most beyond what was asked for and received at once."""

    def __init__(self) -> None:
        self.received = 0  # bytes, since the connection was made
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._link: Link | None = None
        self._kept = bytearray()
        self._news = asyncio.Event()
        self.take: Callable[[memoryview], None] = self._keep  # as the link calls it
        self._after: Callable[[int, int], None] = self._have_kept
        self._peer: Leg | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_held = False

    def tie(self, link: Link) -> None:
        """The connection that this leg is."""
        self._link = link

    def enough_taken(self) -> None:
        """As the link calls it."""
        if self._peer is not None:
            self._peer.flush()

    def all_taken(self, pieces: int, size: int) -> None:
        """As the link calls it."""
        self.received += size
        self._after(pieces, size)

    def connection_lost(self) -> None:
        """As the link calls it, after the last byte was taken or given up."""
        if not self.ended.done():
            self.ended.set_result(None)
        self._news.set()
        self._writable.set()
        if self._peer is not None:
            self._end(self._peer)

    def pause_writing(self) -> None:
        """As the link calls it when 1 MiB waits to be sent."""
        self._writable.clear()
        if self._peer is not None:
            self._peer.hold()

    def resume_writing(self) -> None:
        """As the link calls it when most of that is sent."""
        self._writable.set()
        if self._peer is not None:
            self._peer.go_on()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes or goes."""
        return self.ended.done() or self._link is None or self._link.is_closing

    @property
    def is_left(self) -> bool:
        """Whether the other end has closed or died while nothing is read here: asyncio tells only those who read. Never where the system does not say."""
        if self._link is None or not self._is_held or self.is_over or not hasattr(socket, "TCP_INFO"):
            return False
        return self._link.option(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _ESTABLISHED

    def write(self, data: bytes) -> None:
        """Send, unless the connection has ended."""
        self.put(data)
        self.flush()

    @property
    def put(self) -> Callable[[bytes | memoryview], None]:
        """What sends a piece with the next `flush`, unless the connection has ended."""
        return self._link.write if self._link is not None else _forget

    def flush(self) -> None:
        """Send what was put."""
        if self._link is not None:
            self._link.flush()

    async def room(self) -> None:
        """Return when the other end takes more, or never will."""
        await self._writable.wait()

    def finish(self) -> None:
        """Send what waits, then close; what still comes is nobody's."""
        if self._link is not None:
            self._link.close()

    def cut(self) -> None:
        """As `finish`, but so that what was sent does not look whole."""
        if self._link is not None:
            self._link.cut()

    def abort(self) -> None:
        """Close at once."""
        if self._link is not None:
            self._link.abort()

    def hold(self) -> None:
        """Read nothing for now."""
        self._is_held = True
        if self._link is not None:
            self._link.hold()

    def go_on(self) -> None:
        """Read again."""
        self._is_held = False
        if self._link is not None:
            self._link.go_on()

    async def more(self) -> bytes:
        """What has come, at least a byte; nothing once the connection has ended."""
        while not self._kept and not self.ended.done():
            self._news.clear()
            await self._news.wait()
        came = bytes(self._kept)
        self._kept.clear()
        self.go_on()
        return came

    async def head(self) -> tuple[bytes, bytes]:
        """A request's head and what came glued behind it; empty when the connection ends before one is complete.

        Raises:
            HeadError: It is too large.

        """
        head = bytearray()
        searched = 0
        while (end := head.find(END, max(0, searched - len(END)))) < 0:
            if len(head) > MOST_HEAD_BYTES:
                raise HeadError(431, "the head is too large")
            if not (came := await self.more()):
                return b"", b""
            searched = len(head)
            head += came
        end += len(END)
        return bytes(head[:end]), bytes(head[end:])

    def join(self, peer: "Leg", glued: bytes = b"") -> None:
        """From now on everything goes to the peer, `glued` and what was kept first."""

        def after(_pieces: int, _size: int) -> None:
            peer.flush()

        self._pass_to(peer, glued, after)

    def gather_for(self, peer: "Leg", glued: bytes = b"") -> None:
        """As `join`, but small pieces in quick succession are taken up several at a time."""
        gathering = Gathering()

        def after(pieces: int, size: int) -> None:
            peer.flush()
            if self._link is not None and (seconds := gathering.seconds(self._loop.time(), pieces, size)):
                self._link.rest(seconds)

        self._pass_to(peer, glued, after)

    def _pass_to(self, peer: "Leg", glued: bytes, after: Callable[[int, int], None]) -> None:
        self._peer = peer
        if self._link is not None:
            self._link.widen()
        self.take = peer.put
        self._after = after
        kept = glued + bytes(self._kept)
        self._kept.clear()
        if kept:
            peer.write(kept)
        if self.ended.done():
            self._end(peer)
        self.go_on()

    def listen_for_the_end(self, peer: "Leg") -> None:
        """From now on this leg only receives; a client that speaks out of turn, or leaves, ends both."""
        self._peer = peer
        self.take = self._refuse
        if self._kept or self.ended.done():
            self._refuse(b"")
        self.go_on()

    def _end(self, peer: "Leg") -> None:
        """Send what waits, then end as this one has: a body that lasts until the end must not look whole when it is not."""
        if self._link is not None and self._link.is_broken:
            peer.cut()
        else:
            peer.finish()

    def _keep(self, piece: bytes | memoryview) -> None:
        self._kept += piece

    def _have_kept(self, _pieces: int, _size: int) -> None:
        if len(self._kept) > _MOST_KEPT_BYTES:
            self.hold()
        self._news.set()

    def _refuse(self, _piece: bytes | memoryview) -> None:
        self.abort()
        if self._peer is not None:
            self._peer.abort()


def _forget(_piece: bytes | memoryview) -> None:
    """A leg that was never tied has nobody to send to."""


@asynccontextmanager
async def there(leg: Leg) -> AsyncIterator[None]:
    """What is done inside is for somebody at the other end of the leg: GoneError stops it when that ends."""
    loop = asyncio.get_running_loop()
    is_awaited = True
    scope = asyncio.timeout(None)
    try:
        async with scope:

            def stop(_ended: object) -> None:
                if is_awaited:
                    scope.reschedule(loop.time())

            leg.ended.add_done_callback(stop)
            try:
                yield
            finally:
                is_awaited = False  # a call of `stop` may be under way already
                leg.ended.remove_done_callback(stop)
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise GoneError(499, "the client has left") from error


class HasOptions(Protocol):
    """A socket, or what asyncio shows of one."""

    def setsockopt(self, level: int, option: int, value: int, /) -> None:
        """As of a socket."""
        ...


def keep_alive(connection: HasOptions) -> None:
    """Probe a silent peer, where the system can; small writes go at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for level, option, value in _KEEPALIVE:
        if (number := getattr(socket, option, None)) is not None:
            connection.setsockopt(level, number, value)
