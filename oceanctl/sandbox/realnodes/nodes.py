"""The real nodes of one cluster: started, found again, and removed without a trace."""

import ipaddress
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from oceanctl.sandbox import kubeconfig
from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.pki import Authority, Identity, Usage
from oceanctl.sandbox.process import Program, programs_of
from oceanctl.sandbox.readiness import readiness_of, why_not_ready
from oceanctl.sandbox.realnodes import cgroups, images, network
from oceanctl.sandbox.realnodes.config import NodeConfig, dump
from oceanctl.sandbox.realnodes.network import Bridge
from oceanctl.sandbox.realnodes.requirements import Tools, tools_for

KUBELET: Final = "kubelet"
EVERY_ADDRESS: Final = "--bind-address=0.0.0.0"  # what the API server needs, for nodes that are not on its loopback
READY_SECONDS: Final = 120.0  # 13 to 22 s on an idle machine
NETWORK: Final = "10.124.0.0/14"
_FOLDER: Final = "nodes"
_NAMESPACES: Final = ("--mount", "--uts", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


@dataclass(frozen=True, slots=True)
class RealNodes:
    """Nodes of a cluster whose API server listens on `EVERY_ADDRESS`. Stopping them is what a power cut is."""

    cluster: ControlPlane
    names: Sequence[str]
    network: str = NETWORK

    def program(self, name: str) -> Program:
        """The process that holds a node; its log is of the time before containerd and kubelet have theirs, beside it."""
        return Program(self.cluster.folder / _FOLDER / name, "node")

    def start(self, deadline_seconds: float = READY_SECONDS) -> None:
        """Start the nodes that do not run and wait until all are Ready; MissingProgramsError where that cannot be."""
        tools = tools_for(self.cluster.folder)
        kubelet = self.cluster.programs.path(KUBELET)
        bridge = network.bridge_of(self.cluster.folder)
        image = self._image(tools)
        dead = [(number, name) for number, name in enumerate(self.names, start=1) if self.program(name).process is None]
        started = datetime.now(UTC)
        for number, _ in dead:
            cgroups.clear(self._cgroup(number))
            self._launch(self._config(number, bridge, kubelet, image), tools)
            self._plug(number, bridge)
        for _, name in dead:
            self.program(name).wait_until(partial(why_not_ready, self.cluster, [name], started), deadline_seconds)

    def stop(self) -> None:
        """Cut the power; their folders stay, and `start` brings them back as the same nodes."""
        for number, name in enumerate(self.names, start=1):
            self.program(name).stop(signal.SIGKILL)
            cgroups.clear(self._cgroup(number))

    def readiness(self) -> dict[str, bool]:
        """By name, whether a node is Ready."""
        return readiness_of(self.cluster, self.names)

    def _launch(self, config: NodeConfig, tools: Tools) -> None:
        file = config.folder / "node.json"
        dump(config, file)
        (config.folder / "logs").mkdir(exist_ok=True)
        unshare = [str(tools.paths["unshare"]), *_NAMESPACES, "--propagation", "private"]
        python = [sys.executable, "-P", "-m", "oceanctl.sandbox.realnodes", "--config", str(file)]
        self.program(config.name).start([*unshare, *python])

    def _plug(self, number: int, bridge: Bridge) -> None:
        holder = self.program(self.names[number - 1]).process
        if holder is not None:  # else waiting for it tells why it ended
            network.plug(bridge, number, holder.pid)

    def _config(self, number: int, bridge: Bridge, kubelet: Path, image: Path) -> NodeConfig:
        name = self.names[number - 1]
        folder = self.cluster.folder / _FOLDER / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        address = bridge.node_address(number)
        authority = Authority(self.cluster.folder / "pki")
        hosts = (address.partition("/")[0], name)
        user, groups = f"system:node:{name}", ("system:nodes",)
        issued = authority.issue(f"kubelet-{name}-{bridge.network[0]}", Identity(user, groups, hosts, Usage.SERVER))
        return NodeConfig(
            name=name,
            folder=folder,
            cgroup=self._cgroup(number),
            address=address,
            pod_range=str(list(ipaddress.ip_network(self.network).subnets(new_prefix=24))[-number]),
            version=self.cluster.programs.version,
            kubelet=kubelet,
            kubeconfig=self._kubeconfig(name, bridge),
            client_authority=self.cluster.credentials.authority.certificate,
            certificate=issued.certificate,
            key=issued.key,
            images=(image,),
            sandbox_image=images.BUSYBOX_IMAGE,
        )

    def _kubeconfig(self, name: str, bridge: Bridge) -> Path:
        """The API server's certificate names its loopback address and `localhost` only."""
        client = Authority(self.cluster.folder / "pki").issue(
            f"node-{name}", Identity(f"system:node:{name}", ("system:nodes",))
        )
        server = f"https://{bridge.address}:{self.cluster.ports.api_server}"
        authority = self.cluster.credentials.authority.certificate
        content = kubeconfig.with_certificate(self.cluster.name, server, authority, client, "localhost")
        return kubeconfig.write(self.cluster.folder / _FOLDER / name / "kubeconfig", content)

    def _cgroup(self, number: int) -> str:
        return f"/{_group_prefix(self.cluster.folder)}{number}"

    def _image(self, tools: Tools) -> Path:
        file = self.cluster.folder / "busybox.tar"
        if not file.exists():
            images.write_busybox(file, tools.paths["busybox"])
        return file


def remove(folder: Path) -> None:
    """End every real node of the cluster in `folder` and remove what it had outside of it too, whatever state it is in."""
    if not (folder / _FOLDER).is_dir():
        return
    for node in (folder / _FOLDER).iterdir():
        for program in programs_of(node):
            program.stop(signal.SIGKILL)
    for group in sorted(cgroups.groups(_group_prefix(folder))):
        cgroups.clear(group)
    network.remove_bridge(folder)
    shutil.rmtree(folder / _FOLDER)


def _group_prefix(folder: Path) -> str:
    return f"kubeocean-{network.mark_of(folder)}-"
