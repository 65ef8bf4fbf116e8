"""Kubeconfigs to start from, and a server to talk to."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from oceanctl.sandbox.pki import Authority, Identity, KeyPair
from reconciler.kube.client import Client, connect
from tests.unit.reconciler.kube.fake_api import FakeApi, fake_api
from tests.unit.reconciler.kube.kubeconfigs import SECRET_TOKEN, SERVER, encoded


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def key_pair(authority: Authority) -> KeyPair:
    return authority.issue("client", Identity("binding"))


@pytest.fixture
def config(authority: Authority, key_pair: KeyPair) -> dict[str, Any]:
    """A kubeconfig that is accepted; tests spoil it."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "ctx",
        "contexts": [{"name": "ctx", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [
            {
                "name": "c",
                "cluster": {"server": SERVER, "certificate-authority-data": encoded(authority.pair.certificate)},
            }
        ],
        "users": [
            {
                "name": "u",
                "user": {
                    "token": SECRET_TOKEN,
                    "client-certificate-data": encoded(key_pair.certificate),
                    "client-key-data": encoded(key_pair.key),
                },
            }
        ],
    }


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    """An API server in the test's hand."""
    async with fake_api() as fake:
        yield fake


@pytest.fixture
async def client(api: FakeApi) -> AsyncIterator[Client]:
    """A client of that server."""
    async with await connect(api.access, timeout_seconds=5) as connected:
        yield connected
