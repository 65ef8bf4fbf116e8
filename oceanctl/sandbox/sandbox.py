"""The whole sandbox: one computing cluster, worker clusters with simulated nodes, everything Kubeocean needs in them, in one folder."""

import ipaddress
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from oceanctl.sandbox import controlplane, install, programs
from oceanctl.sandbox.components import API_SERVER
from oceanctl.sandbox.controlplane import ControlPlane, Wants
from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.folders import locked
from oceanctl.sandbox.hollownodes import GPU_CAPACITY, GPU_LABELS, HollowNodes, NodeSpec
from oceanctl.sandbox.process import programs_of
from oceanctl.sandbox.programs import Programs
from oceanctl.sandbox.progress import Say, nothing
from oceanctl.sandbox.realnodes import nodes as realnodes
from oceanctl.sandbox.realnodes.nodes import RealNodes
from oceanctl.sandbox.realnodes.requirements import tools_for

COMPUTING: Final = "computing"
_SETTLED_SECONDS: Final = 60.0  # node controllers give a silent node 40 s
_POLL_SECONDS: Final = 0.2
_NETWORKS: Final = tuple(
    ipaddress.ip_network("10.128.0.0/9").subnets(new_prefix=14)
)  # beside the services' 10.96.0.0/16


@dataclass(frozen=True, slots=True)
class Shape:
    """What a sandbox consists of.

    Attributes:
        workers: Worker clusters.
        nodes: Simulated nodes of each.
        audit: Whether API servers keep an audit log.
        version: Kubernetes', empty for whatever this machine has.
        real_nodes: Further nodes of each worker, with containerd and a kubelet; they need root.

    """

    workers: int = 2
    nodes: int = 3
    audit: bool = False
    version: str = ""
    real_nodes: int = 0

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters' names, the computing one first."""
        return (COMPUTING, *(f"worker-{number}" for number in range(1, self.workers + 1)))

    def nodes_of(self, cluster: str) -> tuple[NodeSpec, ...]:
        """The nodes of a worker; its last one has GPUs."""
        if cluster == COMPUTING:
            return ()
        plain = [NodeSpec(f"{cluster}-node-{number}") for number in range(1, self.nodes + 1)]
        return (*plain[:-1], *(replace(last, labels=GPU_LABELS, capacity=GPU_CAPACITY) for last in plain[-1:]))

    def real_nodes_of(self, cluster: str) -> tuple[str, ...]:
        """The names of a worker's real nodes."""
        count = 0 if cluster == COMPUTING else self.real_nodes
        return tuple(f"{cluster}-real-{number}" for number in range(1, count + 1))

    def network_of(self, cluster: str) -> str:
        """Whence the pods of a worker have their addresses: a /14 of its own, enough for 1024 nodes."""
        return str(_NETWORKS[self.clusters.index(cluster) - 1])

    def grown_to(self, wanted: "Shape") -> "Shape":
        """The larger one; SandboxError instead of taking away clusters or nodes with what runs on them."""
        if wanted.workers < self.workers or wanted.nodes < self.nodes or wanted.real_nodes < self.real_nodes:
            raise SandboxError(
                f"the sandbox has {self.workers} workers with {self.nodes + self.real_nodes} nodes each: it can grow, but only 'down' takes anything away"
            )
        if wanted.version != self.version:
            raise SandboxError(
                f"the sandbox was made with Kubernetes {self.version}, this machine now gives {wanted.version}: take it down first"
            )
        return wanted

    @property
    def programs(self) -> tuple[str, ...]:
        """What it is run with."""
        return (*programs.NEEDED, *([realnodes.KUBELET] if self.real_nodes else []))

    def wants_of(self, cluster: str, folder: Path) -> Wants:
        """What the control plane of a cluster runs, in `folder`."""
        reachable = [realnodes.EVERY_ADDRESS] if self.real_nodes_of(cluster) else []
        audit_log = folder / "audit.log" if self.audit else None
        return Wants(audit_log=audit_log, ephemeral_containers=True, extra={API_SERVER: reachable})


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """One cluster as it is: `programs` tells of each whether it runs, `nodes` whether it is Ready (empty while the API server is down)."""

    name: str
    server: str
    kubeconfig: Path
    programs: dict[str, bool]
    nodes: dict[str, bool]

    @property
    def is_up(self) -> bool:
        """All of it runs and is ready."""
        return all(self.programs.values()) and all(self.nodes.values())


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """The sandbox as it is; no clusters when there is none."""

    folder: Path
    clusters: tuple[ClusterStatus, ...]

    @property
    def is_up(self) -> bool:
        """There is a sandbox, and all of it is up."""
        return bool(self.clusters) and all(cluster.is_up for cluster in self.clusters)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The sandbox in a folder, which may not be there yet."""

    folder: Path

    @property
    def reconciler_kubeconfig(self) -> Path:
        """Of the reconciler's own ServiceAccount in the computing cluster."""
        return self.kubeconfig("reconciler")

    @property
    def proxier_kubeconfig(self) -> Path:
        """Of the proxiers' own ServiceAccount in the computing cluster."""
        return self.kubeconfig("proxier")

    def kubeconfig(self, cluster: str) -> Path:
        """The administrator's, of `computing` or `worker-N`."""
        return self.folder / "kubeconfigs" / f"{cluster}.yaml"

    @property
    def shape(self) -> Shape | None:
        """As it was brought up; None before and after."""
        try:
            return Shape(**json.loads(self._shape_file.read_text()))
        except FileNotFoundError:
            return None

    def cluster(self, name: str) -> ControlPlane:
        """One cluster of a sandbox that is there, for whoever wants to stop and start its parts."""
        shape = self.shape
        if shape is None or name not in shape.clusters:
            raise SandboxError(f"there is no cluster {name!r} in {self.folder}")
        return self._prepared(name, shape, programs.find(shape.programs))

    def nodes(self, name: str) -> HollowNodes:
        """The simulated nodes of one worker."""
        return HollowNodes(self.cluster(name))

    def real_nodes(self, name: str) -> RealNodes:
        """The real nodes of one worker."""
        return _real_nodes(self.cluster(name), self.shape or Shape())

    def up(self, wanted: Shape | None = None, say: Say = nothing) -> SandboxStatus:
        """Bring up what is missing of it: all the first time, what died later, nothing when all is well.

        Raises SandboxError, with everything that did come up left in place; `down` clears it.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.folder):
            wanted = wanted or self.shape or Shape()
            if wanted.real_nodes:
                tools_for(self.folder)  # before anything else takes its time
            found = programs.find(wanted.programs, say)
            shape = self._settled(replace(wanted, version=found.version))
            clusters = [self._prepared(name, shape, found) for name in shape.clusters]
            with ThreadPoolExecutor(max_workers=len(clusters), thread_name_prefix="up") as pool:
                for done in [pool.submit(self._bring_up, cluster, shape, say) for cluster in clusters]:
                    done.result()
            for worker in clusters[1:]:
                install.introduce(worker, clusters[0])
        return self._settled_status()

    def _settled_status(self) -> SandboxStatus:
        """The status, once the node controllers have got over the time in which something was down: they judge late, after the nodes are back."""
        give_up_at = time.monotonic() + _SETTLED_SECONDS
        while not (status := self.status()).is_up and time.monotonic() < give_up_at:
            time.sleep(_POLL_SECONDS)
        return status

    def down(self, say: Say = nothing) -> None:
        """End every process and delete every file of it, whatever state it is in; the folder itself stays."""
        if not self.folder.is_dir():
            return
        with locked(self.folder):
            for program in programs_of(self.folder):
                say(f"stopping {program.name}")
                program.stop()
            for cluster in sorted((self.folder / "clusters").glob("*")):
                say(f"removing {cluster.name}")
                realnodes.remove(cluster)
                controlplane.remove(cluster)
            for name in ("clusters", "kubeconfigs", "logs", "pids"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            self._shape_file.unlink(missing_ok=True)

    def status(self) -> SandboxStatus:
        """What there is and how it is; nothing is changed."""
        shape = self.shape
        names = shape.clusters if shape is not None else ()
        return SandboxStatus(self.folder, tuple(self._status_of(name, shape) for name in names if shape is not None))

    @property
    def _shape_file(self) -> Path:
        return self.folder / "sandbox.json"

    def _settled(self, wanted: Shape) -> Shape:
        """Write down what is wanted before anything is made, so that a later `up` or `status` knows."""
        before = self.shape
        settled = before.grown_to(wanted) if before is not None else wanted
        self._shape_file.write_text(json.dumps(asdict(settled)))
        return settled

    def _prepared(self, name: str, shape: Shape, found: Programs) -> ControlPlane:
        folder = self.folder / "clusters" / name
        return ControlPlane.prepare(folder, found, shape.wants_of(name, folder))

    def _bring_up(self, cluster: ControlPlane, shape: Shape, say: Say) -> None:
        if dead := cluster.dead_components:
            say(f"{cluster.name}: starting {', '.join(dead)}")
            cluster.start()
        if cluster.name == COMPUTING:
            install.install_computing(cluster, self.reconciler_kubeconfig)
        else:
            install.install_worker(cluster)
            _bring_up_hollow_nodes(HollowNodes(cluster), shape, say)
            _bring_up_real_nodes(_real_nodes(cluster, shape), say)
        self.kubeconfig(cluster.name).parent.mkdir(exist_ok=True, mode=0o700)
        shutil.copy(cluster.kubeconfig, self.kubeconfig(cluster.name))
        say(f"{cluster.name}: up at {cluster.server}")

    def _status_of(self, name: str, shape: Shape) -> ClusterStatus:
        cluster = self._prepared(name, shape, Programs(shape.version, {}))
        dead = cluster.dead_components
        running = {component: component not in dead for component in cluster.wants.components}
        hollow, real = HollowNodes(cluster), _real_nodes(cluster, shape)
        if shape.nodes_of(name):
            running[hollow.program.name] = hollow.program.process is not None
        running |= {node: real.program(node).process is not None for node in real.names}
        return ClusterStatus(
            name, cluster.server, self.kubeconfig(name), running, hollow.readiness() | real.readiness()
        )


def _real_nodes(cluster: ControlPlane, shape: Shape) -> RealNodes:
    return RealNodes(cluster, shape.real_nodes_of(cluster.name), shape.network_of(cluster.name))


def _bring_up_real_nodes(nodes: RealNodes, say: Say) -> None:
    if dead := [name for name in nodes.names if nodes.program(name).process is None]:
        say(f"{nodes.cluster.name}: starting {', '.join(dead)}")
        nodes.start()


def _bring_up_hollow_nodes(nodes: HollowNodes, shape: Shape, say: Say) -> None:
    specs = shape.nodes_of(nodes.cluster.name)
    if not specs:
        return
    if nodes.configure(specs, network=shape.network_of(nodes.cluster.name)):
        nodes.stop()
    if nodes.program.process is None:
        say(f"{nodes.cluster.name}: starting {len(specs)} simulated nodes")
    nodes.start()


def default_folder() -> Path:
    """`.state/sandbox` of the checkout that this code is run from, else of the current folder."""
    checkout = Path(__file__).parents[2]
    home = checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()
    return home / ".state" / "sandbox"
