import pytest

from proxier.errors import HeadError
from proxier.heads import MOST_HEADERS, headers_for_client, headers_for_worker, rendered, request_in

LINE = "GET /exec/app/web/main?command=id HTTP/1.1\r\n"
HOST = "Host: 127.0.0.1:12000\r\n"
UPGRADE = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"


def head(*lines: str, first: str = LINE) -> bytes:
    return (first + HOST + "".join(lines) + "\r\n").encode("latin-1")


def test_a_plain_request_is_read() -> None:
    found = request_in(head("X-A: 1\r\n"))
    assert (found.method, found.target, found.upgrade) == ("GET", "/exec/app/web/main?command=id", None)
    assert found.first(b"x-a") == b"1"


@pytest.mark.parametrize(
    "lines",
    [
        (UPGRADE,),
        ("connection: keep-alive, upgrade\r\nupgrade: WebSocket\r\n",),
        (UPGRADE, "Content-Length: 0\r\n"),
    ],
    ids=["SPDY", "among other tokens", "an empty body"],
)
def test_an_upgrade_is_seen(lines: tuple[str, ...]) -> None:
    assert request_in(head(*lines)).upgrade in (b"SPDY/3.1", b"WebSocket")


@pytest.mark.parametrize(
    "request_head",
    [
        head("Content-Length: 3\r\n"),
        head("Content-Length: 3\r\nContent-Length: 4\r\n"),
        head("Transfer-Encoding: chunked\r\n"),
        head("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
        head(UPGRADE, "Content-Length: 5\r\n"),
        head("X-A: 1\r\n folded: 2\r\n"),
        head("X-A: 1\r\n\tfolded\r\n"),
        head("X-A: 1\nX-B: 2\r\n"),
        head("X-A : 1\r\n"),
        head("X-A: a\x00b\r\n"),
        head("X-A: a\x01b\r\n"),
        head("X-A: a\x7f\r\n"),
        head("X-A: a\rb\r\n"),
        head("Upgrade: SPDY/3.1\r\n"),
        head("Connection: Upgrade\r\n"),
        head("Connection: Upgrade\r\nUpgrade: h2c\r\n"),
        head(UPGRADE, "Upgrade: websocket\r\n"),
        head("Connection: Upgrade\r\nUpgrade: SPDY/3.1, websocket\r\n"),
        head(first="GET /healthz HTTP/1.0\r\n"),
        head(first="CONNECT 127.0.0.1:22 HTTP/1.1\r\n"),
        head(first="nonsense\r\n"),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"\r\n\r\n",
    ],
    ids=[
        "a body",
        "two lengths",
        "chunked",
        "length and chunked",
        "upgrade with a body",
        "folded by a space",
        "folded by a tab",
        "a bare line feed",
        "a space before the colon",
        "a NUL",
        "a control character",
        "a DEL",
        "a bare carriage return",
        "upgrade without the token",
        "the token without an upgrade",
        "another protocol",
        "two protocols",
        "two protocols in a line",
        "HTTP/1.0",
        "CONNECT",
        "no HTTP",
        "no host",
        "a TLS hello",
        "nothing",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(request_head: bytes) -> None:
    with pytest.raises(HeadError) as error:
        request_in(request_head)
    assert error.value.status == 400


def test_a_head_has_so_many_headers_and_no_more() -> None:
    most = "".join(f"X-{number}: 1\r\n" for number in range(MOST_HEADERS - 1))  # and the host
    assert len(request_in(head(most)).headers) == MOST_HEADERS
    with pytest.raises(HeadError) as error:
        request_in(head(most, "X-Y: 1\r\n"))
    assert error.value.status == 431


def test_the_worker_sees_neither_credentials_nor_the_client_s_other_headers() -> None:
    found = request_in(
        head(
            UPGRADE,
            "Authorization: Bearer secret\r\nCookie: a=b\r\nImpersonate-User: admin\r\nX-Forwarded-For: 1.2.3.4\r\n",
        )
    )
    assert headers_for_worker(found) == [(b"Connection", b"Upgrade"), (b"Upgrade", b"SPDY/3.1")]


def test_stream_protocols_are_passed_on_in_order() -> None:
    found = request_in(
        head(UPGRADE, "X-Stream-Protocol-Version: v5\r\nX-Stream-Protocol-Version: v4,v3\r\nSec-WebSocket-Key: k\r\n")
    )
    assert headers_for_worker(found)[2:] == [
        (b"x-stream-protocol-version", b"v5"),
        (b"x-stream-protocol-version", b"v4,v3"),
        (b"sec-websocket-key", b"k"),
    ]


def test_a_token_among_subprotocols_stays_here() -> None:
    protocols = "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0\r\n"
    found = request_in(
        head(UPGRADE, "Sec-WebSocket-Protocol: " + protocols, "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n")
    )
    assert headers_for_worker(found)[2:] == [(b"sec-websocket-protocol", b"v5.channel.k8s.io, v4.channel.k8s.io")]


def test_every_answer_but_a_switch_ends_the_connection() -> None:
    headers = [
        (b"content-type", b"text/plain"),
        (b"connection", b"keep-alive"),
        (b"audit-id", b"1"),
        (b"upgrade", b"h2c"),
    ]
    assert headers_for_client(headers, is_switch=False) == ((b"content-type", b"text/plain"), (b"connection", b"close"))


def test_a_switch_is_passed_on_with_its_protocol() -> None:
    headers = [(b"connection", b"Upgrade"), (b"upgrade", b"SPDY/3.1"), (b"x-stream-protocol-version", b"v4")]
    passed = headers_for_client(headers, is_switch=True)
    assert rendered(101, b"Switching Protocols", passed) == (
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\nx-stream-protocol-version: v4\r\n\r\n"
    )
