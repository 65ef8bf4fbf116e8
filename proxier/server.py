"""A listener per vnode; every connection is one task, counted from the moment it is accepted."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxier.certs import ServingTls
from proxier.conversation import Conversation, Services
from proxier.strangers import Strangers, source_of
from proxier.streams import Leg, keep_alive
from proxier.tls import Link, Room

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS: Final = 10.0
_BACKLOG: Final = 256
_RETRY_SECONDS: Final = 0.2  # after accept() failed for want of something, file descriptors most likely


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen, and how many connections there may be: all of them, those that have not been let in yet, and of these from one source."""

    address: str
    most_connections: int
    most_strangers: int
    most_strangers_of_source: int


@dataclass(slots=True, eq=False)
class _Listener:
    vnode: str
    socket: socket.socket
    task: asyncio.Task[None]


class Server:
    """Serves vnodes on their ports until cancelled; `drain` first, for those who are being served."""

    def __init__(self, place: Place, tls: ServingTls, services: Services) -> None:
        self._place = place
        self._tls = tls
        self._services = services
        self._room = Room()
        self._listeners: dict[int, _Listener] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._strangers = Strangers(place.most_strangers, place.most_strangers_of_source)
        services.metrics.watch_connections(lambda: len(self._connections))

    @property
    def ports(self) -> dict[int, str]:
        """The ports that are open, and whose they are."""
        return {port: listener.vnode for port, listener in self._listeners.items()}

    async def serve(self, wanted: Mapping[int, str]) -> None:
        """Open and close ports so that exactly these are open; connections that are there stay."""
        for port, listener in tuple(self._listeners.items()):
            if wanted.get(port) != listener.vnode:
                await self._close(port)
        for port, vnode in wanted.items():
            if port not in self._listeners:
                self._open(port, vnode)

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, let what runs come to its end, and cut what has not by then."""
        for port in tuple(self._listeners):
            await self._close(port)
        if self._connections:
            await asyncio.wait(self._connections, timeout=seconds)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _open(self, port: int, vnode: str) -> None:
        family = socket.AF_INET6 if ":" in self._place.address else socket.AF_INET
        try:
            opened = socket.create_server((self._place.address, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            log.warning("cannot listen", extra={"port": port, "vnode": vnode, "error": str(error)})
            return
        opened.settimeout(0)
        task = asyncio.create_task(self._accept(opened, vnode), name=f"port {port}")
        self._listeners[port] = _Listener(vnode, opened, task)
        log.info("listening", extra={"port": port, "vnode": vnode})

    async def _close(self, port: int) -> None:
        listener = self._listeners[port]
        listener.task.cancel()
        await asyncio.gather(listener.task, return_exceptions=True)
        listener.socket.close()
        del self._listeners[port]

    async def _accept(self, listening: socket.socket, vnode: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, (address, *_) = await loop.sock_accept(listening)
            except OSError as error:
                log.warning("cannot accept", extra={"vnode": vnode, "error": str(error)})
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._take(connection, source_of(address), vnode)

    def _take(self, connection: socket.socket, source: str, vnode: str) -> None:
        context, reason = self._tls.context, self._why_not(source)
        if context is None or reason is not None:
            self._services.metrics.connection_refused(reason or "tls")
            connection.close()
            return
        leave = self._strangers.seat(source)
        task = asyncio.create_task(self._attend(connection, vnode, context, leave), name=f"client of {vnode}")
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _task: leave())

    def _why_not(self, source: str) -> str | None:
        is_full = len(self._connections) >= self._place.most_connections
        return "connections" if is_full else self._strangers.why_not(source)

    async def _attend(
        self, connection: socket.socket, vnode: str, context: ssl.SSLContext, leave: Callable[[], None]
    ) -> None:
        leg = Leg()
        try:
            certificate = await self._shake_hands(connection, leg, context)
            conversation = Conversation(leg, vnode, certificate, self._services, leave)
            await conversation.hold()
        except (OSError, TimeoutError):  # TLS errors are OSErrors
            self._services.metrics.handshake_failed()
        except Exception:  # the supervisor of this connection: the others do not notice
            log.exception("connection failed", extra={"vnode": vnode})
        finally:
            leg.abort()
            connection.close()

    async def _shake_hands(
        self, connection: socket.socket, leg: Leg, context: ssl.SSLContext
    ) -> Mapping[str, Any] | None:
        """Finish the handshake; what was verified of the client, None if it showed nothing."""
        keep_alive(connection)
        connection.settimeout(0)
        link = Link(leg, self._room, context)
        leg.tie(link)
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await asyncio.get_running_loop().connect_accepted_socket(lambda: link, connection)
            await link.ready
        return link.certificate
