"""From the bytes of a watch to its events: one JSON object per line, of any length."""

from typing import Final

import msgspec

from reconciler.kube.errors import TransientError
from reconciler.kube.transport import BROKEN

LONGEST_LINE_BYTES: Final = 64 * 1024 * 1024  # far beyond any object; a server that sends more is not sending lines

_BEFORE: Final = b'{"type":"'
_TYPE_FROM: Final = len(_BEFORE)
_TYPE_TO: Final = 40  # types are one word
_BETWEEN: Final = b'","object":'


class LineSplitter:
    """Collects chunks into lines; the unfinished last one stays inside."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held_bytes = 0

    @property
    def has_rest(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._parts)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without their ends."""
        first, *others = chunk.split(b"\n")
        if not others:
            self._hold(first)
            return []
        lines = [b"".join((*self._parts, first)), *others]
        self._parts.clear()
        self._held_bytes = 0
        self._hold(lines.pop())
        return [line for line in lines if line]

    def _hold(self, part: bytes) -> None:
        if part:
            self._parts.append(part)
            self._held_bytes += len(part)
        if self._held_bytes > LONGEST_LINE_BYTES:
            raise TransientError(f"a line of a watch is longer than {LONGEST_LINE_BYTES} bytes", reason=BROKEN)


class _Meta(msgspec.Struct, rename="camel", gc=False):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""


class _Identity(msgspec.Struct, gc=False):
    metadata: _Meta


class _Envelope(msgspec.Struct):
    type: str
    object: msgspec.Raw


_envelope = msgspec.json.Decoder(_Envelope)
_identity = msgspec.json.Decoder(_Identity)


def opened(line: bytes) -> tuple[str, memoryview]:
    """The type of an event and the bytes of its object, which may turn out to be none: `opened_with_care` then knows.

    API servers write `{"type":"ADDED","object":{…}}` and nothing else, so the object is found without reading it twice.
    """
    end = line.find(b'"', _TYPE_FROM, _TYPE_TO)
    if line.startswith(_BEFORE) and line.startswith(_BETWEEN, end):
        return line[_TYPE_FROM:end].decode(), memoryview(line)[end + len(_BETWEEN) : -1]
    return opened_with_care(line)


def opened_with_care(line: bytes) -> tuple[str, memoryview]:
    """As `opened`, for any JSON."""
    try:
        envelope = _envelope.decode(line)
    except msgspec.DecodeError as error:
        raise TransientError("a line of a watch is not an event", reason=BROKEN) from error
    return envelope.type, memoryview(envelope.object)


def identity_of(raw: bytes | memoryview) -> tuple[str, str]:
    """Key and resourceVersion of an object of which nothing else matters; msgspec.DecodeError if it has no metadata."""
    metadata = _identity.decode(raw).metadata
    key = f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name
    return key, metadata.resource_version
