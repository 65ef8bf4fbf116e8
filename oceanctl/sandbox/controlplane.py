"""One real Kubernetes control plane: etcd, API server, controller manager and scheduler as processes on loopback."""

import json
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Final

from oceanctl.sandbox import components, kubeconfig, ports
from oceanctl.sandbox.components import API_SERVER, CONTROLLER_MANAGER, ETCD, LOOPBACK, SCHEDULER, Credentials, Ports
from oceanctl.sandbox.pki import Authority, Identity, KeyPair
from oceanctl.sandbox.process import Program, programs_of
from oceanctl.sandbox.programs import Programs
from oceanctl.sandbox.rest import Rest
from reconciler.kube.resources import NAMESPACES, SERVICEACCOUNTS

READY_SECONDS: Final = 180.0  # 5 to 16 s on an idle machine; the rest is for loaded ones
TOKEN_SECONDS: Final = 365 * 24 * 3600
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, slots=True)
class Wants:
    """What one control plane runs. `extra` gives further flags by component name; later flags win over ours.

    `ephemeral_containers` opens the gate for `kubectl debug` in versions where it is closed by default.
    """

    controller_manager: bool = True
    scheduler: bool = True
    audit_log: Path | None = None
    ephemeral_containers: bool = False
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def components(self) -> tuple[str, ...]:
        """Component names in the order in which they start."""
        optional = {CONTROLLER_MANAGER: self.controller_manager, SCHEDULER: self.scheduler}
        return tuple(name for name in components.COMPONENTS if optional.get(name, True))


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A cluster in a folder: ports and certificates are on disk, so it can be stopped and started again as the same cluster."""

    folder: Path
    programs: Programs
    wants: Wants
    ports: Ports
    credentials: Credentials

    @classmethod
    def prepare(cls, folder: Path, programs: Programs, wants: Wants | None = None) -> "ControlPlane":
        """Make (or find again) the ports and certificates of the cluster in `folder`; nothing is started."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(folder, programs, wants or Wants(), _ports_of(folder), components.credentials_in(folder / "pki"))

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def server(self) -> str:
        """URL of the API server."""
        return f"https://{LOOPBACK}:{self.ports.api_server}"

    @property
    def api(self) -> Rest:
        """The API server, as administrator."""
        return self._rest(self.ports.api_server, self.credentials.admin)

    @property
    def etcd(self) -> Rest:
        """The JSON gateway of etcd (`/v3/…`), for tests that compact it."""
        return self._rest(self.ports.etcd, self.credentials.etcd)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._kubeconfig("admin", self.credentials.admin)

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig for any user, proved by a client certificate; RBAC says what it may do."""
        file_name = "user-" + user.replace(":", "-")
        issued = Authority(self.folder / "pki").issue(file_name, Identity(user, tuple(groups)))
        return self._kubeconfig(file_name, issued)

    def kubeconfig_for_service_account(self, namespace: str, name: str) -> dict[str, Any]:
        """The content of a kubeconfig with a fresh token of a ServiceAccount; the API server must run."""
        path = SERVICEACCOUNTS.path(name, namespace, "token")
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        token = self.api.post(path, body)["status"]["token"]
        return kubeconfig.with_token(self.name, self.server, self.credentials.authority.certificate, token)

    def component(self, name: str) -> Program:
        """The process of one component."""
        return Program(self.folder, name)

    def start(self, deadline_seconds: float = READY_SECONDS) -> None:
        """Start what does not run yet and wait until all of it is ready.

        Raises ProgramDiedError or NotReadyError with the end of the component's log.
        """
        self.start_component(ETCD, deadline_seconds)
        self.start_component(API_SERVER, deadline_seconds)
        others = self.wants.components[2:]
        for name in others:
            self._launch(name)
        for name in others:
            self._wait(name, deadline_seconds)
        if self.wants.controller_manager:
            self._await_default_service_account(deadline_seconds)

    def start_component(self, name: str, deadline_seconds: float = READY_SECONDS) -> None:
        """Start one component on the ports it always had, and wait until it is ready."""
        self._launch(name)
        self._wait(name, deadline_seconds)

    def stop_component(self, name: str, signum: signal.Signals = signal.SIGTERM) -> None:
        """Stop one component and wait for its end; SIGKILL for a crash."""
        self.component(name).stop(signum)

    def stop(self) -> None:
        """Stop everything, keep the data. The API server is killed: its graceful end waits a minute for watches, and it holds no state."""
        for name in reversed(self.wants.components):
            self.stop_component(name, signal.SIGKILL if name == API_SERVER else signal.SIGTERM)

    @property
    def dead_components(self) -> tuple[str, ...]:
        """The components that should run and do not."""
        return tuple(name for name in self.wants.components if self.component(name).process is None)

    def _rest(self, port: int, client: KeyPair) -> Rest:
        return Rest(port, self.credentials.authority.certificate, client)

    def _kubeconfig(self, file_name: str, client: KeyPair) -> Path:
        authority = self.credentials.authority.certificate
        content = kubeconfig.with_certificate(self.name, self.server, authority, client)
        return kubeconfig.write(self.folder / "kubeconfigs" / f"{file_name}.yaml", content)

    def _launch(self, name: str) -> None:
        program = self.programs.path(name)
        argv = [str(program), *self._flags(name, program), *self.wants.extra.get(name, ())]
        self.component(name).start(argv)

    def _flags(self, name: str, program: Path) -> list[str]:
        held = self.credentials
        match name:
            case "etcd":
                return components.etcd_flags(program, self.folder / "etcd", self.ports, held)
            case "kube-apiserver":
                return self._api_server_flags()
            case "kube-controller-manager":
                config = self._kubeconfig(name, held.controller_manager)
                return components.controller_manager_flags(program, config, self.ports.controller_manager, held)
            case "kube-scheduler":
                config = self._kubeconfig(name, held.scheduler)
                return components.scheduler_flags(program, config, self.ports.scheduler, held)
            case _:
                raise ValueError(f"no component {name!r}")

    def _api_server_flags(self) -> list[str]:
        flags = components.api_server_flags(self.ports, self.credentials)
        if not self.wants.controller_manager:
            flags += components.without_controller_manager_flags()
        if self.wants.ephemeral_containers:
            flags += components.ephemeral_containers_flags(self.programs.version)
        if self.wants.audit_log is not None:
            policy = self.folder / "audit-policy.yaml"
            policy.write_text(json.dumps(_AUDIT_POLICY))
            flags += components.audit_flags(policy, self.wants.audit_log)
        return flags

    def _wait(self, name: str, deadline_seconds: float) -> None:
        self.component(name).wait_until(self._readiness(name), deadline_seconds)

    def _readiness(self, name: str) -> Callable[[], str | None]:
        match name:
            case "etcd":
                return partial(self.etcd.why_not_ok, "/health")
            case "kube-apiserver":
                return self._why_api_server_not_ready
            case "kube-controller-manager":
                return partial(self._rest(self.ports.controller_manager, self.credentials.admin).why_not_ok, "/healthz")
            case _:
                return partial(self._rest(self.ports.scheduler, self.credentials.admin).why_not_ok, "/healthz")

    def _why_api_server_not_ready(self) -> str | None:
        """It calls itself ready before its own namespaces are there."""
        return self.api.why_not_ok("/readyz") or self.api.why_not_ok(NAMESPACES.path("default"))

    def _await_default_service_account(self, deadline_seconds: float) -> None:
        """Before it is there, no pod can be created in namespace default."""
        path = SERVICEACCOUNTS.path("default", "default")
        self.component(CONTROLLER_MANAGER).wait_until(partial(self.api.why_not_ok, path), deadline_seconds)


def start_all(clusters: Sequence[ControlPlane], deadline_seconds: float = READY_SECONDS) -> None:
    """Start several clusters at once; the first failure is raised when all have come to an end."""
    with ThreadPoolExecutor(max_workers=max(1, len(clusters)), thread_name_prefix="start") as pool:
        for result in [pool.submit(cluster.start, deadline_seconds) for cluster in clusters]:
            result.result()


def remove(folder: Path) -> None:
    """Kill every process of the cluster in `folder`, give back its ports and delete it; its state goes with it."""
    running = programs_of(folder)
    for program in running:
        if process := program.process:
            process.kill(signal.SIGKILL)
    for program in running:
        program.stop(signal.SIGKILL)
    ports.release(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _ports_of(folder: Path) -> Ports:
    file = folder / "ports.json"
    if not file.exists():
        chosen = Ports(*ports.reserve(folder, len(fields(Ports))))
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(asdict(chosen)))
        unfinished.replace(file)
    return Ports(**json.loads(file.read_text()))
