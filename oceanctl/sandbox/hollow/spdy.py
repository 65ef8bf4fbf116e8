"""SPDY/3.1 as kubelets and their clients speak it: streams within one connection, opened by the client, without flow control of their own.

Frames are those of the draft "SPDY Protocol - Draft 3.1"; windows are ignored, as Kubernetes' own library does, so the transport's flow control is all there is.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from enum import IntEnum
from typing import Final

_WORDS: Final = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control "
    "connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect "
    "expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning "
    "www-authenticate method get status"
)
_MORE_WORDS: Final = ("200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin")
_TAIL: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content"
    "301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age="
    "gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
_DICTIONARY: Final = (
    b"".join(len(word).to_bytes(4, "big") + word.encode() for word in (*_WORDS.split(), *_MORE_WORDS)) + _TAIL.encode()
)

_FIN: Final = 1
_CONTROL: Final = 0x80030000  # the control bit and version 3
_HEAD_BYTES: Final = 8
_MOST_DATA_BYTES: Final = 64 * 1024  # of a frame that we send
_MOST_WAITING_BYTES: Final = 1024 * 1024  # of a stream that nobody reads, before the connection is held


class Kind(IntEnum):
    """Control frames that mean something here."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    PING = 6


class Stream:
    """One stream of a session: what the client sends can be iterated, once."""

    def __init__(self, session: "Session", number: int, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self._session = session
        self._number = number
        self._waiting = bytearray()
        self._is_complete = False
        self._is_closed = False
        self._news = asyncio.Event()

    @property
    def is_too_full(self) -> bool:
        """Whether more waits than should."""
        return len(self._waiting) > _MOST_WAITING_BYTES

    def feed(self, data: bytes, *, is_last: bool) -> None:
        """Take what has come."""
        self._waiting += data
        self._is_complete = self._is_complete or is_last
        self._news.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What the client sends, to the end."""
        while self._waiting or not self._is_complete:
            if not self._waiting:
                self._news.clear()
                await self._news.wait()
                continue
            chunk = bytes(self._waiting)
            self._waiting.clear()
            self._session.go_on()
            yield chunk

    async def write(self, data: bytes) -> None:
        """Send, when there is room."""
        for start in range(0, len(data), _MOST_DATA_BYTES):
            await self._session.send_data(self._number, data[start : start + _MOST_DATA_BYTES], 0)

    async def close(self) -> None:
        """Send nothing more."""
        if not self._is_closed:
            self._is_closed = True
            await self._session.send_data(self._number, b"", _FIN)


class Session(asyncio.Protocol):
    """The server's end of a connection that has just switched to SPDY; `on_stream` hears of every stream that the client opens."""

    def __init__(self, on_stream: Callable[[Stream], None]) -> None:
        self.ended = asyncio.Event()
        self._on_stream = on_stream
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._streams: dict[int, Stream] = {}
        self._inflate = zlib.decompressobj(zdict=_DICTIONARY)
        self._deflate = zlib.compressobj(zdict=_DICTIONARY)
        self._may_write = asyncio.Event()
        self._may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio calls it: every stream ends."""
        _ = exc
        self.ended.set()
        self._may_write.set()
        for stream in self._streams.values():
            stream.feed(b"", is_last=True)

    def pause_writing(self) -> None:
        """As asyncio calls it."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """As asyncio calls it."""
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        """As asyncio calls it."""
        self._received += data
        position = 0
        while len(self._received) - position >= _HEAD_BYTES:
            length = int.from_bytes(self._received[position + 5 : position + _HEAD_BYTES], "big")
            end = position + _HEAD_BYTES + length
            if len(self._received) < end:
                break
            self._take(bytes(self._received[position:end]))
            position = end
        del self._received[:position]

    def go_on(self) -> None:
        """Read again, if no stream is too full."""
        if self._transport is not None and not any(stream.is_too_full for stream in self._streams.values()):
            self._transport.resume_reading()

    async def send_data(self, number: int, data: bytes, flags: int) -> None:
        """Send a data frame, when there is room; nothing happens once the connection has ended."""
        await self._may_write.wait()
        self._write(number.to_bytes(4, "big") + bytes((flags,)) + len(data).to_bytes(3, "big") + data)

    def close(self) -> None:
        """Send what waits, then close."""
        if self._transport is not None:
            self._transport.close()

    def _take(self, frame: bytes) -> None:
        first, flags, body = int.from_bytes(frame[:4], "big"), frame[4], frame[_HEAD_BYTES:]
        if first < 1 << 31:
            self._take_data(first, flags, body)
            return
        match first & 0xFFFF:
            case Kind.SYN_STREAM:
                self._open(body, flags)
            case Kind.RST_STREAM:
                self._end(int.from_bytes(body[:4], "big"))
            case Kind.PING:
                self._write(frame)  # whoever pings wants it back
            case _:
                pass  # settings, windows, good-byes: nothing follows from them here

    def _take_data(self, number: int, flags: int, data: bytes) -> None:
        stream = self._streams.get(number)
        if stream is None:
            return
        stream.feed(data, is_last=bool(flags & _FIN))
        if stream.is_too_full and self._transport is not None:
            self._transport.pause_reading()

    def _open(self, body: bytes, flags: int) -> None:
        number = int.from_bytes(body[:4], "big") & 0x7FFFFFFF
        stream = self._streams[number] = Stream(self, number, self._headers(body[10:]))
        none = self._deflate.compress((0).to_bytes(4, "big")) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._write(_control(Kind.SYN_REPLY, number.to_bytes(4, "big") + none))
        if flags & _FIN:
            stream.feed(b"", is_last=True)
        self._on_stream(stream)

    def _headers(self, block: bytes) -> dict[str, str]:
        """Pairs of strings, each after its length; names are lower case on the wire."""
        plain = self._inflate.decompress(block)
        strings, position = [], 4
        for _ in range(2 * int.from_bytes(plain[:4], "big")):
            end = position + 4 + int.from_bytes(plain[position : position + 4], "big")
            strings.append(plain[position + 4 : end].decode())
            position = end
        return dict(zip(strings[::2], strings[1::2], strict=True))

    def _end(self, number: int) -> None:
        if (stream := self._streams.get(number)) is not None:
            stream.feed(b"", is_last=True)

    def _write(self, frame: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)


def _control(kind: Kind, body: bytes) -> bytes:
    return (_CONTROL | kind).to_bytes(4, "big") + b"\0" + len(body).to_bytes(3, "big") + body
