from typing import Any

import pytest

from oceanctl.sandbox.hollow.heartbeat import Heartbeat
from oceanctl.sandbox.hollow.node import node_for
from reconciler.clock import SystemClock
from reconciler.kube.resources import LEASES, NODES
from reconciler.names import NODE_LEASE_NAMESPACE
from tests.unit.oceanctl.sandbox.hollow.pods import T0
from tests.unit.oceanctl.sandbox.hollow.server import FakeServer
from tests.unit.oceanctl.sandbox.hollow.test_config import NODE

NODE_PATH = NODES.path("n1")
LEASE_PATH = LEASES.path("n1", NODE_LEASE_NAMESPACE)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def heartbeat(server: FakeServer) -> Heartbeat:
    return Heartbeat(NODE, "1.20.2", server.client, SystemClock())


def _node(ready: str = "True") -> dict[str, Any]:
    made = node_for(NODE, "1.20.2", T0)
    made["metadata"]["uid"] = "u-9"
    for condition in made["status"]["conditions"]:
        if condition["type"] == "Ready":
            condition["status"] = ready
    return made


def _paths(server: FakeServer) -> list[tuple[str, str]]:
    return [(verb, path) for verb, path, _ in server.writes]


async def test_a_node_that_is_not_there_is_created(server: FakeServer, heartbeat: Heartbeat) -> None:
    await heartbeat.register()
    assert _paths(server) == [("create", NODE_PATH)]


async def test_a_node_that_is_there_is_brought_up_to_date(server: FakeServer, heartbeat: Heartbeat) -> None:
    server.objects[NODE_PATH] = _node("Unknown")
    await heartbeat.register()
    assert _paths(server) == [("patch", NODE_PATH), ("patch", f"{NODE_PATH}/status")]


async def test_the_first_beat_makes_the_lease(server: FakeServer, heartbeat: Heartbeat) -> None:
    await heartbeat.register()
    server.objects[NODE_PATH] = _node()
    await heartbeat._beat()
    assert _paths(server)[1:] == [("create", LEASE_PATH)]


async def test_a_quiet_node_only_renews_its_lease(server: FakeServer, heartbeat: Heartbeat) -> None:
    await heartbeat.register()
    server.objects |= {NODE_PATH: _node(), LEASE_PATH: {}}
    await heartbeat._beat()
    assert _paths(server)[1:] == [("patch", LEASE_PATH)]


async def test_a_node_whose_readiness_is_in_doubt_says_that_it_is(server: FakeServer, heartbeat: Heartbeat) -> None:
    await heartbeat.register()
    server.objects |= {NODE_PATH: _node("Unknown"), LEASE_PATH: {}}
    await heartbeat._beat()
    assert _paths(server)[1:] == [("patch", f"{NODE_PATH}/status"), ("patch", LEASE_PATH)]


async def test_a_deleted_node_stays_deleted(server: FakeServer, heartbeat: Heartbeat) -> None:
    await heartbeat.register()
    del server.objects[NODE_PATH]
    await heartbeat._beat()
    assert len(server.writes) == 1
