"""What a client tries: a kubelet's request that something was done to, or plain nonsense, and how it is sent. The same for the same seed and number."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from random import Random
from typing import Final

FORBIDDEN_MARK: Final = "closed"  # the container, or port, that only those ask for who may not
SMUGGLED_MARK: Final = "smuggled"  # the container that only a second request on a connection asks for


class Who(Enum):
    """What the client shows of itself."""

    KNOWN = "known"
    TOKEN = "token"
    FORBIDDEN = "forbidden"
    NOBODY = "nobody"
    WRONG_TOKEN = "wrong token"
    PLAIN = "no TLS"

    @property
    def is_let_in(self) -> bool:
        return self in (Who.KNOWN, Who.TOKEN)


class Manner(Enum):
    """How the client ends."""

    PATIENT = "reads to the end"
    HASTY = "leaves once it has sent everything"
    ABRUPT = "leaves in the middle of what it sends"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection of a client; what it sends comes in pieces."""

    who: Who
    manner: Manner
    pieces: tuple[bytes, ...]

    @property
    def sent(self) -> bytes:
        return b"".join(self.pieces)


@dataclass
class Draft:
    """A request in parts, so that things can be done to each."""

    method: bytes
    path: bytes
    query: bytes
    version: bytes
    headers: list[bytes]
    behind: bytes = b""
    end: bytes = b"\r\n\r\n"

    def rendered(self) -> bytes:
        target = self.path + (b"?" + self.query if self.query else b"")
        lines = [b" ".join((self.method, target, self.version)), *self.headers]
        return b"\r\n".join(lines) + self.end + self.behind


def attempt(seed: int, number: int) -> Attempt:
    """The attempt of that number."""
    random = Random(f"{seed}/{number}")
    who = random.choices([*Who], weights=[60, 10, 8, 8, 6, 8])[0]
    manner = random.choices([*Manner], weights=[80, 12, 8])[0]
    sent = nonsense(random) if who is Who.PLAIN or random.random() < 0.05 else head(random, who)
    return Attempt(who, manner, _pieces(random, sent))


def head(random: Random, who: Who = Who.KNOWN) -> bytes:
    """A request with up to five changes."""
    draft = _draft(random, who)
    for _ in range(random.choice((0, 0, 1, 1, 1, 2, 3, 5))):
        random.choice(CHANGES)(random, draft)
    rendered = draft.rendered()
    for _ in range(random.choice((0, 0, 0, 0, 0, 1, 2))):
        rendered = random.choice(SCRATCHES)(random, rendered)
    return rendered


def nonsense(random: Random) -> bytes:
    """Bytes that begin like something, or like nothing."""
    hello = bytes.fromhex("1603010200010001fc0303")
    begins = (
        b"",
        hello,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\n",
        b"\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\0" * 9,
    )
    return random.choice(begins) + random.randbytes(random.choice((0, 1, 7, 100, 3000, 40_000)))


def _draft(random: Random, who: Who) -> Draft:
    mark = "main" if who.is_let_in else FORBIDDEN_MARK
    port = "80" if who.is_let_in else FORBIDDEN_MARK
    path, query, is_stream = random.choice(
        (
            (f"/containerLogs/app/web/{mark}", "follow=true&tailLines=0&timestamps=true", False),
            (f"/containerLogs/app/web/{mark}", "", False),
            (f"/exec/app/web/{mark}", "command=sh&command=-c&command=echo+%24%28id%29&input=1&output=1&tty=1", True),
            (f"/exec/app/web/0c1f-77aa/{mark}", "command=id&error=1", True),
            (f"/attach/app/web/{mark}", "input=1&output=1", True),
            ("/portForward/app/web", f"port={port}", True),
            (f"/run/app/web/{mark}", "cmd=id%20-u", False),
            (random.choice(_OF_NODE), "", False),
        )
    )
    headers = [b"Host: 127.0.0.1:12000", b"User-Agent: kube-probe/1.36", b"Accept-Encoding: gzip"]
    if who in (Who.TOKEN, Who.WRONG_TOKEN):
        headers.append(
            b"Authorization: Bearer " + (b"good" if who is Who.TOKEN else random.choice((b"bad", b"", b"\xff")))
        )
    if is_stream:
        headers += random.choice((_SPDY, _WEBSOCKET, _TUNNEL))
    method = random.choice((b"GET", b"POST")) if is_stream else b"POST" if path.startswith("/run/") else b"GET"
    return Draft(method, path.encode(), query.encode(), b"HTTP/1.1", headers)


