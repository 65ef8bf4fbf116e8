"""What may be seen at either end of a proxier: pure; an empty text is a good verdict."""

import re
from typing import Final

import h11

from tests.fuzz.attempts import FORBIDDEN_MARK, SMUGGLED_MARK

_LINE: Final = re.compile(
    rb"(GET|POST) /api/v1/namespaces/mount/pods/web-0123/(log|exec|attach|portforward)(\?[-A-Za-z0-9_.~%+&=*]+)? HTTP/1\.1"
)
_HEADER: Final = re.compile(rb"([A-Za-z-]+): ([\t\x20-\x7e\x80-\xff]*)")
_ONCE: Final = {b"host", b"authorization", b"connection", b"user-agent", b"accept"}
_OF_STREAMS: Final = {
    b"accept-encoding",
    b"upgrade",
    b"x-stream-protocol-version",
    b"sec-websocket-extensions",
    b"sec-websocket-key",
    b"sec-websocket-protocol",
    b"sec-websocket-version",
}
_ANSWER: Final = re.compile(rb"HTTP/1\.1 [1-5]\d\d [ -~]+(\r\n[a-zA-Z-]+: [^\r\n\x00]*)*\r\n\r\n")
_NOT_UNDERSTOOD: Final = (400, 408, 431, 501)  # the method counts for nothing then
_MARKS: Final = (FORBIDDEN_MARK.encode(), SMUGGLED_MARK.encode())


def asks_to_switch(head: bytes) -> bool:
    """Whether a request that reached the worker is an upgrade."""
    return b"\r\nupgrade: " in head.lower()


def wrong_with_question(head: bytes, behind: bytes) -> str:
    """What is wrong with a request that reached the worker, `behind` being what came with it."""
    line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    parts = [_HEADER.fullmatch(each) for each in lines]
    names = [part[1].lower() for part in parts if part]
    wrong = {
        "the request line": not _LINE.fullmatch(line),
        "a header": None in parts,
        "headers that are no worker's business": not set(names) <= _ONCE | _OF_STREAMS,
        "headers that are not there just once": any(names.count(name) != 1 for name in _ONCE),
        "headers of a stream without one": not asks_to_switch(head) and not _OF_STREAMS.isdisjoint(names),
        "two upgrades": names.count(b"upgrade") > 1,
        "another credential than ours": b"\r\nauthorization: bearer worker-token\r\n" not in head.lower() + b"\r\n",
        "a token among subprotocols": b"bearer.authorization" in head,
        "a request that nobody was allowed": any(mark in head for mark in _MARKS),
        "bytes before the worker has spoken": behind != b"",
    }
    return ", ".join(what for what, is_so in wrong.items() if is_so)


def wrong_with_answer(asked: bytes, came: bytes) -> str:
    """What is wrong with all that a client got on one connection."""
    if not came:
        return ""
    if not (head := _ANSWER.match(came)):
        return "no head of an answer"
    status = int(came[9:12])
    if status == 101:
        return "" if b"\r\nupgrade: " in head[0].lower() else "a switch to nothing"
    if head[0].lower().count(b"\r\nconnection: close\r\n") != 1:
        return "a connection that is not closed"
    if asked.startswith(b"HEAD "):
        has_body = len(came) > head.end()
        if not has_body or status not in _NOT_UNDERSTOOD:
            return "a body for HEAD" if has_body else ""
    return _wrong_with_body(came, is_ours=status >= 300)


def _wrong_with_body(came: bytes, *, is_ours: bool) -> str:
    """A worker may break off; an answer of the proxier's own is whole."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "h")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(came)
    connection.receive_data(b"")
    try:
        while not isinstance(connection.next_event(), h11.EndOfMessage):
            pass
    except h11.RemoteProtocolError as error:
        return str(error) if is_ours else ""
    behind, _ = connection.trailing_data
    return "bytes behind the answer" if behind else ""
