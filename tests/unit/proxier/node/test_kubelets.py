"""From a client over the proxier to a kubelet and back, all over TLS."""

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

from oceanctl.sandbox import kubeconfig
from oceanctl.sandbox.pki import Authority, Identity, Usage
from proxier.node.kubelets import Kubelets, Way, Ways, base_url_of
from reconciler.kube.access import Access
from reconciler.kube.client import Client
from reconciler.kube.errors import NotFoundError, TransientError
from reconciler.kube.kubeconfig import from_secret
from reconciler.kube.projections import DaemonEndpoints, KubeletEndpoint, Node, NodeAddress, NodeStatus, ObjectMeta
from reconciler.kube.resources import Resource
from tests.unit.proxier.node.people import TENANTS, WEB
from tests.unit.proxier.stage import HOST, Stage, get, staged, status_of

METRICS = b'x{namespace="mount",pod="web-0123"} 0\nx{namespace="kube-system",pod="etcd"} 1\nmachine_cpu_cores 8\n'
SUMMARY = {
    "node": {"nodeName": "n1"},
    "pods": [{"podRef": {"name": "web-0123", "namespace": "mount", "uid": WEB.worker.uid}}],
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def healthy(request: web.Request) -> web.StreamResponse:
    if request.path == "/stats/summary":
        return web.json_response(SUMMARY)
    return web.Response(body=METRICS)


async def cut_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(METRICS)
    assert request.transport is not None
    request.transport.abort()
    return response


@dataclass
class Worker:
    """The worker's API server, as far as it knows one node."""

    node: dict[str, Any] | Exception
    asked: list[str] = field(default_factory=list)

    async def get_raw(self, _resource: Resource, name: str) -> bytes:
        self.asked.append(name)
        if isinstance(self.node, Exception):
            raise self.node
        return json.dumps(self.node).encode()


@dataclass
class Scene:
    stage: Stage
    worker: Worker
    seen: list[web.Request]

    async def ask(self, path: str) -> bytes:
        return await self.stage.ask(get(path))


def node_at(port: int, address: str = HOST) -> dict[str, Any]:
    addresses = [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": address}]
    endpoints = {"kubeletEndpoint": {"Port": port}}
    return {"metadata": {"name": "n1"}, "status": {"addresses": addresses, "daemonEndpoints": endpoints}}


def access_of(authority: Authority, port: int = 1) -> Access:
    content = kubeconfig.with_token("w", f"https://{HOST}:{port}", authority.pair.certificate, "worker-token")
    return from_secret(json.dumps(content).encode())


@asynccontextmanager
async def scene_with(
    folder: Path, handler: Handler, *, hosts: tuple[str, ...] = (HOST,), way: Way = Way.DIRECT
) -> AsyncIterator[Scene]:
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return await handler(request)

    async with staged(folder) as stage:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(application)
        await runner.setup()
        pair = stage.authority.issue("kubelet", Identity("system:node:n1", hosts=hosts, usage=Usage.SERVER))
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pair.certificate, pair.key)
        site = web.TCPSite(runner, HOST, 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        worker = Worker(node_at(port))
        access = access_of(stage.authority, port)
        async with Kubelets(cast("Client", worker), Ways("w1", way, access, access)) as kubelets:
            stage.tenants, stage.kubelets = TENANTS, lambda: kubelets
            yield Scene(stage, worker, seen)
        await runner.cleanup()


def body_of(answer: bytes) -> bytes:
    """What an answer in chunks says; it must be whole."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if not int(size, 16):
            assert rest == b"\r\n"
            return body
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


@pytest.mark.parametrize("path", ["/metrics", "/metrics/cadvisor", "/metrics/resource", "/metrics/probes"])
async def test_metrics_are_those_of_the_vnode(tmp_path: Path, path: str) -> None:
    async with scene_with(tmp_path, healthy) as scene:
        answer = await scene.ask(path)
        assert body_of(answer) == b'x{namespace="app",pod="web"} 0\nmachine_cpu_cores 8\n'
        (request,) = scene.seen
        assert (request.path, request.headers["Authorization"]) == (path, "Bearer worker-token")


async def test_statistics_are_those_of_the_vnode(tmp_path: Path) -> None:
    async with scene_with(tmp_path, healthy) as scene:
        answer = await scene.ask("/stats/summary?only_cpu_and_memory=true&other=1")
        told = json.loads(body_of(answer))
        assert (told["node"]["nodeName"], told["pods"][0]["podRef"]["name"]) == ("vnode-c1-n1", "web")
        assert scene.seen[0].query_string == "only_cpu_and_memory=true"


async def test_a_node_is_looked_up_once(tmp_path: Path) -> None:
    async with scene_with(tmp_path, healthy) as scene:
        for _ in range(3):
            await scene.ask("/metrics")
        assert scene.worker.asked == ["n1"]


async def test_the_api_server_can_be_asked_instead(tmp_path: Path) -> None:
    async with scene_with(tmp_path, healthy, way=Way.API_SERVER) as scene:
        assert status_of(await scene.ask("/metrics/cadvisor")) == 200
        assert scene.seen[0].path == "/api/v1/nodes/n1/proxy/metrics/cadvisor"
        assert scene.worker.asked == []


async def test_a_kubelet_with_another_s_certificate_gets_no_credential(tmp_path: Path) -> None:
    async with scene_with(tmp_path, healthy, hosts=("192.0.2.7",)) as scene:
        answer = await scene.ask("/metrics")
        assert status_of(answer) == 502
        assert b"certificate is not trusted" in answer
        assert scene.seen == []


@pytest.mark.parametrize(
    ("answered", "expected", "said"),
    [(401, 502, b"may not read"), (403, 502, b"may not read"), (404, 404, b"has no /metrics"), (500, 502, b"500")],
)
async def test_what_a_kubelet_refuses_is_told(tmp_path: Path, answered: int, expected: int, said: bytes) -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=answered, text="secrets of the worker")

    async with scene_with(tmp_path, refuse) as scene:
        answer = await scene.ask("/metrics")
        assert status_of(answer) == expected
        assert said in answer
        assert b"secrets" not in answer


async def test_a_body_that_is_cut_off_can_be_told_from_a_whole_one(tmp_path: Path) -> None:
    async with scene_with(tmp_path, cut_off) as scene:
        answer = await scene.ask("/metrics")
        assert answer.count(b"HTTP/1.1") == 1
        assert not answer.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "node",
    [
        NotFoundError("gone", status=404),
        TransientError("away"),
        {"metadata": {"name": "n1"}},
        node_at(1),
    ],
    ids=["node gone", "worker away", "no address", "nobody listens"],
)
async def test_a_kubelet_that_is_not_there_is_named(tmp_path: Path, node: dict[str, Any] | Exception) -> None:
    async with scene_with(tmp_path, healthy) as scene:
        scene.worker.node = node
        answer = await scene.ask("/stats/summary")
        assert status_of(answer) == 502
        assert b'kubelet of node \\"n1\\" of worker \\"w1\\"' in answer


async def test_statistics_that_are_none_are_not_passed_on(tmp_path: Path) -> None:
    async def odd(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>etcd</html>")

    async with scene_with(tmp_path, odd) as scene:
        answer = await scene.ask("/stats/summary")
        assert status_of(answer) == 502
        assert b"etcd" not in answer


async def test_health_and_configuration_need_no_worker(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        assert body_of(await stage.ask(get("/healthz"))) == b"ok"
        assert body_of(await stage.ask(get("/configz"))) == b"{}"
        assert json.loads(body_of(await stage.ask(get("/runningpods/"))))["items"] == []


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ((("ExternalIP", "192.0.2.1"), ("InternalIP", "10.0.0.1")), "https://10.0.0.1:10250"),
        ((("InternalIP", "fd00::1"), ("InternalIP", "10.0.0.1")), "https://[fd00::1]:10250"),
        ((("Hostname", "n1"),), "https://n1:10250"),
        ((), None),
    ],
)
def test_where_a_kubelet_answers(addresses: tuple[tuple[str, str], ...], expected: str | None) -> None:
    found = tuple(NodeAddress(type=kind, address=address) for kind, address in addresses)
    endpoints = DaemonEndpoints(kubelet_endpoint=KubeletEndpoint(port=10250))
    node = Node(ObjectMeta("n1"), status=NodeStatus(addresses=found, daemon_endpoints=endpoints))
    assert base_url_of(node) == expected