_OF_NODE: Final = ("/healthz", "/metrics/cadvisor", "/stats/summary?only_cpu_and_memory=true", "/pods", "/configz")
_SPDY: Final = (b"Connection: Upgrade", b"Upgrade: SPDY/3.1", b"X-Stream-Protocol-Version: v4.channel.k8s.io")
_WEBSOCKET: Final = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io",
)
_TUNNEL: Final = (*_WEBSOCKET[:-1], b"Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io")
_ODD_HEADERS: Final = (
    b"Content-Length: 0",
    b"Content-Length: 5",
    b"Content-Length: -1",
    b"Content-Length: 5, 5",
    b"Content-Length: 99999999999999999999999",
    b"Content-Length:",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding:\x0bchunked",
    b"Expect: 100-continue",
    b"Connection: close",
    b"Connection: keep-alive, Upgrade",
    b"Connection: Host, Authorization",
    b"Upgrade: SPDY/3.1",
    b"Upgrade: h2c",
    b"Upgrade: websocket, SPDY/3.1",
    b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    b"Host: elsewhere",
    b"Host:",
    b"Authorization: Basic YTpi",
    b"Authorization: Bearer bad",
    b"Impersonate-User: system:admin",
    b"X-Remote-User: system:admin",
    b"X-Stream-Protocol-Version: v5.channel.k8s.io,v4.channel.k8s.io",
    b"Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io." + base64.urlsafe_b64encode(b"good"),
    b"Sec-WebSocket-Protocol: ,,, ,",
    b"Sec-WebSocket-Key: \xe9\xe9",
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=\x7f",
    b": nameless",
    b"no colon",
    b" folded: 1",
    b"\tfolded: 1",
    b"X: a\x00b",
    b"X: a\rb",
    b"X: a\nGET /healthz HTTP/1.1",
    b"X: \xff\xfe",
    b"X\xc3\xa9: 1",
    b"",
)
_ODD_SEGMENTS: Final = (
    b"..", b".", b"", b"%2e%2e", b"%2f", b"%00", b"a%2fb", b"\\", b";a=b", b"web\x00", b"WEB", b"a" * 300,
    b"*", b"kube-system", b"\xc3\xa9", b"#x", b"@", b"main:80",
)  # fmt: skip
_ODD_PATHS: Final = (
    b"/", b"*", b"//", b"/..", b"/exec", b"/run/app/web/main", b"/pods", b"/metrics", b"/stats/summary", b"/logs/",
    b"/configz", b"/debug/pprof/", b"http://10.0.0.1/exec/app/web/main", b"/api/v1/secrets", b"", b"exec", b"/cri/exec/x",
)  # fmt: skip
_ODD_FIELDS: Final = (
    b"command=%ff", b"command=%00", b"=", b"&&&", b"follow", b"follow=true", b"container=other", b"stdin=true", b"port=0",
    b"port=80,81,x", b"%zz", b"a b", b"#", b"?x", b"command=" + b"a" * 5000, b"x=1&" * 5000, b"tailLines=-1", b";x=1",
)  # fmt: skip
_ODD_METHODS: Final = (
    b"PUT",
    b"HEAD",
    b"OPTIONS",
    b"CONNECT",
    b"TRACE",
    b"get",
    b"PRI",
    b"",
    b"G" * 5000,
    b"GE T",
    b"\x00",
)
_ODD_VERSIONS: Final = (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"", b"HTTP/1.1\r\nX: y")

Change = Callable[[Random, Draft], None]
Scratch = Callable[[Random, bytes], bytes]


def _other_method(random: Random, draft: Draft) -> None:
    draft.method = random.choice(_ODD_METHODS)


