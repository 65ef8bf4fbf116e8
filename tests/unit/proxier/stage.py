"""A proxier's server on a real socket, between a client of the test's making and a worker that does what it is told."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry

from oceanctl.sandbox import kubeconfig, ports
from oceanctl.sandbox.pki import Authority, Identity, KeyPair, Usage
from proxier.auth import Gate
from proxier.certs import ServingTls
from proxier.conversation import Services
from proxier.errors import RefusalError, RouteError, UpstreamError
from proxier.limits import Limits
from proxier.metrics import ProxyMetrics
from proxier.node.answers import NodeAnswers, Sources
from proxier.node.kubelets import Kubelets
from proxier.node.tenants import Tenants
from proxier.routes import Target
from proxier.server import Place, Server
from proxier.serving.source import Files
from proxier.targets import WorkerAddress
from proxier.upstream import Upstream
from reconciler.kube.client import Client
from reconciler.kube.errors import TransientError
from reconciler.kube.kubeconfig import from_secret

VNODE = "vnode-1"
HOST = "127.0.0.1"
LOGS = "/containerLogs/app/web/main"
EXEC = "/exec/app/web/main?command=id&output=1"
UPGRADE = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nlines"

Play = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def say_ok(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def say_back(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(SWITCH)
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()


class FastClock:
    """A clock that is `ahead` of the machine's."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class FakeApi:
    """Knows one token, and allows what it is told, but some users never; None: it is down."""

    is_allowed: bool | None = True
    forbidden: tuple[str, ...] = ()
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    async def request(self, _method: str, path: str, *, body: Mapping[str, Any] | None = None) -> bytes:
        assert body is not None
        self.asked.append(body["spec"])
        if self.is_allowed is None:
            raise TransientError("down")
        if path.endswith("tokenreviews"):
            is_known = body["spec"]["token"] == "good"
            return json.dumps({"status": {"authenticated": is_known, "user": {"username": "robot"}}}).encode()
        is_allowed = self.is_allowed and body["spec"]["user"] not in self.forbidden
        return json.dumps({"status": {"allowed": is_allowed}}).encode()


class NoClient:
    """A computing cluster that is down."""

    @asynccontextmanager
    async def stream(self, path: str, query: Mapping[str, str], *, idle_seconds: float) -> AsyncIterator[None]:
        raise TransientError(f"{path}: down, {query}, {idle_seconds}")
        yield


@dataclass
class Stage:
    """The whole of it. `play` is what the worker does with a request; `heads` are the requests that it saw."""

    authority: Authority
    tls: ServingTls
    port: int
    api: FakeApi
    registry: CollectorRegistry
    clock: FastClock
    server: Server = field(init=False)
    play: Play = say_ok
    heads: list[bytes] = field(default_factory=list)
    refusal: RefusalError | None = None
    upstream: Upstream | None = None
    worker_ended: asyncio.Event = field(default_factory=asyncio.Event)
    tenants: Tenants = field(default_factory=lambda: Tenants.of(VNODE, "n1", ()))
    kubelets: Callable[[], Kubelets] = field(init=False)

    def __post_init__(self) -> None:
        self.kubelets = self.no_kubelets

    @property
    def sources(self) -> Sources:
        """Answers about the vnode itself need no cluster here, but for those that `kubelets` gives."""
        return Sources(
            cast("Client", NoClient()), lambda _vnode: self.tenants, lambda _vnode: (), self.give_kubelets, lambda _: {}
        )

    def give_kubelets(self) -> Kubelets:
        return self.kubelets()

    def no_kubelets(self) -> Kubelets:
        raise UpstreamError(502, "no kubelets here")

    def resolve(self, target: Target, vnode: str) -> tuple[WorkerAddress, Upstream]:
        if (vnode, target.namespace, target.pod) != (VNODE, "app", "web"):
            raise RouteError(404, "not found")
        if self.refusal is not None:
            raise self.refusal
        assert self.upstream is not None
        return WorkerAddress("mount", "web-0123"), self.upstream

    async def work(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            await self.play(head, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.worker_ended.set()

    def client_tls(self, pair: KeyPair | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority.pair.certificate)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return context

    def certificate(self, user: str = "api-server", usage: Usage = Usage.CLIENT) -> KeyPair:
        return self.authority.issue(f"client-{user}", Identity(user, ("system:masters",), usage=usage))

    def counted(self, name: str, **labels: str) -> float:
        """A sample of the proxier's metrics, without its common prefix; 0 before it is there."""
        return self.registry.get_sample_value(f"kubeocean_proxier_{name}", labels) or 0

    @asynccontextmanager
    async def connected(
        self, context: ssl.SSLContext | None = None
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        context = context or self.client_tls(self.certificate())
        reader, writer = await asyncio.open_connection(HOST, self.port, ssl=context, limit=2**20)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def ask(self, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
        """Everything that comes back, to the end of the connection."""
        async with asyncio.timeout(20), self.connected(context) as (reader, writer):
            writer.write(request)
            return await reader.read()


def get(path: str, *lines: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: vnode\r\n{''.join(lines)}\r\n".encode()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def upstream_to(port: int, authority: Path) -> Upstream:
    content = kubeconfig.with_token("w", f"https://{HOST}:{port}", authority, "worker-token")
    return Upstream(from_secret(json.dumps(content).encode()), "w1")


@asynccontextmanager
async def staged(
    folder: Path, *, limits: Limits | None = None, strangers: int = 1000, of_source: int = 1000
) -> AsyncIterator[Stage]:
    """A stage of its own for one test."""
    authority = Authority(folder / "pki")
    serving = authority.issue("serving", Identity("serving", hosts=(HOST,), usage=Usage.SERVER))
    tls = ServingTls(Files(serving.certificate, serving.key), authority.pair.certificate)
    tls.refresh()
    api, registry = FakeApi(), CollectorRegistry()
    metrics = ProxyMetrics(registry)
    clock = FastClock()
    gate = Gate(api, metrics.decided, clock)
    async with AsyncExitStack() as stack:
        (port,) = ports.reserve(folder, 1)  # nobody else's, however many tests run on this machine
        stack.callback(ports.release, folder)
        stage = Stage(authority, tls, port, api, registry, clock)
        services = Services(gate, stage.resolve, limits or Limits(1000, 1000), metrics, NodeAnswers(stage.sources))
        stage.server = server = Server(Place(HOST, 1000, strangers, of_source), tls, services)
        of_worker = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        of_worker.load_cert_chain(serving.certificate, serving.key)
        worker = await asyncio.start_server(stage.work, HOST, 0, ssl=of_worker, limit=2**20)
        stack.callback(worker.close)
        stage.upstream = upstream_to(worker.sockets[0].getsockname()[1], authority.pair.certificate)
        await server.serve({stage.port: VNODE})
        stack.push_async_callback(server.drain, 0)
        yield stage
