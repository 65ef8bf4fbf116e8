"""Clients of real API servers, straight and through proxies that break."""

import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.pki import Authority, Identity, Usage
from reconciler.kube.client import Client, connect
from reconciler.kube.kubeconfig import Access, from_file
from reconciler.kube.resources import NAMESPACES
from tests.integration.conftest import StartCluster
from tests.integration.kube.proxy import Proxy, Upstream, proxy_to

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def uncached_cluster(start_cluster: StartCluster) -> ControlPlane:
    """Its API server watches etcd itself, so that a compaction is felt at once; tests may kill and restart it."""
    flags = {"kube-apiserver": ["--watch-cache=false"]}
    return start_cluster(controller_manager=False, scheduler=False, extra=flags)


@pytest.fixture
async def client(bare_cluster: ControlPlane) -> AsyncIterator[Client]:
    async with await connect(await from_file(bare_cluster.kubeconfig)) as connected:
        yield connected


@pytest.fixture
async def namespace(client: Client) -> str:
    """A namespace of the test's own."""
    return await make_namespace(client)


async def make_namespace(client: Client) -> str:
    name = f"kube-{next(_numbers)}"
    await client.create(NAMESPACES, {"metadata": {"name": name}})
    return name


@pytest.fixture
async def tcp_proxy(bare_cluster: ControlPlane) -> AsyncIterator[Proxy]:
    """Sees TLS records only."""
    async with proxy_to(Upstream(bare_cluster.ports.api_server)) as proxy:
        yield proxy


@pytest.fixture
async def tls_proxy(bare_cluster: ControlPlane) -> AsyncIterator[Proxy]:
    """Sees what is inside."""
    async with tls_proxy_to(bare_cluster) as proxy:
        yield proxy


def tls_proxy_to(cluster: ControlPlane) -> AbstractAsyncContextManager[Proxy]:
    held = cluster.credentials
    issued = Authority(cluster.folder / "pki").issue(
        "proxy", Identity("proxy", hosts=("127.0.0.1",), usage=Usage.SERVER)
    )
    towards_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    towards_client.load_cert_chain(issued.certificate, issued.key)
    towards_server = ssl.create_default_context(cafile=str(held.authority.certificate))
    towards_server.load_cert_chain(held.admin.certificate, held.admin.key)
    return proxy_to(Upstream(cluster.ports.api_server, towards_client, towards_server))


async def access_through(proxy: Proxy, cluster: ControlPlane) -> Access:
    """The administrator's access, by way of the proxy."""
    access = await from_file(cluster.kubeconfig)
    access.configuration.host = f"https://127.0.0.1:{proxy.port}"
    return access
