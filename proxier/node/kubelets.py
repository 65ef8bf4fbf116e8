"""Asking the kubelets of a worker about themselves: metrics and statistics, verified and with the least rights.

Straight to the kubelet it takes `nodes/metrics` and `nodes/stats`. Where kubelets cannot be reached, or nobody's authority has signed their certificates, the
worker's API server can be asked to ask them, which takes `nodes/proxy`: the right to run commands in every pod of the node.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from proxier.errors import RouteError, UpstreamError
from proxier.routes import Query
from reconciler.kube.access import Access
from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError, NotFoundError
from reconciler.kube.projections import Node
from reconciler.kube.resources import NODES

_REMEMBER_SECONDS: Final = 300.0  # a node's address; a connection that fails forgets it
_TIMEOUT: Final = aiohttp.ClientTimeout(
    total=60.0, connect=4.0, sock_read=20.0
)  # cAdvisor on a full node takes seconds
_ADDRESSES: Final = ("InternalIP", "InternalDNS", "Hostname", "ExternalIP", "ExternalDNS")
_CHUNK_BYTES: Final = 64 * 1024
_decode_node = msgspec.json.Decoder(Node).decode


class Way(StrEnum):
    """How kubelets are asked."""

    DIRECT = "direct"
    API_SERVER = "api-server"


@dataclass(frozen=True, slots=True)
class Ways:
    """The worker's API server, and what it takes to talk to its kubelets."""

    worker: str
    way: Way
    api_server: Access
    kubelets: Access


class Kubelets:
    """The kubelets of one worker; an async context manager that holds connections to them."""

    def __init__(self, client: Client, ways: Ways) -> None:
        self._client = client
        self._ways = ways
        self._loop = asyncio.get_running_loop()
        self._addresses: dict[str, tuple[float, str]] = {}
        access = ways.kubelets if ways.way is Way.DIRECT else ways.api_server
        self._configuration = access.configuration
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=access.tls), cookie_jar=aiohttp.DummyCookieJar(), timeout=_TIMEOUT
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._session.close()

    @asynccontextmanager
    async def open(self, node: str, path: str, query: Query = ()) -> AsyncIterator[AsyncIterator[bytes]]:
        """What the kubelet of a worker node answers on `path`, as it comes.

        Raises:
            RouteError: 404 when that kubelet has no such thing.
            UpstreamError: 502 when it does not answer, or not us.

        """
        try:
            async with self._session.get(
                await self._url_of(node, path, query), headers=await self._headers(), allow_redirects=False
            ) as response:
                self._check(node, path, response.status)
                yield response.content.iter_chunked(_CHUNK_BYTES)
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
            raise self._failed(node, f"its certificate is not trusted: {_reason_of(error)}") from error
        except TimeoutError as error:
            raise self._failed(node, "it did not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._failed(node, f"no answer: {_reason_of(error)}") from error

    async def _url_of(self, node: str, path: str, query: Query) -> URL:
        if self._ways.way is Way.DIRECT:
            base = await self._address_of(node)
        else:
            base = f"{self._ways.api_server.server.rstrip('/')}{NODES.path(node)}/proxy"
        return URL(f"{base}/{path}" + (f"?{urlencode(query)}" if query else ""), encoded=True)

    async def _address_of(self, node: str) -> str:
        known = self._addresses.get(node)
        if known is not None and known[0] > self._loop.time():
            return known[1]
        try:
            seen = _decode_node(await self._client.get_raw(NODES, node))
        except NotFoundError as error:
            raise self._failed(node, "the node is not there") from error
        except KubeError as error:
            raise self._failed(node, f"the worker does not tell its address: {error}") from error
        address = base_url_of(seen)
        if address is None:
            raise self._failed(node, "the node has no address")
        self._addresses[node] = (self._loop.time() + _REMEMBER_SECONDS, address)
        return address

    async def _headers(self) -> dict[str, str]:
        headers = {"User-Agent": "kubeocean-proxier", "Accept": "text/plain;version=0.0.4, application/json, */*;q=0.1"}
        if self._configuration.api_key:
            token = await self._configuration.get_api_key_with_prefix("BearerToken")
            headers["Authorization"] = token.strip()
        return headers

    def _check(self, node: str, path: str, status: int) -> None:
        if status == HTTPStatus.NOT_FOUND:
            raise RouteError(404, f"the kubelet behind this node has no /{path}")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise self._failed(node, f"we may not read its /{path}")
        if status != HTTPStatus.OK:
            raise self._failed(node, f"it answered {status}")

    def _failed(self, node: str, why: str) -> UpstreamError:
        self._addresses.pop(node, None)
        return UpstreamError(502, f'the kubelet of node "{node}" of worker "{self._ways.worker}": {why}')


def base_url_of(node: Node) -> str | None:
    """Where a node's kubelet answers; None when the node does not say."""
    by_type = {each.type: each.address for each in reversed(node.status.addresses)}
    address = next((by_type[each] for each in _ADDRESSES if by_type.get(each)), None)
    port = node.status.daemon_endpoints.kubelet_endpoint.port
    if address is None or not port:
        return None
    return f"https://[{address}]:{port}" if ":" in address else f"https://{address}:{port}"


def _reason_of(error: BaseException) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    text = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None)
    return str(text or type(cause).__name__)
