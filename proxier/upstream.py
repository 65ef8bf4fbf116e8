"""Connections to a worker's API server: one per request, its answer's head read with h11, the rest left to the leg."""

import asyncio
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import h11

from proxier.errors import UpstreamError
from proxier.streams import Leg, keep_alive
from proxier.tls import Link, Room
from reconciler.kube.access import Access

CONNECT_SECONDS: Final = 4.0  # whoever waits is told within 5 s that a worker is away
ANSWER_SECONDS: Final = 30.0  # until the head: the worker asks its kubelet first
_REFUSAL_SECONDS: Final = 5.0  # for the few bytes of a refusal's body
_MOST_HEAD_BYTES: Final = 64 * 1024
_MOST_REFUSAL_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Question:
    """A request to the worker; `path` includes the query, `patience_seconds` is for the answer's head."""

    method: str
    path: str
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    patience_seconds: float = ANSWER_SECONDS


class Reply:
    """The head of the worker's answer, and the leg from which the rest comes."""

    def __init__(self, leg: Leg, connection: h11.Connection, head: h11.Response | h11.InformationalResponse) -> None:
        self.leg = leg
        self._connection = connection
        self._head = head

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._head.status_code

    @property
    def reason(self) -> bytes:
        """Its text."""
        return bytes(self._head.reason)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """With names in lower case."""
        return list(self._head.headers)

    @property
    def is_switch(self) -> bool:
        """Whether the worker has switched protocols."""
        return isinstance(self._head, h11.InformationalResponse)

    def glued(self) -> bytes:
        """What came behind the head with it."""
        return bytes(self._connection.trailing_data[0])

    async def body(self) -> bytes:
        """The whole body of a refusal, or its first 64 KiB; what does not come in time is left out."""
        body = bytearray()
        try:
            async with asyncio.timeout(_REFUSAL_SECONDS):
                while len(body) < _MOST_REFUSAL_BYTES:
                    event = await _next_event(self._connection, self.leg)
                    if not isinstance(event, h11.Data):
                        break
                    body += event.data
        except (TimeoutError, h11.RemoteProtocolError):
            pass  # a truncated reason is better than none
        return bytes(body)


class Upstream:
    """One worker's API server and the credential for it."""

    def __init__(self, access: Access, worker: str) -> None:
        parts = urlsplit(access.server)
        self.worker = worker
        self.access = access
        self._room = Room()
        self._host = parts.hostname or ""
        self._port = parts.port or 443
        self._prefix = parts.path.rstrip("/")
        self._authority = parts.netloc.encode()

    def url_of(self, path: str) -> str:
        """The address of a path with its query, as clients of HTTP write it."""
        return f"{self.access.server.rstrip('/')}{path}"

    async def credential(self) -> dict[str, str]:
        """The header that says who we are; none where the certificate does."""
        if not self.access.configuration.api_key:
            return {}
        token = await self.access.configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": token.strip()}

    async def ask(self, question: Question) -> Reply:
        """Connect, ask, and read the answer's head. The caller ends the reply's leg.

        Raises:
            UpstreamError: 502 when there is no connection or no HTTP, 504 when no answer comes.

        """
        leg = await self._connect()
        try:
            async with asyncio.timeout(question.patience_seconds):
                return await self._exchange(leg, question)
        except TimeoutError as error:
            leg.abort()
            raise UpstreamError(
                504, f'worker "{self.worker}" did not answer within {question.patience_seconds:g} s'
            ) from error
        except h11.RemoteProtocolError as error:
            leg.abort()
            raise UpstreamError(502, f'worker "{self.worker}" broke off its answer') from error
        except BaseException:
            leg.abort()
            raise

    async def _connect(self) -> Leg:
        leg = Leg()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._shake_hands(leg)
        except ssl.SSLCertVerificationError as error:
            text = f'the certificate of worker "{self.worker}" is not trusted: {error.verify_message}'
            raise UpstreamError(502, text) from error
        except TimeoutError as error:
            text = f'worker "{self.worker}" cannot be reached: no connection within {CONNECT_SECONDS:g} s'
            raise UpstreamError(502, text) from error
        except OSError as error:
            text = f'worker "{self.worker}" cannot be reached: {error.strerror or type(error).__name__}'
            raise UpstreamError(502, text) from error
        return leg

    async def _shake_hands(self, leg: Leg) -> None:
        name = self.access.configuration.tls_server_name or self._host
        link = Link(leg, self._room, self.access.tls, server_name=name)
        leg.tie(link)
        try:
            transport, _ = await asyncio.get_running_loop().create_connection(lambda: link, self._host, self._port)
            keep_alive(transport.get_extra_info("socket"))
            await link.ready
        except BaseException:
            leg.abort()
            raise

    async def _exchange(self, leg: Leg, question: Question) -> Reply:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD_BYTES)
        target = (self._prefix + question.path).encode()
        request = h11.Request(method=question.method, target=target, headers=await self._headers(question))
        leg.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        while True:
            event = await _next_event(connection, leg)
            if isinstance(event, h11.Response) or (
                isinstance(event, h11.InformationalResponse) and event.status_code == HTTPStatus.SWITCHING_PROTOCOLS
            ):
                return Reply(leg, connection, event)
            if not isinstance(event, h11.InformationalResponse):
                raise UpstreamError(502, f'worker "{self.worker}" closed the connection without an answer')

    async def _headers(self, question: Question) -> list[tuple[bytes, bytes]]:
        headers = [(b"Host", self._authority), (b"User-Agent", b"kubeocean-proxier"), (b"Accept", b"*/*")]
        credential = [(name.encode(), value.encode()) for name, value in (await self.credential()).items()]
        return headers + credential + question.headers


async def _next_event(connection: h11.Connection, leg: Leg) -> h11.Event | None:
    """The next event; None when there can be none any more."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Event):
            return event
        if event is h11.PAUSED:
            return None
        connection.receive_data(await leg.more())
