"""What a hollow kubelet reads of a pod, decoded straight from the wire."""

from datetime import datetime

import msgspec

from reconciler.kube.projections import Condition, ObjectMeta, Projection

EXIT_CODE = "hollow.kubeocean.io/exit-code"  # "1" asks the main containers to fail
RUN_SECONDS = "hollow.kubeocean.io/run-seconds"  # how long the main containers run, whatever their command says
IGNORE_TERM = "hollow.kubeocean.io/ignore-term"  # "true": only the end of the grace period stops the containers


class KeyReference(Projection, frozen=True):
    """One key of a ConfigMap or Secret, for a variable."""

    name: str = ""
    key: str = ""
    optional: bool = False


class Reference(Projection, frozen=True):
    """A whole ConfigMap or Secret, for variables."""

    name: str = ""
    optional: bool = False


class ValueSource(Projection, frozen=True):
    """Where a variable's value comes from."""

    config_map_key_ref: KeyReference | None = None
    secret_key_ref: KeyReference | None = None


class Variable(Projection, frozen=True):
    """One entry of `env`."""

    name: str
    value_from: ValueSource | None = None


class VariablesSource(Projection, frozen=True):
    """One entry of `envFrom`."""

    config_map_ref: Reference | None = None
    secret_ref: Reference | None = None


class VolumeMount(Projection, frozen=True):
    """One entry of `volumeMounts`."""

    name: str


class Container(Projection, frozen=True):
    """A container of any kind; an init container is a sidecar when its `restart_policy` is Always."""

    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    env_from: tuple[VariablesSource, ...] = ()
    volume_mounts: tuple[VolumeMount, ...] = ()
    restart_policy: str = ""
    stdin: bool = False


class KeyToPath(Projection, frozen=True):
    """One chosen key of a volume."""

    key: str


class VolumeContent(Projection, frozen=True):
    """A ConfigMap or Secret as a volume or as part of one; Secret volumes name theirs `secretName`."""

    name: str = ""
    secret_name: str = ""
    items: tuple[KeyToPath, ...] = ()
    optional: bool = False


class Projected(Projection, frozen=True):
    """One source of a projected volume."""

    config_map: VolumeContent | None = None
    secret: VolumeContent | None = None


class ProjectedVolume(Projection, frozen=True):
    """Several sources in one volume."""

    sources: tuple[Projected, ...] = ()


class Volume(Projection, frozen=True):
    """A volume; kinds that hold no ConfigMap or Secret are taken as mounted."""

    name: str
    config_map: VolumeContent | None = None
    secret: VolumeContent | None = None
    projected: ProjectedVolume | None = None


class ReadinessGate(Projection, frozen=True):
    """A condition that somebody else sets and readiness waits for."""

    condition_type: str


class PodSpec(Projection, frozen=True):
    """What runs, and under which rules."""

    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: str = "Always"
    host_network: bool = False
    termination_grace_period_seconds: int | None = None
    active_deadline_seconds: int | None = None
    readiness_gates: tuple[ReadinessGate, ...] = ()

    @property
    def every_container(self) -> tuple[Container, ...]:
        """Of every kind, in the order of `PodRun.containers`."""
        return (*self.init_containers, *self.containers, *self.ephemeral_containers)


class RunningState(Projection, frozen=True):
    """Since when a container runs."""

    started_at: datetime | None = None


class TerminatedState(Projection, frozen=True):
    """How a container ended."""

    exit_code: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


class ContainerState(Projection, frozen=True):
    """At most one of the two is set; waiting is neither."""

    running: RunningState | None = None
    terminated: TerminatedState | None = None


class ContainerStatus(Projection, frozen=True):
    """What was reported of a container, by this kubelet before it was restarted."""

    name: str
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(Projection, frozen=True):
    """What was reported of a pod."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()
    pod_ip: str = msgspec.field(default="", name="podIP")
    start_time: datetime | None = None

    @property
    def is_terminal(self) -> bool:
        """Succeeded and Failed are final."""
        return self.phase in ("Succeeded", "Failed")


class Pod(Projection, frozen=True):
    """A pod bound to a hollow node."""

    metadata: ObjectMeta
    spec: PodSpec
    status: PodStatus = PodStatus()
