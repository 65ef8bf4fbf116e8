"""The lean request path: one aiohttp session per API server, prebuilt URLs, no cookies, and every failure a KubeError.

kubernetes.aio made the TLS context and knows the credential; its request path costs ten times as much. Bodies are never logged, and an error quotes only
what answers.py lets through.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from kubernetes.aio.config import ConfigException
from yarl import URL

from reconciler.kube.access import Access
from reconciler.kube.answers import error_for
from reconciler.kube.errors import RejectedError, TransientError

JSON: Final = "application/json"
STALLED: Final = "Stalled"  # a KubeError's reason: a stream gave nothing for too long
BROKEN: Final = "Broken"  # as STALLED: a stream ended in the middle
_USER_AGENT: Final = "kubeocean"
_CONNECTIONS: Final = 100
_KEEPALIVE_SECONDS: Final = (
    60  # node Lease renewals come every 10 s; API servers close idle connections after 90 s or more
)
_READ_BUFFER_BYTES: Final = 2 * 1024 * 1024
_LONGEST_TEXT: Final = 300

Shape = TypeVar("Shape")

OnRequest = Callable[[str, str, int, float], None]
"""Called after every request with verb, resource, HTTP status (0: no answer) and seconds; a watch counts until its headers."""


class Call(msgspec.Struct, frozen=True, gc=False):
    """One request. `query` is encoded already; `verb` and `resource` are what metrics call it."""

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    verb: str = ""
    resource: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Stream:
    """The body of one answer that does not end, as chunks."""

    def __init__(self, call: Call, response: aiohttp.ClientResponse) -> None:
        self._call = call
        self._response = response

    async def read(self) -> bytes:
        """The bytes that have come; empty at a proper end. TransientError tells by its reason: `Stalled` or `Broken`."""
        try:
            return await self._response.content.readany()
        except aiohttp.SocketTimeoutError as error:
            raise TransientError(f"{self._call}: the stream has stalled", reason=STALLED) from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransientError(f"{self._call}: the stream broke: {_text_of(error)}", reason=BROKEN) from error

    def close(self) -> None:
        """Cut the connection; a pending read ends as Broken."""
        self._response.close()


class Transport:
    """Sends Calls to one API server over a pool of kept-alive connections."""

    def __init__(self, access: Access, *, timeout_seconds: float, on_request: OnRequest) -> None:
        self._base = access.server.rstrip("/")
        self._configuration = access.configuration
        self._timeout_seconds = timeout_seconds
        self._on_request = on_request
        self._loop = asyncio.get_running_loop()
        self._options = _options_of(access)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=access.tls, keepalive_timeout=_KEEPALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BUFFER_BYTES,
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        )
        self.last_contact: float | None = None

    @property
    def server(self) -> str:
        """The server's address."""
        return self._base

    async def close(self) -> None:
        """Close every connection, streams included."""
        await self._session.close()

    async def send(self, call: Call) -> bytes:
        """The body of a 2xx answer; anything else is raised as a KubeError."""
        _, body = await self._answer(call, self._exchange(call))
        return body

    async def fetch(self, call: Call, shape: type[Shape]) -> Shape:
        """The decoded body of a 2xx answer; RejectedError when it is not JSON of that shape, as from a login page."""
        body = await self.send(call)
        try:
            return msgspec.json.decode(body, type=shape)
        except msgspec.DecodeError as error:
            raise RejectedError(f"{call}: {self._base} does not answer like a Kubernetes API server") from error

    @asynccontextmanager
    async def stream(self, call: Call, *, idle_seconds: float) -> AsyncIterator[Stream]:
        """The body of a 2xx answer as it comes; a read that gets nothing for `idle_seconds` fails."""
        response, _ = await self._answer(call, self._opening(call, idle_seconds))
        try:
            yield Stream(call, response)
        finally:
            response.close()

    async def _exchange(self, call: Call) -> tuple[aiohttp.ClientResponse, bytes]:
        headers = await self._headers_for(call)
        async with self._session.request(
            call.method, self._url_of(call), data=call.body, headers=headers, **self._options
        ) as response:
            return response, await response.read()

    async def _opening(self, call: Call, idle_seconds: float) -> tuple[aiohttp.ClientResponse, bytes]:
        headers = await self._headers_for(call)
        timeout = aiohttp.ClientTimeout(total=None, sock_read=idle_seconds)
        async with asyncio.timeout(self._timeout_seconds):
            response = await self._session.request(
                call.method, self._url_of(call), headers=headers, timeout=timeout, **self._options
            )
            return response, b"" if response.status == HTTPStatus.OK else await response.read()

    async def _answer(
        self, call: Call, exchange: Coroutine[Any, Any, tuple[aiohttp.ClientResponse, bytes]]
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        started = self._loop.time()
        status = 0
        try:
            response, body = await exchange
            status = response.status
        except (aiohttp.ClientError, OSError, ConfigException) as error:
            raise self._lost(call, error) from error
        finally:
            self._on_request(call.verb, call.resource, status, self._loop.time() - started)
        self.last_contact = self._loop.time()
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise error_for(str(call), status, body, response.headers.get("Retry-After", ""))
        return response, body

    def _url_of(self, call: Call) -> URL:
        query = f"?{call.query}" if call.query else ""
        return URL(f"{self._base}{call.path}{query}", encoded=True)

    async def _headers_for(self, call: Call) -> dict[str, str]:
        headers = {"User-Agent": _USER_AGENT, "Accept": call.accept}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        if self._configuration.api_key:
            headers["Authorization"] = (await self._configuration.get_api_key_with_prefix("BearerToken")).strip()
        return headers

    def _lost(self, call: Call, error: BaseException) -> TransientError:
        if isinstance(error, TimeoutError):
            return TransientError(f"{call}: no answer within {self._timeout_seconds:g} s", reason="Timeout")
        if isinstance(error, (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError)):
            return TransientError(
                f"{call}: the certificate of {self._base} is not trusted: {_text_of(error)}",
                reason="CertificateNotTrusted",
            )
        return TransientError(f"{call}: no answer: {_text_of(error)}", reason="Unreachable")


def _text_of(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:_LONGEST_TEXT]


def _options_of(access: Access) -> dict[str, Any]:
    """What every request of this session has in common. Redirects are not followed: a credential goes to one server only."""
    options: dict[str, Any] = {"allow_redirects": False}
    if access.configuration.tls_server_name:
        options["server_hostname"] = access.configuration.tls_server_name
    proxy = access.configuration.proxy or _proxy_from_environment(access.server)
    if proxy:
        options["proxy"] = proxy
    return options


def _proxy_from_environment(server: str) -> str | None:
    """The proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` ask for; never one to this machine itself, as in Go."""
    parts = urlsplit(server)
    host = parts.hostname or ""
    if _is_loopback(host) or proxy_bypass(parts.netloc):
        return None
    return getproxies().get(parts.scheme)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
