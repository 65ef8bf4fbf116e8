"""What is kept of a Kubernetes object: frozen structs of the fields that decisions use, decoded straight from the wire."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec


class Projection(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Base of what caches hold: immutable, compact, unknown to the cycle collector (nothing in it can form a cycle)."""


class OwnerReference(Projection, frozen=True):
    """One entry of `metadata.ownerReferences`."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class ObjectMeta(Projection, frozen=True):
    """Identity, marks and life cycle of an object; `managedFields` are dropped."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()

    @property
    def key(self) -> str:
        """`namespace/name`, or `name` of a cluster-scoped object."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def is_deleting(self) -> bool:
        """Whether deletion has begun."""
        return self.deletion_timestamp is not None


class PartialObject(Projection, frozen=True):
    """An object of which only the metadata is known (PartialObjectMetadata)."""

    metadata: ObjectMeta


class CustomObject(Projection, frozen=True):
    """An object whose spec and status are parsed by its owner."""

    metadata: ObjectMeta
    spec: dict[str, Any] = msgspec.field(default_factory=dict)
    status: dict[str, Any] = msgspec.field(default_factory=dict)


class Taint(Projection, frozen=True):
    """A node's taint; `key` and `effect` identify it."""

    key: str
    effect: str
    value: str = ""
    time_added: datetime | None = None


class Condition(Projection, frozen=True):
    """A condition of a node or pod, without heartbeat times."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class NodeAddress(Projection, frozen=True):
    """One of a node's addresses."""

    type: str
    address: str


class NodeSpec(Projection, frozen=True):
    """What is wanted of a node."""

    unschedulable: bool = False
    provider_id: str = msgspec.field(default="", name="providerID")
    taints: tuple[Taint, ...] = ()


class KubeletEndpoint(Projection, frozen=True):
    """Where a node's kubelet listens."""

    port: int = msgspec.field(default=0, name="Port")


class DaemonEndpoints(Projection, frozen=True):
    """Endpoints of a node's daemons."""

    kubelet_endpoint: KubeletEndpoint = KubeletEndpoint()


class NodeStatus(Projection, frozen=True):
    """What is seen of a node; quantities are as the server writes them."""

    capacity: dict[str, str] = msgspec.field(default_factory=dict)
    allocatable: dict[str, str] = msgspec.field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    addresses: tuple[NodeAddress, ...] = ()
    daemon_endpoints: DaemonEndpoints = DaemonEndpoints()
    node_info: dict[str, Any] = msgspec.field(default_factory=dict)
    declared_features: tuple[str, ...] = ()  # from Kubernetes 1.35 on


class Node(Projection, frozen=True):
    """A node of either side."""

    metadata: ObjectMeta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class ResourceRequirements(Projection, frozen=True):
    """Requests only: limits do not count for scheduling."""

    requests: dict[str, str] = msgspec.field(default_factory=dict)


class Container(Projection, frozen=True):
    """What the scheduler's arithmetic needs of a container."""

    name: str = ""
    restart_policy: str = ""
    resources: ResourceRequirements = ResourceRequirements()


class PodSpec(Projection, frozen=True):
    """Placement, arithmetic and termination of a pod."""

    node_name: str = ""
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    overhead: dict[str, str] = msgspec.field(default_factory=dict)
    resources: ResourceRequirements = ResourceRequirements()
    priority: int = 0
    termination_grace_period_seconds: int | None = None


class ContainerStatus(Projection, frozen=True):
    """In-place resize makes what is allocated count, not only what is asked for."""

    name: str = ""
    allocated_resources: dict[str, str] = msgspec.field(default_factory=dict)
    resources: ResourceRequirements | None = None


class PodStatus(Projection, frozen=True):
    """Phase, conditions and what a pod has been given; the rest of the status is copied raw."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    allocated_resources: dict[str, str] = msgspec.field(default_factory=dict)
    resources: ResourceRequirements | None = None

    @property
    def is_terminal(self) -> bool:
        """Succeeded and Failed are final."""
        return self.phase in ("Succeeded", "Failed")


class Pod(Projection, frozen=True):
    """A pod of either side."""

    metadata: ObjectMeta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class HasMetadata(Protocol):
    """Anything that a cache can hold."""

    @property
    def metadata(self) -> ObjectMeta:
        """Identity, marks and life cycle."""
        ...


P = TypeVar("P", bound=HasMetadata)


class Copied(msgspec.Struct, Generic[P], frozen=True, gc=False):
    """A projection with the bytes it was decoded from, for objects that we copy; `raw` is decoded at the moment of forging."""

    seen: P
    raw: bytes

    @property
    def metadata(self) -> ObjectMeta:
        """The metadata of what was seen, as every cached object has it."""
        return self.seen.metadata


Decode = Callable[[bytes | memoryview], P | None]
"""Bytes of one object (JSON) → what to keep of it, or None to keep nothing."""