def _other_version(random: Random, draft: Draft) -> None:
    draft.version = random.choice(_ODD_VERSIONS)


def _other_path(random: Random, draft: Draft) -> None:
    draft.path = random.choice(_ODD_PATHS)


def _odd_segment(random: Random, draft: Draft) -> None:
    segments = draft.path.split(b"/")
    at = random.randrange(len(segments) + 1)
    segments[at : at + random.randrange(2)] = [random.choice(_ODD_SEGMENTS)]
    draft.path = b"/".join(segments)


def _odd_field(random: Random, draft: Draft) -> None:
    fields = [each for each in draft.query.split(b"&") if each]
    fields.insert(random.randrange(len(fields) + 1), random.choice(_ODD_FIELDS))
    draft.query = b"&".join(fields)


def _odd_header(random: Random, draft: Draft) -> None:
    draft.headers.insert(random.randrange(len(draft.headers) + 1), random.choice(_ODD_HEADERS))


def _dropped_header(random: Random, draft: Draft) -> None:
    if draft.headers:
        draft.headers.pop(random.randrange(len(draft.headers)))


def _doubled_header(random: Random, draft: Draft) -> None:
    if draft.headers:
        draft.headers.append(random.choice(draft.headers))


def _shuffled_headers(random: Random, draft: Draft) -> None:
    random.shuffle(draft.headers)


def _large_header(random: Random, draft: Draft) -> None:
    draft.headers.append(b"X-Large: " + b"a" * random.choice((8_000, 70_000, 262_000, 1_048_576)))


def _many_headers(random: Random, draft: Draft) -> None:
    draft.headers += [b"X: 1"] * random.choice((50, 500, 20_000))


def _other_end(random: Random, draft: Draft) -> None:
    draft.end = random.choice((b"\n\n", b"\r\n", b"\n\r\n", b"\r\r", b"", b"\r\n \r\n\r\n"))


def _something_behind(random: Random, draft: Draft) -> None:
    second = f"GET /containerLogs/app/web/{SMUGGLED_MARK} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
    draft.behind = random.choice(
        (
            second,
            second * 50,
            b"\r\n",
            b"0\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            random.randbytes(200),
            random.randbytes(200_000),
        )
    )


def _cut(random: Random, rendered: bytes) -> bytes:
    return rendered[: random.randrange(len(rendered) + 1)]


def _flipped(random: Random, rendered: bytes) -> bytes:
    at = random.randrange(len(rendered) or 1)
    return rendered[:at] + random.randbytes(1) + rendered[at + 1 :]


def _inserted(random: Random, rendered: bytes) -> bytes:
    at = random.randrange(len(rendered) + 1)
    return (
        rendered[:at]
        + random.choice((random.randbytes(3), b"\r\n", b"\r", b"\n", b" ", b"\x00", b"\r\n\r\n"))
        + rendered[at:]
    )


def _repeated(random: Random, rendered: bytes) -> bytes:
    start = random.randrange(len(rendered) + 1)
    end = start + random.randrange(100)
    return rendered[:end] + rendered[start:]


CHANGES: Final[tuple[Change, ...]] = (
    _other_method,
    _other_version,
    _other_path,
    _odd_segment,
    _odd_segment,
    _odd_field,
    _odd_field,
    _odd_header,
    _odd_header,
    _odd_header,
    _odd_header,
    _dropped_header,
    _doubled_header,
    _shuffled_headers,
    _large_header,
    _many_headers,
    _other_end,
    _something_behind,
)
SCRATCHES: Final[tuple[Scratch, ...]] = (_cut, _flipped, _inserted, _repeated)


def _pieces(random: Random, sent: bytes) -> tuple[bytes, ...]:
    """Cut at up to ten places, or after each of the first bytes."""
    if not sent or random.random() < 0.4:
        return (sent,)
    cuts = (
        range(1, min(len(sent), 60))
        if random.random() < 0.1
        else sorted(random.choices(range(len(sent)), k=random.randint(1, 10)))
    )
    ends = [0, *cuts, len(sent)]
    return tuple(sent[start:end] for start, end in pairwise(ends) if start < end)
