"""`kubectl top` of vnodes and of pods on them, from the figures that vnodes give to a metrics-server."""

import re
from collections.abc import Iterator

import pytest

from oceanctl.sandbox.sandbox import COMPUTING, Sandbox
from tests.e2e.conftest import NODES, StartPod, container
from tests.e2e.hands import Hand
from tests.e2e.metrics_server import Scraper, metrics_server
from tests.integration.kubectl import eventually

BUSY_MILLICORES = 100
_ROW = re.compile(r"(?P<name>\S+)\s+(?:(?P<container>[a-z]\S*)\s+)?(?P<cpu>\d+)m\s+(?:\d+%\s+)?(?P<memory>\d+)Mi.*")


@pytest.fixture(scope="module")
def metrics(system: Sandbox) -> Iterator[Scraper]:
    with metrics_server(system.cluster(COMPUTING)) as running:
        yield running


@pytest.fixture(scope="module")
def busy(metrics: Scraper, start_pod: StartPod) -> str:
    """A pod with a container that takes all it may have, and one that takes nothing."""
    del metrics  # asked meanwhile
    limits = {"limits": {"cpu": f"{BUSY_MILLICORES}m", "memory": "32Mi"}}
    burning = container("burning", "while :; do :; done", resources=limits)
    start_pod("busy", containers=[burning, container("idle", "exec sleep 3600", resources=limits)])
    return "busy"


def rows(hand: Hand, *arguments: str) -> list[re.Match[str]]:
    """What `kubectl top` shows, without its first line; nothing while it has nothing."""
    answer = hand.try_run("top", *arguments)
    found = [_ROW.fullmatch(line) for line in answer.stdout.decode().splitlines()[1:]]
    return [row for row in found if row]


def test_pods_are_shown_under_their_own_names(reader: Hand, busy: str) -> None:
    (row,) = eventually(lambda: rows(reader, "pod", busy), 90)
    assert row["name"] == busy


def test_each_container_has_its_own_figures(reader: Hand, busy: str) -> None:
    def shown() -> dict[str, int]:
        return {row["container"]: int(row["cpu"]) for row in rows(reader, "pod", busy, "--containers")}

    def is_true_to_life() -> bool:
        figures = shown()
        return BUSY_MILLICORES / 2 < figures.get("burning", 0) < BUSY_MILLICORES * 2 and figures.get("idle", 99) < 10

    eventually(is_true_to_life, 90)


def test_vnodes_are_shown(reader: Hand, busy: str) -> None:
    del busy
    shown = eventually(lambda: rows(reader, "node") if len(rows(reader, "node")) == NODES else [], 90)
    assert {row["name"] for row in shown} == {
        f"vnode-worker-1-worker-1-real-{number}" for number in range(1, NODES + 1)
    }
    assert all(int(row["memory"]) > 0 for row in shown)
