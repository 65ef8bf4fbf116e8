"""TLS over one TCP connection: OpenSSL between asyncio's plain transport and the connection's owner.

It does for a proxy what asyncio's own TLS does for everybody, and two things more. All connections receive into one buffer instead of 256 KiB each. And a
connection can be left unread for a moment, so that what a peer writes in small pieces is taken up at once. Nothing that was decrypted is kept here.

There is no half-close: `close` and the peer's end both mean that what waits is sent, then our end is told, and what still comes is thrown away.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

WRITE_BUFFER_BYTES: Final = 1024 * 1024  # smaller ones toggle the flow so often that it costs a third of the throughput
RECEIVE_BYTES: Final = 512 * 1024  # at once; with an eighth of it bulk costs a tenth more CPU
LINGER_SECONDS: Final = 30.0  # without progress; with less, a slow reader loses the end, and an exit code comes last
FIRST_BYTES: Final = 16 * 1024  # the same before `widen`: whoever is not known yet costs little memory
_RECORD_BYTES: Final = 16 * 1024  # the most that OpenSSL gives or takes at once
_MOST_ANSWERS_BYTES: Final = 64 * 1024  # 2,400 changes of keys, of which whoever asks has taken none
_SEND_RECORDS: Final = 8  # sent at once: 128 KiB of bulk


class Owner(Protocol):
    """Whose connection it is."""

    @property
    def take(self) -> Callable[[memoryview], None]:
        """What to call with what comes; who does not copy it at once has lost it."""
        ...

    def enough_taken(self) -> None:
        """Much has come, more is there: what was made of it should leave the processor's cache now."""
        ...

    def all_taken(self, pieces: int, size: int) -> None:
        """That was all for now: so many pieces, so many bytes."""
        ...

    def connection_lost(self) -> None:
        """Nothing comes or goes any more."""
        ...

    def pause_writing(self) -> None:
        """More than 1 MiB waits to be sent."""
        ...

    def resume_writing(self) -> None:
        """Most of that is sent."""
        ...


class Room:
    """Where connections of one thread receive and decrypt: nothing stays there, so any number of them share it."""

    def __init__(self) -> None:
        self.received = memoryview(bytearray(RECEIVE_BYTES))
        self.record = memoryview(bytearray(_RECORD_BYTES))


