"""Whose an object is: the marks that every object of ours carries in a worker cluster, and which pods get a worker pod at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.model import Binding
from reconciler import names
from reconciler.kube.projections import Node, ObjectMeta, Pod


@dataclass(frozen=True, slots=True)
class Identity:
    """Who writes to a worker: one binding of one computing cluster.

    UIDs, not names, decide: a binding deleted and made again under its old name does not own what its predecessor left.
    """

    computing_cluster_uid: str
    binding_name: str
    binding_uid: str
    cluster_id: str
    mount_namespace: str

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of every object of ours in the worker."""
        return {names.MANAGED_BY: names.MANAGED_BY_VALUE}

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations of every object of ours in the worker."""
        return {names.COMPUTING_CLUSTER_UID: self.computing_cluster_uid, names.BINDING_UID: self.binding_uid}

    def owns(self, metadata: ObjectMeta) -> bool:
        """Whether an object of the worker is ours: label and both UIDs."""
        return (
            metadata.labels.get(names.MANAGED_BY) == names.MANAGED_BY_VALUE
            and metadata.annotations.get(names.BINDING_UID) == self.binding_uid
            and metadata.annotations.get(names.COMPUTING_CLUSTER_UID) == self.computing_cluster_uid
        )

    def owns_vnode(self, node: Node) -> bool:
        """Whether a node of the computing cluster is a vnode of this binding.

        The providerID decides, for only we write it and nobody can change it; the label tells bindings apart that claim one clusterID.
        """
        own_name = names.label_value(self.binding_name)
        claims_no_other = node.metadata.labels.get(names.CLUSTER_BINDING, own_name) == own_name
        return claims_no_other and node.spec.provider_id.startswith(names.provider_id(self.cluster_id, ""))


@dataclass(frozen=True, slots=True)
class BindingState:
    """What a Bridge knows of its binding besides the spec."""

    identity: Identity
    is_deleting: bool = False
    abandons_worker: bool = False


def virtual_pod_key(worker_pod: ObjectMeta) -> str | None:
    """`namespace/name` of the computing pod that a worker pod of ours stands for."""
    namespace = worker_pod.annotations.get(names.VIRTUAL_POD_NAMESPACE)
    name = worker_pod.annotations.get(names.VIRTUAL_POD_NAME)
    return f"{namespace}/{name}" if namespace and name else None


def is_of_daemon_set(computing_pod: ObjectMeta) -> bool:
    """Whether there is one on every node that it tolerates."""
    return any(owner.kind == "DaemonSet" for owner in computing_pod.owner_references)


def is_mirrored(computing_pod: ObjectMeta, binding: Binding) -> bool:
    """Whether a computing pod on a vnode of this binding gets a worker pod.

    Not a system pod, not one that only shows what a kubelet started by itself, and not a DaemonSet's unless somebody asked for it.
    """
    if computing_pod.namespace in names.UNMIRRORED_NAMESPACES or names.KUBELETS_OWN in computing_pod.annotations:
        return False
    if not is_of_daemon_set(computing_pod):
        return True
    return binding.running_daemonset_by_default or computing_pod.annotations.get(names.RUNNING_DAEMONSET) == "true"


def live_pods(computing_pods: Iterable[Pod], binding: Binding) -> tuple[Pod, ...]:
    """The pods that keep a vnode from being empty, mirrored and not finished, in the order of their keys."""
    live = (pod for pod in computing_pods if not pod.status.is_terminal and is_mirrored(pod.metadata, binding))
    return tuple(sorted(live, key=lambda pod: pod.metadata.key))


def unmirrored_pods(computing_pods: Iterable[Pod], binding: Binding) -> tuple[Pod, ...]:
    """The pods that are counted on a vnode though nothing of them is in the worker, in no particular order."""
    return tuple(pod for pod in computing_pods if not pod.status.is_terminal and not is_mirrored(pod.metadata, binding))
