"""Custom resources on a real API server, without any controller."""

import itertools
from collections.abc import AsyncIterator
from functools import partial

import pytest

import crds
from oceanctl.sandbox.controlplane import ControlPlane
from reconciler.kube.client import Client, connect
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.resources import CRDS
from reconciler.names import BINDINGS, POLICIES
from tests.integration.kubectl import eventually

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def defined_cluster(bare_cluster: ControlPlane) -> ControlPlane:
    """A cluster that serves both kinds."""
    for definition in crds.load():
        bare_cluster.api.put(CRDS, definition)
    for resource in (BINDINGS, POLICIES):
        eventually(partial(bare_cluster.api.get, resource.path()))
    return bare_cluster


@pytest.fixture
async def client(defined_cluster: ControlPlane) -> AsyncIterator[Client]:
    async with await connect(await from_file(defined_cluster.kubeconfig)) as connected:
        yield connected


@pytest.fixture
def name() -> str:
    """A name of the test's own."""
    return f"inventory-{next(_numbers)}"
