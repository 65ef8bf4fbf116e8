import base64
import json
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from oceanctl.sandbox.components import ETCD
from oceanctl.sandbox.folders import cache_folder
from oceanctl.sandbox.hollownodes import HOLLOW_KUBELET
from oceanctl.sandbox.install import MOUNT_NAMESPACE
from oceanctl.sandbox.process import Identity, Program, programs_of
from oceanctl.sandbox.programs import Programs
from oceanctl.sandbox.sandbox import COMPUTING, Sandbox, Shape
from reconciler.names import SYSTEM_NAMESPACE
from tests.integration.kubectl import Kubectl

WORKER = "worker-1"


@pytest.fixture(scope="module")
def small(state_folder: Path) -> Iterator[Sandbox]:
    """A sandbox of our own, to be damaged."""
    made = Sandbox(state_folder / "small")
    try:
        made.up(Shape(workers=1, nodes=1))
        yield made
    finally:
        made.down()


def _admin(small: Sandbox, programs: Programs, cluster: str) -> Kubectl:
    return Kubectl(programs.path("kubectl"), small.kubeconfig(cluster))


def _processes(small: Sandbox) -> dict[str, Identity | None]:
    return {
        f"{name}/{program.name}": program.process
        for name in (COMPUTING, WORKER)
        for program in programs_of(small.cluster(name).folder)
    }


def _can(kubectl: Kubectl, *what: str) -> bool:
    return kubectl.try_run("auth", "can-i", *what).stdout.strip() == "yes"


def test_everything_is_up_after_up(small: Sandbox) -> None:
    status = small.status()
    assert (status.is_up, [cluster.name for cluster in status.clusters]) == (True, [COMPUTING, WORKER])
    assert status.clusters[1].nodes == {"worker-1-node-1": True}


def test_a_second_up_finds_nothing_to_do(small: Sandbox) -> None:
    before = _processes(small)
    lines: list[str] = []
    assert small.up(say=lines.append).is_up
    assert (_processes(small), [line for line in lines if "starting" in line]) == (before, [])


def test_the_custom_resources_are_served(small: Sandbox, programs: Programs) -> None:
    assert _admin(small, programs, COMPUTING).run("get", "clusterbindings,resourceleasingpolicies", "-o", "name") == ""


def test_the_worker_sees_only_what_its_permissions_say(small: Sandbox, programs: Programs, tmp_path: Path) -> None:
    computing = _admin(small, programs, COMPUTING)
    secret = computing.get("secret", f"{WORKER}-kubeconfig", "-n", SYSTEM_NAMESPACE)
    file = tmp_path / "kubeconfig"
    file.write_bytes(base64.b64decode(secret["data"]["kubeconfig"]))
    account = Kubectl(computing.program, file)
    account.run("get", "nodes")
    asked = [
        ("create", "pods", "-n", MOUNT_NAMESPACE),
        ("create", "pods", "-n", "default"),
        ("get", "secrets", "-n", "kube-system"),
        ("patch", "nodes"),
    ]
    assert [_can(account, *what) for what in asked] == [True, False, False, False]


def test_the_reconciler_is_no_administrator(small: Sandbox, programs: Programs) -> None:
    account = Kubectl(programs.path("kubectl"), small.reconciler_kubeconfig)
    account.run("get", "clusterbindings")
    asked = [("create", "nodes"), ("delete", "namespaces"), ("create", "clusterrolebindings")]
    assert [_can(account, *what) for what in asked] == [True, False, False]


def test_a_kubeconfig_names_no_file_of_the_machine(small: Sandbox) -> None:
    users = json.loads(small.kubeconfig(WORKER).read_text())["users"]
    assert set(users[0]["user"]) == {"client-certificate-data", "client-key-data"}


def test_a_half_dead_sandbox_is_repaired_with_its_data(small: Sandbox, programs: Programs) -> None:
    _admin(small, programs, WORKER).run("create", "configmap", "lasting")
    for name in (ETCD, HOLLOW_KUBELET):
        Program(small.cluster(WORKER).folder, name).stop(signal.SIGKILL)
    broken = small.status().clusters[1]
    assert [name for name, runs in broken.programs.items() if not runs] == [ETCD, HOLLOW_KUBELET]
    assert small.up().is_up
    assert _admin(small, programs, WORKER).get("configmap", "lasting")


def test_a_sandbox_grows_by_nodes_and_its_pods_stay(small: Sandbox) -> None:
    assert small.up(Shape(workers=1, nodes=2)).clusters[1].nodes == {"worker-1-node-1": True, "worker-1-node-2": True}


def _await_ends(processes: Sequence[Identity]) -> None:
    """A machine that is up again runs nothing of before; a killed process takes a moment to be gone."""
    give_up_at = time.monotonic() + 30
    while any(process.is_running for process in processes):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_a_machine_that_was_restarted_finds_its_sandbox_again(small: Sandbox) -> None:
    processes = [process for process in _processes(small).values() if process is not None]
    for process in processes:
        process.kill(signal.SIGKILL)
    _await_ends(processes)
    assert small.up().is_up


def test_down_leaves_nothing(small: Sandbox) -> None:
    before = [process for process in _processes(small).values() if process is not None]
    further = Program(small.folder, "reconciler")
    further.start(["/bin/sleep", "600"])
    before += [process for process in [further.process] if process is not None]
    small.down()
    assert (len(before), [process for process in before if process.is_running]) == (10, [])
    assert list(small.folder.iterdir()) == []
    reserved = (cache_folder() / "ports").glob("*")
    assert not [port for port in reserved if str(small.folder) in port.read_text()]
