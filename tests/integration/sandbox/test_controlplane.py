import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oceanctl.sandbox import controlplane
from oceanctl.sandbox.components import API_SERVER, CONTROLLER_MANAGER, ETCD
from oceanctl.sandbox.controlplane import ControlPlane, Wants
from oceanctl.sandbox.errors import ProgramDiedError, SandboxError
from oceanctl.sandbox.process import programs_of
from oceanctl.sandbox.programs import Programs
from reconciler.kube.resources import CONFIGMAPS, NAMESPACES
from tests.integration.audit import AuditLog
from tests.integration.conftest import StartCluster


def _config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def _kubectl(programs: Programs, kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(programs.path("kubectl")), f"--kubeconfig={kubeconfig}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture(scope="module")
def own(start_cluster: StartCluster) -> ControlPlane:
    return start_cluster(controller_manager=False, scheduler=False)


def test_kubectl_reads_a_fresh_cluster_with_the_admin_kubeconfig(cluster: ControlPlane, programs: Programs) -> None:
    answer = _kubectl(programs, cluster.kubeconfig, "get", "namespaces", "-o", "name")
    assert "namespace/kube-node-lease" in answer.stdout.split()


def test_the_controller_manager_gives_every_namespace_a_service_account(cluster: ControlPlane) -> None:
    assert cluster.api.get("/api/v1/namespaces/default/serviceaccounts/default")["metadata"]["uid"]


def test_a_user_may_do_only_what_rbac_grants(bare_cluster: ControlPlane, programs: Programs) -> None:
    kubeconfig = bare_cluster.kubeconfig_for("system:node:stranger")
    answer = _kubectl(programs, kubeconfig, "get", "secrets", "--all-namespaces")
    assert (answer.returncode, "system:node:stranger" in answer.stderr) == (1, True)


def test_a_service_account_is_known_by_its_token(
    bare_cluster: ControlPlane, programs: Programs, tmp_path: Path
) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": "default"}}
    bare_cluster.api.post("/api/v1/namespaces/default/serviceaccounts", account)
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(bare_cluster.kubeconfig_for_service_account("default", "reader")))
    answer = _kubectl(programs, file, "get", "nodes")
    assert "system:serviceaccount:default:reader" in answer.stderr


def test_applying_twice_writes_the_same_object(bare_cluster: ControlPlane) -> None:
    versions = [
        bare_cluster.api.apply(CONFIGMAPS, _config_map("twice", a="1"))["metadata"]["resourceVersion"] for _ in "ab"
    ]
    assert versions[0] == versions[1]


def test_the_audit_log_counts_a_write_and_not_a_read(bare_cluster: ControlPlane) -> None:
    assert bare_cluster.wants.audit_log is not None
    log = AuditLog(bare_cluster.wants.audit_log)
    bare_cluster.api.get(NAMESPACES.path("default"))
    bare_cluster.api.apply(CONFIGMAPS, _config_map("counted"))
    assert [(write.verb, write.name) for write in log.writes(by="sandbox-admin")] == [("patch", "counted")]


@pytest.mark.parametrize("component", [API_SERVER, ETCD])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_data_survives_a_component_that_is_started_again(
    own: ControlPlane, component: str, signum: signal.Signals
) -> None:
    _once_settled(lambda: own.api.apply(CONFIGMAPS, _config_map("lasting", a="1")))
    own.stop_component(component, signum)
    assert own.dead_components == (component,)
    own.start()
    assert _once_settled(lambda: own.api.get(CONFIGMAPS.path("lasting", "default")))["data"] == {"a": "1"}


def _once_settled(ask: Callable[[], Any]) -> Any:
    """The answer, once the API server has noticed that its etcd is another process."""
    give_up_at = time.monotonic() + 60
    while True:
        try:
            return ask()
        except SandboxError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.2)


def test_a_program_that_dies_is_reported_with_the_end_of_its_log(programs: Programs, state_folder: Path) -> None:
    wants = Wants(extra={API_SERVER: ["--no-such-flag"]})
    broken = ControlPlane.prepare(state_folder / "broken", programs, wants)
    try:
        with pytest.raises(ProgramDiedError, match="unknown flag: --no-such-flag"):
            broken.start()
    finally:
        controlplane.remove(broken.folder)


def test_a_removed_cluster_leaves_neither_process_nor_file(programs: Programs, state_folder: Path) -> None:
    short = ControlPlane.prepare(state_folder / "short", programs, Wants(controller_manager=False, scheduler=False))
    short.start()
    processes = [program.process for program in programs_of(short.folder)]
    controlplane.remove(short.folder)
    assert [process.is_running for process in processes if process] == [False, False]
    assert not short.folder.exists()


def test_a_cluster_without_a_controller_manager_runs_none(bare_cluster: ControlPlane) -> None:
    assert CONTROLLER_MANAGER not in {program.name for program in programs_of(bare_cluster.folder)}
