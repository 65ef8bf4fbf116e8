"""The frames are written here byte by byte, as the draft of SPDY/3.1 has them."""

import asyncio
import zlib

from oceanctl.sandbox.hollow.spdy import _DICTIONARY, Session, Stream


class Wire(asyncio.Transport):
    """The client's end."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_paused = False
        self._deflate = zlib.compressobj(zdict=_DICTIONARY)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def opening(self, number: int, headers: dict[str, str], flags: int = 0) -> bytes:
        block = len(headers).to_bytes(4, "big")
        for text in (text for pair in headers.items() for text in pair):
            block += len(text).to_bytes(4, "big") + text.encode()
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(1, number.to_bytes(4, "big") + b"\0\0\0\0" + b"\0\0" + packed, flags)


def control(kind: int, body: bytes, flags: int = 0) -> bytes:
    return b"\x80\x03" + kind.to_bytes(2, "big") + bytes((flags,)) + len(body).to_bytes(3, "big") + body


def data(number: int, content: bytes, flags: int = 0) -> bytes:
    return number.to_bytes(4, "big") + bytes((flags,)) + len(content).to_bytes(3, "big") + content


def session() -> tuple[Session, Wire, list[Stream]]:
    opened: list[Stream] = []
    made, wire = Session(opened.append), Wire()
    made.connection_made(wire)
    return made, wire, opened


async def read(stream: Stream) -> bytes:
    return b"".join([chunk async for chunk in stream.chunks()])


async def test_a_stream_is_opened_with_its_headers_and_answered() -> None:
    made, wire, opened = session()
    made.data_received(wire.opening(1, {"streamtype": "stdin"}) + wire.opening(3, {"streamtype": "error"}))
    assert [stream.headers for stream in opened] == [{"streamtype": "stdin"}, {"streamtype": "error"}]
    assert wire.sent[:4] == b"\x80\x03\x00\x02"
    assert wire.sent[8:12] == (1).to_bytes(4, "big")


async def test_bytes_arrive_whole_however_they_are_cut() -> None:
    made, wire, opened = session()
    everything = wire.opening(1, {"streamtype": "stdin"}) + data(1, b"one ") + data(1, b"two", 1)
    for index in range(len(everything)):
        made.data_received(everything[index : index + 1])
    assert await read(opened[0]) == b"one two"


async def test_what_is_written_comes_in_frames_and_ends_once() -> None:
    made, wire, opened = session()
    made.data_received(wire.opening(1, {}))
    wire.sent = b""
    await opened[0].write(b"x" * 70000)
    await opened[0].close()
    await opened[0].close()
    assert wire.sent == data(1, b"x" * 65536) + data(1, b"x" * 4464) + data(1, b"", 1)


async def test_a_ping_comes_back() -> None:
    made, wire, _ = session()
    ping = control(6, b"\0\0\0\x07")
    made.data_received(ping)
    assert wire.sent == ping


async def test_a_stream_that_nobody_reads_holds_the_connection() -> None:
    made, wire, opened = session()
    made.data_received(wire.opening(1, {}))
    made.data_received(data(1, b"x" * 1024 * 1024) + data(1, b"x", 1))
    assert wire.is_paused
    assert len(await read(opened[0])) == 1024 * 1024 + 1
    assert not wire.is_paused


async def test_a_lost_connection_ends_every_stream() -> None:
    made, wire, opened = session()
    made.data_received(wire.opening(1, {}) + data(1, b"half"))
    made.connection_lost(None)
    assert await read(opened[0]) == b"half"
    assert made.ended.is_set()


async def test_a_stream_that_is_given_up_ends() -> None:
    made, wire, opened = session()
    made.data_received(wire.opening(1, {}) + control(3, (1).to_bytes(4, "big") + (5).to_bytes(4, "big")))
    assert await read(opened[0]) == b""
