"""Heads of HTTP/1.1 requests and answers: what is taken from a client, and what is passed on in either direction.

A head is read whole before h11 sees it, so that what h11 forgives (folded headers, bare line feeds) is refused. One connection carries one request: nothing
can hide behind it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import h11

from proxier.errors import HeadError

MOST_HEAD_BYTES: Final = 256 * 1024  # a command line may be long; nothing else is
MOST_HEADERS: Final = 128  # reading many costs more than their bytes do, and is done for anybody
END: Final = b"\r\n\r\n"

Headers = tuple[tuple[bytes, bytes], ...]

_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # h11 lets most of them pass
_UPGRADES: Final = frozenset({b"spdy/3.1", b"websocket"})
_TO_WORKER: Final = frozenset({b"sec-websocket-extensions", b"sec-websocket-key", b"sec-websocket-version"})
_STREAM_PROTOCOL: Final = b"x-stream-protocol-version"
_WEBSOCKET_PROTOCOL: Final = b"sec-websocket-protocol"
_CREDENTIAL_PROTOCOL: Final = b"base64url.bearer.authorization.k8s.io."  # a token in the guise of a subprotocol
_TO_CLIENT: Final = frozenset(
    {
        b"content-length",
        b"content-type",
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"sec-websocket-protocol",
        b"transfer-encoding",
        b"upgrade",
        b"x-accepted-stream-protocol-versions",
        _STREAM_PROTOCOL,
    }
)


@dataclass(frozen=True, slots=True)
class Head:
    """A request's head; names of headers are lower case. `upgrade` is the protocol that it asks to switch to, as written."""

    method: str
    target: str
    headers: Headers
    upgrade: bytes | None = None

    def first(self, name: bytes) -> bytes | None:
        """The value of the first header of that name."""
        return next((value for key, value in self.headers if key == name), None)


def request_in(head: bytes) -> Head:
    """The request in a head that ends in an empty line.

    Raises:
        HeadError: It is none, it is ambiguous, it announces a body, or it asks for a protocol that is not spoken here.

    """
    if b"\n" in head.replace(b"\r\n", b"") or b"\r\n " in head or b"\r\n\t" in head:
        raise HeadError(400, "lines of a head end in CR LF and are not folded")
    if _CONTROL.search(head):
        raise HeadError(400, "a head holds no control characters")
    if head.count(b"\r\n") > MOST_HEADERS + 2:  # with the request line and the empty one
        raise HeadError(431, "the head has too many headers")
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD_BYTES)
    try:
        connection.receive_data(head)
        request, end = connection.next_event(), connection.next_event()
    except h11.RemoteProtocolError as error:
        raise HeadError(error.error_status_hint, "this is no HTTP request") from error
    if not isinstance(request, h11.Request):
        raise HeadError(400, "this is no HTTP request")
    if request.http_version != b"1.1" or request.method == b"CONNECT":
        raise HeadError(400, "only plain HTTP/1.1 is spoken here")
    headers = tuple(request.headers)
    if not isinstance(end, h11.EndOfMessage) or any(name == b"transfer-encoding" for name, _ in headers):
        raise HeadError(400, "a request with a body is not taken here")
    return Head(request.method.decode(), request.target.decode(), headers, _upgrade_in(headers))


def headers_for_worker(head: Head) -> list[tuple[bytes, bytes]]:
    """The few headers of a request that are the worker's business: which stream protocols the client speaks, in its order."""
    if head.upgrade is None:
        return [(b"Connection", b"close")]
    passed = [each for each in head.headers if each[0] in _TO_WORKER or each[0] == _STREAM_PROTOCOL]
    spoken = _protocols(value for name, value in head.headers if name == _WEBSOCKET_PROTOCOL)
    subprotocols = [(_WEBSOCKET_PROTOCOL, b", ".join(spoken))] if spoken else []
    return [(b"Connection", b"Upgrade"), (b"Upgrade", head.upgrade), *passed, *subprotocols]


def headers_for_client(headers: Iterable[tuple[bytes, bytes]], *, is_switch: bool) -> Headers:
    """The headers of the worker's answer that a kubelet might have sent; the connection carries nothing else afterwards."""
    kept = tuple(each for each in headers if each[0] in _TO_CLIENT)
    if is_switch:
        return ((b"connection", b"Upgrade"), *kept)
    return (*(each for each in kept if each[0] != b"upgrade"), (b"connection", b"close"))


def rendered(status: int, reason: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """An answer's head as bytes."""
    lines = [b"HTTP/1.1 %d %s" % (status, reason), *(b"%s: %s" % each for each in headers)]
    return b"\r\n".join(lines) + END


def _upgrade_in(headers: Headers) -> bytes | None:
    asked = [value.strip() for name, value in headers if name == b"upgrade"]
    tokens = {token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")}
    if not asked and b"upgrade" not in tokens:
        return None
    if len(asked) != 1 or b"upgrade" not in tokens or asked[0].lower() not in _UPGRADES:
        raise HeadError(400, "an upgrade needs Connection: Upgrade and one of SPDY/3.1 and websocket")
    return asked[0]


def _protocols(values: Iterable[bytes]) -> Sequence[bytes]:
    every = [protocol.strip() for value in values for protocol in value.split(b",")]
    return [protocol for protocol in every if protocol and not protocol.startswith(_CREDENTIAL_PROTOCOL)]