class Link(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, owner: Owner, room: Room, context: ssl.SSLContext, *, server_name: str | None = None) -> None:
        """With `server_name` it is the client that verifies that name, else the server."""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_closing = self.is_broken = False  # broken: TCP has ended before either side told the end
        self._owner = owner
        self._room = room
        self._receiving = room.received[:FIRST_BYTES]
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name
        )
        self._is_open = False
        self._tcp: asyncio.Transport | None = None
        self._answers = 0  # bytes of TLS's own, since all was sent
        self._is_held = False
        self._rest: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None

    @property
    def certificate(self) -> Mapping[str, Any] | None:
        """What the handshake has verified of the peer; None if it showed nothing."""
        return self._tls.getpeercert() or None

    def option(self, level: int, name: int, length: int) -> bytes:
        """An option of the socket; the connection must be made and not lost."""
        assert self._tcp is not None
        found: bytes = self._tcp.get_extra_info("socket").getsockopt(level, name, length)
        return found

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        assert isinstance(transport, asyncio.Transport)
        self._tcp = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._shake_hands()

    def get_buffer(self, sizehint: int) -> memoryview:
        """As asyncio calls it, right before it receives."""
        _ = sizehint
        return self._receiving

    def buffer_updated(self, nbytes: int) -> None:
        """As asyncio calls it, right after it has received."""
        self._incoming.write(self._receiving[:nbytes])
        if self._is_open:
            self._take_up()
        else:
            self._shake_hands()

    def eof_received(self) -> None:
        """As asyncio calls it; it closes the transport then, when everything is sent."""
        self._fail(ConnectionResetError("the connection ended within the handshake"))
        self.is_broken = not self.is_closing
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio calls it; errors of a connection are its end, nothing else."""
        self.is_broken |= not self.is_closing
        self.is_closing = True
        for timer in (self._rest, self._linger):
            if timer is not None:
                timer.cancel()
        self._fail(exc or ConnectionResetError("the connection ended within the handshake"))
        self._owner.connection_lost()

    def pause_writing(self) -> None:
        """As asyncio calls it."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """As asyncio calls it."""
        self._owner.resume_writing()

    def write(self, piece: bytes | memoryview) -> None:
        """Encrypt, to be sent by `flush`; nothing happens once the connection is closing."""
        if self.is_closing or not self._is_open:
            return
        try:
            taken = self._tls.write(piece)
            while taken < len(piece):
                taken += self._tls.write(memoryview(piece)[taken:])
        except ssl.SSLError:
            self.abort()

    def flush(self) -> None:
        """Send what was written."""
        if self._tcp is not None and (waiting := self._outgoing.read()):
            self._tcp.write(waiting)

    def close(self) -> None:
        """Send what waits, tell the end, and wait for the peer's, but not for ever."""
        if self._is_open and not self.is_closing:
            with contextlib.suppress(ssl.SSLError):  # it wants the peer's end too, which is waited for by reading
                self._tls.unwrap()
        self.cut()

    def cut(self) -> None:
        """As `close`, but only TCP ends: whoever reads until the end knows that something is missing."""
        if self.is_closing or self._tcp is None:
            return
        self.is_closing = True
        if not self._is_open:
            self._tcp.close()
            return
        self.flush()
        with contextlib.suppress(OSError):
            self._tcp.write_eof()
        self._set_reading()
        self._linger_on(self._tcp)

    def abort(self) -> None:
        """Close at once."""
        self.is_closing = True
        if self._tcp is not None:
            self._tcp.abort()

    def widen(self) -> None:
        """From now on receive much at once."""
        self._receiving = self._room.received

    def hold(self) -> None:
        """Read nothing until `go_on`."""
        self._is_held = True
        self._set_reading()

    def go_on(self) -> None:
        """Read again."""
        self._is_held = False
        self._set_reading()

    def rest(self, seconds: float) -> None:
        """Read nothing for so long."""
        if self._rest is not None:
            self._rest.cancel()
        self._rest = asyncio.get_running_loop().call_later(seconds, self._rested)
        self._set_reading()

    def _rested(self) -> None:
        self._rest = None
        self._set_reading()

    def _set_reading(self) -> None:
        if self._tcp is None or self._tcp.is_closing():
            return
        if (self._is_held or self._rest is not None) and not self.is_closing:
            self._tcp.pause_reading()
        else:
            self._tcp.resume_reading()

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
            return
        except ssl.SSLError as error:
            self.flush()  # the alert that tells why
            self._fail(error)
            self.close()
            return
        self.flush()
        self._is_open = True
        if not self.ready.done():
            self.ready.set_result(None)
        if self._incoming.pending:
            self._take_up()

    def _fail(self, error: Exception) -> None:
        if not self._is_open and not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # whoever waited may have given up

    def _take_up(self) -> None:
        has_ended, pieces, size = False, 0, 0
        read: Any = self._tls.read  # into a buffer it counts, whatever its stub says
        record, take = self._room.record, _throw_away if self.is_closing else self._owner.take
        try:
            while count := read(_RECORD_BYTES, record):
                take(record[:count])
                pieces += 1
                size += count
                if pieces % _SEND_RECORDS == 0:
                    self._owner.enough_taken()
            has_ended = True
        except ssl.SSLError as error:
            has_ended = not isinstance(error, ssl.SSLWantReadError)
        if self._outgoing.pending:
            self._answer()
        if pieces and not self.is_closing:
            self._owner.all_taken(pieces, size)
        if has_ended and self._tcp is not None:
            self.close()
            self._tcp.close()

    def _answer(self) -> None:
        """Send what TLS itself has to say, such as to new keys: as much as it is asked for, so whoever takes nothing of it is cut off."""
        has_unsent = self._tcp is not None and self._tcp.get_write_buffer_size() > 0
        self._answers = self._outgoing.pending + (self._answers if has_unsent else 0)
        self.flush()
        if self._answers > _MOST_ANSWERS_BYTES:
            self.abort()

    def _linger_on(self, tcp: asyncio.Transport) -> None:
        unsent = tcp.get_write_buffer_size()

        def look() -> None:
            if tcp.get_write_buffer_size() < unsent:
                self._linger_on(tcp)
            else:
                tcp.abort()

        self._linger = asyncio.get_running_loop().call_later(LINGER_SECONDS, look)


def _throw_away(_piece: memoryview) -> None:
    """What a peer says after our end."""
