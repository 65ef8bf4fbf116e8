"""Real Kubernetes for tests: processes of this machine, torn down for sure.

Fixtures (all of the session: a control plane takes 5 s to start, so share one and use a namespace or a name of your own)
    cluster          one complete control plane with an audit log
    bare_cluster     etcd and API server only, with an audit log: no garbage collection, no scheduling, no namespace deletion;
                     pods need no service account there
    start_cluster    `start_cluster(controller_manager=…, scheduler=…, ephemeral_containers=…, extra={component: [flag, …]}) -> ControlPlane`: one
                     of your own, which you may stop (`stop_component("kube-apiserver", signal.SIGKILL)`) and start again on its old port
    start_clusters   `start_clusters(3, …)`: several at once, which is quicker
    start_nodes      `start_nodes(cluster, [NodeSpec("n1", labels={…}, capacity={"cpu": "4"}), …]) -> HollowNodes`: simulated nodes in a complete
                     cluster; `.stop(signal.SIGKILL)` and `.start()` are a crash of their kubelets (pods are taken up again)
    sandbox          the whole `oceanctl sandbox`: computing, worker-1 and worker-2 with three nodes each, CRDs, RBAC, kubeconfig Secrets, audit logs
    programs         the executables, for example `programs.path("kubectl")`
    debug_kubectl    a kubectl whose `debug` these API servers understand

A `ControlPlane` has `.kubeconfig` (administrator), `.kubeconfig_for(user, groups)`, `.kubeconfig_for_service_account(namespace, name)`, `.server`,
`.api` and `.etcd` (blocking clients). A `Sandbox` has `.cluster(name)`, `.nodes(name)`, `.kubeconfig(name)` and `.reconciler_kubeconfig`.
`AuditLog(cluster.wants.audit_log)` of `tests.integration.audit` counts requests; `tests.integration.kubectl` has `Kubectl` and `eventually`.

Everything lives below `.state/tests/PID-…`. It is removed at the end of the session, after failures, Ctrl-C and SIGTERM too; what a killed session
left behind is removed by the next one.
"""

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

from oceanctl.sandbox import controlplane
from oceanctl.sandbox.controlplane import ControlPlane, Wants
from oceanctl.sandbox.hollownodes import HollowNodes, NodeSpec
from oceanctl.sandbox.process import Identity
from oceanctl.sandbox.programs import Programs, find
from oceanctl.sandbox.progress import to_stderr
from oceanctl.sandbox.realnodes import nodes as realnodes
from oceanctl.sandbox.sandbox import Sandbox, Shape
from tests.integration import debugging

StartCluster = Callable[..., ControlPlane]
StartNodes = Callable[..., HollowNodes]
STATE = Path(__file__).parents[2] / ".state" / "tests"


def pytest_sessionstart() -> None:
    """A polite kill ends the session as Ctrl-C does, with every fixture torn down."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def programs() -> Programs:
    return find()


@pytest.fixture(scope="session")
def debug_kubectl(programs: Programs) -> Path:
    return debugging.kubectl_for(programs)


@pytest.fixture(scope="session")
def state_folder() -> Iterator[Path]:
    """This session's folder; folders of sessions that no longer run are swept first."""
    for left in STATE.glob("*"):
        _remove_if_abandoned(left)
    me = Identity.of(os.getpid())
    assert me is not None
    folder = STATE / f"{me.pid}-{me.started}"
    folder.mkdir(parents=True, mode=0o700)
    yield folder
    _remove_session(folder)


@pytest.fixture(scope="session")
def start_clusters(programs: Programs, state_folder: Path) -> Iterator[Callable[..., list[ControlPlane]]]:
    numbers = itertools.count(1)
    folders: list[Path] = []

    def start(
        count: int,
        *,
        controller_manager: bool = True,
        scheduler: bool = True,
        ephemeral_containers: bool = False,
        extra: Mapping[str, Sequence[str]] | None = None,
    ) -> list[ControlPlane]:
        wants = Wants(
            controller_manager=controller_manager,
            scheduler=scheduler,
            ephemeral_containers=ephemeral_containers,
            extra=extra or {},
        )
        clusters = [_prepare(state_folder / f"c{next(numbers)}", programs, wants) for _ in range(count)]
        folders.extend(cluster.folder for cluster in clusters)
        controlplane.start_all(clusters)
        return clusters

    yield start
    for folder in folders:
        controlplane.remove(folder)


@pytest.fixture(scope="session")
def start_cluster(start_clusters: Callable[..., list[ControlPlane]]) -> StartCluster:
    def start(**wants: object) -> ControlPlane:
        return start_clusters(1, **wants)[0]

    return start


@pytest.fixture(scope="session")
def cluster(start_cluster: StartCluster) -> ControlPlane:
    return start_cluster()


@pytest.fixture(scope="session")
def bare_cluster(start_cluster: StartCluster) -> ControlPlane:
    return start_cluster(controller_manager=False, scheduler=False, ephemeral_containers=True)


@pytest.fixture(scope="session")
def start_nodes() -> StartNodes:
    def start(cluster: ControlPlane, specs: Sequence[NodeSpec], *, restart_backoff_seconds: float = 10) -> HollowNodes:
        nodes = HollowNodes(cluster)
        nodes.configure(specs, restart_backoff_seconds=restart_backoff_seconds)
        nodes.start()
        return nodes

    return start


@pytest.fixture(scope="session")
def sandbox(state_folder: Path) -> Iterator[Sandbox]:
    whole = Sandbox(state_folder / "sandbox")
    try:
        whole.up(Shape(audit=True), to_stderr())
        yield whole
    finally:
        whole.down()


def _prepare(folder: Path, programs: Programs, wants: Wants) -> ControlPlane:
    return ControlPlane.prepare(folder, programs, replace(wants, audit_log=folder / "audit.log"))


def _remove_if_abandoned(folder: Path) -> None:
    """The name says whose it is, from the first moment on."""
    pid, _, started = folder.name.partition("-")
    owner = Identity.of(int(pid))
    if owner is None or owner.started != started:
        _remove_session(folder)


def _remove_session(folder: Path) -> None:
    for sandbox in folder.glob("*/clusters"):
        Sandbox(sandbox.parent).down()
    for cluster in folder.glob("*/pids"):
        realnodes.remove(cluster.parent)
        controlplane.remove(cluster.parent)
    shutil.rmtree(folder)
