"""The frozen model of an inventory: what is written down, parsed once, with no trace of YAML left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Generic, TypeVar

from inventory.errors import Position

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of a selector: `key operator values`, as in core NodeSelectorRequirement."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SelectorTerm:
    """All expressions (labels) and fields must hold; a term with neither matches nothing."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeSelector:
    """Terms are alternatives; no terms, like an absent selector, match every node."""

    terms: tuple[SelectorTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a binding's kubeconfig lies in the computing cluster."""

    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Binding:
    """The spec of a ClusterBinding: one worker cluster."""

    name: str
    cluster_id: str
    secret_ref: SecretRef
    mount_namespace: str
    node_selector: NodeSelector | None = None
    service_namespaces: tuple[str, ...] = ()
    disable_node_default_taint: bool = False
    pod_priority_class_name: str = "kubeocean-default"
    running_daemonset_by_default: bool = False
    direct_scheduling: bool = False
    suspend: bool = False
    cluster_domain: str = "cluster.local"
    unplaced_timeout: timedelta = timedelta(seconds=300)


@dataclass(frozen=True, slots=True)
class Window:
    """A weekly interval of wall time, as written.

    `start` and `end` are minutes of the day, 0 to 1439; the end minute belongs to the window (`24:00` is 1439). `end < start` crosses midnight.
    `days` are the days on which it starts, Monday = 0; empty means every day.
    """

    start: int
    end: int
    days: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap on one resource: the smaller of `quantity` (milli-units) and `percent` (0 to 100) of what is left."""

    resource: str
    quantity: int | None = None
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The spec of a ResourceLeasingPolicy: which nodes of a binding, how much of each, when.

    `created_at` is known for policies read from a cluster only.
    """

    name: str
    cluster: str
    node_selector: NodeSelector | None = None
    windows: tuple[Window, ...] = ()
    time_zone: str = "UTC"
    limits: tuple[Limit, ...] = ()
    force_reclaim: bool = False
    grace: timedelta = timedelta()
    notice: timedelta = timedelta()
    drain: timedelta = timedelta(seconds=60)
    priority: int = 0
    expires_at: datetime | None = None
    suspend: bool = False
    yield_to_owner: bool = False
    created_at: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether `expiresAt` has passed; the instant itself belongs to the past."""
        return self.expires_at is not None and self.expires_at <= now.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Located(Generic[T]):
    """A model object with the place it was read from.

    `origins` maps field paths (RFC 6901 pointers into the manifest, like `/spec/timeWindows/0/end`) to positions.
    """

    value: T
    manifest: Mapping[str, object]
    at: Position
    origins: Mapping[str, Position] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Guards:
    """How many deletions one plan may carry out; `approve` holds tokens of plans whose deletions were held and are now wanted."""

    max_delete: int | None = None
    max_delete_percent: int = 20
    approve: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything an inventory says, valid as a whole.

    `id` is `inventory.id` of `ocean.yaml`; None where offline commands read an inventory that has none.
    """

    id: str | None
    bindings: tuple[Located[Binding], ...] = ()
    policies: tuple[Located[Policy], ...] = ()
    guards: Guards = Guards()
