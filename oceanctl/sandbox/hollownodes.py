"""The simulated nodes of one cluster: their certificates, their configuration, and the process that plays them."""

import ipaddress
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from oceanctl.sandbox import ports
from oceanctl.sandbox.components import LOOPBACK
from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.hollow.config import HollowConfig, NodeConfig, dump, load
from oceanctl.sandbox.pki import Authority, Identity, Usage
from oceanctl.sandbox.process import Program
from oceanctl.sandbox.readiness import readiness_of, why_not_ready

HOLLOW_KUBELET: Final = "hollow-kubelet"
READY_SECONDS: Final = 60.0
NETWORK: Final = "10.128.0.0/14"
CAPACITY: Final = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}
GPU_CAPACITY: Final = {"nvidia.com/gpu": "8"}
GPU_LABELS: Final = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node to play; `capacity` is added to (or replaces parts of) the usual 8 CPUs, 32 GiB and 110 pods."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    capacity: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HollowNodes:
    """The nodes of one cluster, all in one process; stopping it is what a crash of their kubelets is: pods stay as they are."""

    cluster: ControlPlane

    @property
    def program(self) -> Program:
        """The process."""
        return Program(self.cluster.folder, HOLLOW_KUBELET)

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.cluster.folder / "hollow.json"

    def configure(
        self, specs: Sequence[NodeSpec], *, network: str = NETWORK, restart_backoff_seconds: float = 10.0
    ) -> bool:
        """Write the configuration, and say whether it changed: a running process has to be started again to read it.

        Every node gets a /24 of `network` for its pods. Nodes that had a port keep it.
        """
        folder = self.cluster.folder
        before = load(self.config) if self.config.exists() else None
        known = {node.name: node.port for node in before.nodes} if before is not None else {}
        new = [spec.name for spec in specs if spec.name not in known]
        known |= dict(zip(new, ports.reserve(folder, len(new)), strict=True))
        config = HollowConfig(
            version=self.cluster.programs.version,
            client_authority=self.cluster.credentials.authority.certificate,
            folder=folder / "containers",
            nodes=tuple(
                self._node(spec, known[spec.name], str(pod_range))
                for spec, pod_range in zip(specs, ipaddress.ip_network(network).subnets(new_prefix=24), strict=False)
            ),
            restart_backoff_seconds=restart_backoff_seconds,
        )
        dump(config, self.config)
        return config != before

    def start(self, deadline_seconds: float = READY_SECONDS) -> None:
        """Start the process unless it runs, and wait until every node is Ready."""
        argv = [sys.executable, "-P", "-m", "oceanctl.sandbox.hollow", "--config", str(self.config)]
        self.program.start(argv)
        self.program.wait_until(self._why_not_ready, deadline_seconds)

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Stop the process; with SIGKILL as a crash would."""
        self.program.stop(signum, _GRACE_SECONDS)

    def readiness(self) -> dict[str, bool]:
        """By name of every configured node, whether it is Ready; all are not while the API server is down."""
        names = [node.name for node in load(self.config).nodes] if self.config.exists() else []
        return readiness_of(self.cluster, names)

    def _why_not_ready(self) -> str | None:
        return why_not_ready(self.cluster, self.readiness())

    def _node(self, spec: NodeSpec, port: int, pod_range: str) -> NodeConfig:
        user = f"system:node:{spec.name}"
        serving = Identity(user, ("system:nodes",), (LOOPBACK, spec.name), Usage.SERVER)
        issued = Authority(self.cluster.folder / "pki").issue(f"kubelet-{spec.name}", serving)
        return NodeConfig(
            name=spec.name,
            kubeconfig=self.cluster.kubeconfig_for(user, ("system:nodes",)),
            port=port,
            certificate=issued.certificate,
            key=issued.key,
            capacity={**CAPACITY, **spec.capacity},
            pod_range=pod_range,
            labels=dict(spec.labels),
        )
