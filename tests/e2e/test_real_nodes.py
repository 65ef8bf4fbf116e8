"""Real nodes by themselves: they come back after a power cut and leave nothing behind."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oceanctl.sandbox import controlplane
from oceanctl.sandbox.components import API_SERVER
from oceanctl.sandbox.controlplane import ControlPlane, Wants
from oceanctl.sandbox.programs import NEEDED, find
from oceanctl.sandbox.realnodes import cgroups, network, nodes
from oceanctl.sandbox.realnodes.nodes import EVERY_ADDRESS, RealNodes
from reconciler.kube.resources import PODS
from tests.e2e.conftest import KEEPS_RUNNING, pod
from tests.integration.kubectl import eventually

NAME = "lone"


@pytest.fixture(scope="module")
def lone(state_folder: Path) -> Iterator[RealNodes]:
    """A node of a small cluster, with a pod on it."""
    wants = Wants(controller_manager=False, scheduler=False, extra={API_SERVER: [EVERY_ADDRESS]})
    cluster = ControlPlane.prepare(state_folder / NAME, find((*NEEDED, nodes.KUBELET)), wants)
    made = RealNodes(cluster, [NAME])
    try:
        cluster.start()
        made.start()
        manifest = pod("p", KEEPS_RUNNING, nodeName=NAME, restartPolicy="Always")
        cluster.api.post(PODS.path(namespace="default"), {**manifest, "metadata": {"name": "p"}})
        eventually(lambda: starts(made) == 1)
        yield made
    finally:
        nodes.remove(cluster.folder)
        controlplane.remove(cluster.folder)


def starts(made: RealNodes) -> int:
    """How often the pod's container was started, as far as it runs."""
    found = made.cluster.api.get(PODS.path("p", "default"))
    statuses = found["status"].get("containerStatuses", [])
    return sum(1 + status["restartCount"] for status in statuses if "running" in status["state"])


def traces(folder: Path) -> list[str]:
    """What this machine has of the nodes of a cluster, besides their folder: links, control groups, mounts, processes."""
    mark = network.mark_of(folder)
    links = [link.name for link in Path("/sys/class/net").iterdir() if mark in link.name]
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]
    filters = [line for line in packet_filters().splitlines() if "KUBE" in line or "CNI" in line]
    return [*links, *sorted(cgroups.groups(f"kubeocean-{mark}")), *mounts, *filters, *processes(folder / "nodes")]


def packet_filters() -> str:
    saved = subprocess.run(
        ["iptables-save"], capture_output=True, text=True, check=True, env={"PATH": "/usr/sbin:/sbin"}
    )
    return saved.stdout


def processes(folder: Path) -> list[str]:
    """Command lines in which the folder occurs."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in text:
            found.append(text)
    return found


def is_empty(probe: Callable[[], list[str]], seconds: float = 10) -> list[str]:
    """What is left of it after a while; nothing as soon as there is nothing."""
    give_up_at = time.monotonic() + seconds
    while (left := probe()) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return left


def test_a_node_whose_first_process_is_killed_loses_all_and_comes_back(lone: RealNodes) -> None:
    holder = lone.program(NAME).process
    assert holder is not None
    before = starts(lone)
    holder.kill(signal.SIGKILL)
    assert is_empty(lambda: processes(lone.cluster.folder / "nodes")) == []
    assert is_empty(lambda: members(lone)) == []
    lone.start()
    assert lone.readiness() == {NAME: True}
    eventually(lambda: starts(lone) > before)


def members(made: RealNodes) -> list[str]:
    """Processes in the control groups of the nodes."""
    group = f"kubeocean-{network.mark_of(made.cluster.folder)}-*"
    files = [file for each in cgroups.hierarchies() for file in each.glob(f"{group}/**/cgroup.procs")]
    return [pid for file in files for pid in file.read_text().split()]


def test_starting_again_leaves_a_node_that_runs_alone(lone: RealNodes) -> None:
    before = lone.program(NAME).process
    lone.start()
    assert lone.program(NAME).process == before


def test_removing_leaves_nothing_even_if_nobody_knows_the_processes(lone: RealNodes) -> None:
    folder = lone.cluster.folder
    assert traces(folder)
    shutil.rmtree(folder / "nodes" / NAME / "pids")  # as after a crash at the worst moment
    nodes.remove(folder)
    assert is_empty(lambda: traces(folder)) == []
    assert not (folder / "nodes").exists()
