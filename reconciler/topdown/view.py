"""Everything that decides about one computing pod and its worker pod, and about one dependent and its copy, frozen."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory.model import Binding
from reconciler.decision import Manifest
from reconciler.kube.projections import Copied, Node, ObjectMeta, Pod
from reconciler.kube.resources import Resource
from reconciler.marks import BindingState


@dataclass(frozen=True, slots=True)
class Workload:
    """Who owns a pod in the end: `deployment` through its ReplicaSet, `job`, `statefulset`… or `pod` with no name."""

    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A ConfigMap or Secret that a pod names; `optional` only if every mention of it is."""

    resource: Resource
    name: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Dependent:
    """How a referenced object stands: metadata of the origin and of the copy, None where a synced cache has none.

    `copy_name` is the name that the worker pod must use.
    """

    reference: Reference
    origin: ObjectMeta | None
    copy: ObjectMeta | None
    copy_name: str


@dataclass(frozen=True, slots=True)
class Disruption:
    """How a pod was ended by others than its user, in the word that users of Kubernetes know: `Preempted` or `Evicted`."""

    reason: str
    message: str


class EphemeralApi(StrEnum):
    """How an API server takes ephemeral containers: the kind that it says its subresource has."""

    POD = "Pod"  # since 1.22
    LIST = "EphemeralContainers"  # before, where an alpha gate is open


@dataclass(frozen=True, slots=True)
class PodView:
    """One computing pod and its worker pod.

    Attributes:
        key: `namespace/name` of the computing pod.
        computing_pod: None when the computing cluster's synced cache does not have it.
        computing_pod_is_gone: A live read answered 404, or found another UID than the worker pod stands for. Read only when it matters.
        worker_pod: The pod of ours in the worker that stands for this key (any UID), None when the worker's synced cache has none.
        worker_pod_is_gone: A live read of the worker answered 404 for every name this pod may have there. Read only when it matters.
        ended_by: What the worker's Events tell of how the worker pod was ended there. Read only when it matters and the pod does not tell it.
        name_is_taken: `mirrored_name` belongs to a foreign object, use the second choice.
        vnode: The vnode it is bound to; None when it is not there (any more).
        worker_node: The worker node behind the vnode, None when a synced and fresh cache does not have it.
        unreachable_since: Since when the worker has not answered; None while it does.
        dependents: What it references.
        workload: Who owns it.
        ephemeral_api: How the worker takes ephemeral containers, None where it does not. Read only when the worker pod lacks one.

    """

    binding: Binding
    state: BindingState
    key: str
    computing_pod: Copied[Pod] | None
    worker_pod: Copied[Pod] | None
    computing_pod_is_gone: bool = False
    worker_pod_is_gone: bool = False
    ended_by: Disruption | None = None
    name_is_taken: bool = False
    vnode: Node | None = None
    worker_node: Node | None = None
    unreachable_since: datetime | None = None
    dependents: tuple[Dependent, ...] = ()
    workload: Workload = Workload("pod")
    ephemeral_api: EphemeralApi | None = None


@dataclass(frozen=True, slots=True)
class DependentView:
    """One ConfigMap or Secret of the computing cluster and its copy in the worker.

    `origin` and `copy` are whole objects read live when either side's resourceVersion moved; None when a live read answered 404.
    `is_referenced` says whether any live computing pod on a vnode of this binding names it.
    """

    binding: Binding
    state: BindingState
    resource: Resource
    namespace: str
    name: str
    origin: Manifest | None
    copy: Manifest | None
    is_referenced: bool
    name_is_taken: bool = False
