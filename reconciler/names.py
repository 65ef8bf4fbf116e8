"""Every string that the clusters see, and how names of objects are made."""

import hashlib
from typing import Final

from inventory import names as inventory_names
from reconciler.kube.resources import Resource

PREFIX: Final = inventory_names.PREFIX
GROUP: Final = inventory_names.GROUP
VERSION: Final = inventory_names.VERSION
BINDINGS: Final = Resource(GROUP, VERSION, "clusterbindings", inventory_names.BINDING_KIND, namespaced=False)
POLICIES: Final = Resource(GROUP, VERSION, "resourceleasingpolicies", inventory_names.POLICY_KIND, namespaced=False)

SYSTEM_NAMESPACE: Final = "kubeocean-system"
UNMIRRORED_NAMESPACES: Final = frozenset({"kube-system", "kube-public", "kube-node-lease", SYSTEM_NAMESPACE})
INVENTORY_STATE_PREFIX: Final = "kubeocean-inventory-"  # ConfigMap of an inventory: this and its ID
NODE_LEASE_NAMESPACE: Final = "kube-node-lease"
FIELD_MANAGER: Final = "kubeocean"
GIT_FIELD_MANAGER: Final = inventory_names.GIT_FIELD_MANAGER
EVENT_SOURCE: Final = "kubeocean"
KUBECONFIG_KEY: Final = "kubeconfig"
PROXIER_KUBECONFIG_KEY: Final = "proxier-kubeconfig"  # beside it, for proxiers alone
KUBELET_AUTHORITY_KEY: Final = "kubelet-ca.crt"  # beside it: who signs the certificates of the worker's kubelets
DEFAULT_PRIORITY_CLASS: Final = "kubeocean-default"
DEFAULT_PRIORITY: Final = -10000  # below everything a worker's owner runs

# labels
MANAGED_BY: Final = PREFIX + "managed-by"
MANAGED_BY_VALUE: Final = "kubeocean"
CLUSTER_BINDING: Final = PREFIX + "cluster-binding"
PHYSICAL_CLUSTER_ID: Final = PREFIX + "physical-cluster-id"
PHYSICAL_NODE_NAME: Final = PREFIX + "physical-node-name"
PHYSICAL_NODE_UID: Final = PREFIX + "physical-node-uid"
PROXIER_PORT: Final = PREFIX + "proxier_port"
PROXIER: Final = PREFIX + "proxier"  # on the Lease by which a proxier announces itself
POLICY_APPLIED: Final = PREFIX + "policy-applied"
VIRTUAL_NAMESPACE_LABEL: Final = PREFIX + "virtual-namespace"
WORKLOAD_TYPE: Final = PREFIX + "workload-type"
WORKLOAD_NAME: Final = PREFIX + "workload-name"
INVENTORY_ID: Final = inventory_names.INVENTORY_ID
HOSTNAME: Final = "kubernetes.io/hostname"
EXCLUDE_FROM_LOAD_BALANCERS: Final = "node.kubernetes.io/exclude-from-external-load-balancers"
NODE_TYPE: Final = "type"
NODE_TYPE_VALUE: Final = "virtual-kubelet"
INSTANCE_TYPES: Final = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
INSTANCE_TYPE_VALUE: Final = "vnode"

# annotations
PHYSICAL_POD_NAMESPACE: Final = PREFIX + "physical-pod-namespace"
PHYSICAL_POD_NAME: Final = PREFIX + "physical-pod-name"
PHYSICAL_POD_UID: Final = PREFIX + "physical-pod-uid"
VIRTUAL_POD_NAMESPACE: Final = PREFIX + "virtual-pod-namespace"
VIRTUAL_POD_NAME: Final = PREFIX + "virtual-pod-name"
VIRTUAL_POD_UID: Final = PREFIX + "virtual-pod-uid"
VIRTUAL_NODE_NAME: Final = PREFIX + "virtual-node-name"
VIRTUAL_NAMESPACE: Final = PREFIX + "virtual-namespace"
VIRTUAL_NAME: Final = PREFIX + "virtual-name"
VIRTUAL_UID: Final = PREFIX + "virtual-uid"
COMPUTING_CLUSTER_UID: Final = PREFIX + "computing-cluster-uid"
BINDING_UID: Final = PREFIX + "binding-uid"
POLICIES_APPLIED: Final = PREFIX + "policies-applied"
OWNED_KEYS: Final = PREFIX + "owned-keys"
RUNNING_DAEMONSET: Final = PREFIX + "running-daemonset"
WINDOW_CLOSED_AT: Final = PREFIX + "window-closed-at"
LEASE_ENDS_AT: Final = PREFIX + "lease-ends-at"
RECLAIM_TERMS: Final = PREFIX + "reclaim-terms"
SHRUNK_AT: Final = PREFIX + "shrunk-at"
SHRINK_ENDS_AT: Final = PREFIX + "shrink-ends-at"
SHRINK_VICTIMS: Final = PREFIX + "shrink-victims"  # namespace/name, separated by commas
YIELDS_TO: Final = PREFIX + "yields-to"  # UIDs of pods of the worker's owner, separated by commas
POLICY_DETAILS: Final = PREFIX + "policy-details"
PROXIER_ADDRESS: Final = PREFIX + "proxier-address"  # of such a Lease
PROXIER_PORTS: Final = PREFIX + "proxier-ports"  # of such a Lease, as first-last
EPHEMERAL_REFUSED: Final = PREFIX + "refused-ephemeral-containers"  # on a pod: names, separated by commas
ABANDON_WORKER: Final = PREFIX + "abandon-worker"
PRUNE: Final = inventory_names.PRUNE
PRUNE_DISABLED: Final = inventory_names.PRUNE_DISABLED
APPROVE: Final = PREFIX + "approve"  # tokens of held changes, on the ConfigMap of an inventory

# annotations of users that would tie the lender's hands
EVICTION_BLOCKERS: Final = frozenset({"cluster-autoscaler.kubernetes.io/safe-to-evict", "karpenter.sh/do-not-disrupt"})

# annotations of Kubernetes itself that describe the original and would lie on a copy
LAST_APPLIED: Final = (
    "kubectl.kubernetes.io/last-applied-configuration"  # the whole original, of a Secret with its data
)
SERVICE_ACCOUNT_PREFIX: Final = "kubernetes.io/service-account."
SERVICE_ACCOUNT_NAME: Final = SERVICE_ACCOUNT_PREFIX + "name"
SERVICE_ACCOUNT_CREDENTIAL: Final = "kubernetes.io/service-account-token"  # type of the Secrets that hold API tokens
API_ACCESS_VOLUME_PREFIX: Final = "kube-api-access-"  # volumes that the ServiceAccount admission adds
KUBELETS_OWN: Final = "kubernetes.io/config.mirror"  # on pods that show what a kubelet started by itself

# finalizers
FINALIZER_MANAGER: Final = PREFIX + "clusterbinding-manager"
FINALIZER_SYNCER: Final = PREFIX + "clusterbinding-syncer"
FINALIZER_VNODE: Final = PREFIX + "vnode"

# taints
TAINT_VNODE: Final = PREFIX + "vnode"
TAINT_CLOSED: Final = PREFIX + "out-of-time-windows"
TAINT_UNSCHEDULABLE: Final = PREFIX + "physical-node-unschedulable"
TAINT_DELETING: Final = PREFIX + "vnode-deleting"
NODE_UNSCHEDULABLE: Final = "node.kubernetes.io/unschedulable"
NODE_LIFECYCLE_PREFIX: Final = "node.kubernetes.io/"  # taints that the computing cluster's own node controller manages

# features that nodes declare
FEATURE_WEBSOCKETS: Final = (
    "ExtendWebSocketsToKubelet"  # exec, attach and port-forward as WebSockets, not translated by the API server
)

# conditions
CONDITION_LEASE_ENDING: Final = PREFIX + "LeaseEnding"
CONDITION_DISRUPTION: Final = "DisruptionTarget"
CONDITION_MIRRORED: Final = PREFIX + "Mirrored"
CONDITION_NOT_MIRRORED: Final = PREFIX + "NotMirrored"
CONDITION_EPHEMERAL: Final = PREFIX + "EphemeralContainersMirrored"

# reasons of a pod's Failed phase; each is our own last word on the pod
REASON_OUTSIDE_WINDOWS: Final = "OutsideWindows"
REASON_NODE_LOST: Final = "NodeLost"
REASON_POD_LOST: Final = "PhysicalPodLost"
REASON_UNPLACED: Final = "Unplaced"
REASON_DELETED: Final = "Deleted"
REASON_PREEMPTED: Final = "Preempted"  # and Evicted: what the worker's own scheduler, drains and taints do to a pod
REASON_EVICTED: Final = "Evicted"
VERDICTS: Final = frozenset(
    {REASON_OUTSIDE_WINDOWS, REASON_NODE_LOST, REASON_POD_LOST, REASON_UNPLACED, REASON_DELETED}
)

# reasons of conditions and Events
REASON_UNREACHABLE: Final = "WorkerUnreachable"
REASON_WINDOW_CLOSED: Final = "WindowClosed"
REASON_WINDOW_ENDING: Final = "WindowEnding"
REASON_LEASE_SHRUNK: Final = "LeaseShrunk"
EVENT_CREATE_REFUSED: Final = "FailedCreatePod"
EVENT_EPHEMERAL_REFUSED: Final = "FailedEphemeralContainer"
EVENT_EPHEMERAL_NOT_OFFERED: Final = "EphemeralContainersNotOffered"
EVENT_CREDENTIAL_LEFT_OUT: Final = "TokenNotMirrored"
EVENT_VOLUME_LEFT_OUT: Final = "VolumeNotMirrored"
EVENT_CLAIM_LEFT_OUT: Final = "ResourceClaimNotMirrored"

VNODE_PREFIX: Final = "vnode-"
ELECTION_LEASE: Final = "kubeocean-reconciler"
PROXIER_PREFIX: Final = "kubeocean-proxier-"  # of the Lease of a proxier: this and its name
PROXIER_AUTHORITY: Final = "kubeocean-proxier-ca"  # Secret and ConfigMap of the authority that proxiers share
AUTHORITY_BUNDLE: Final = "ca.crt"  # key of that ConfigMap
SERVING_SIGNER: Final = "kubernetes.io/kubelet-serving"
SERVING_ORGANIZATION: Final = "system:nodes"
SERVING_USER_PREFIX: Final = "system:node:"
SERVING_USAGES: Final = ("digital signature", "key encipherment", "server auth")  # a signer of 1.20 takes no others
_MAX_COMMON_NAME: Final = 64  # of X.509
PROVIDER_SCHEME: Final = "kubeocean"
MAX_LABEL_VALUE: Final = 63
_HASHED_HEAD: Final = 30


def vnode_name(cluster_id: str, node: str) -> str:
    """`vnode-<clusterID>-<node>`, or its head and an MD5 when that is longer than a label value may be."""
    full = f"{VNODE_PREFIX}{cluster_id}-{node}"
    return full if len(full) <= MAX_LABEL_VALUE else f"{_head(full)}-{_md5(full)}"


def mirrored_name(namespace: str, name: str) -> str:
    """The name in the worker's mount namespace of a namespaced object of the computing cluster; at most 63 characters."""
    return f"{_head(name)}-{_md5(f'{namespace}/{name}')}"


def mirrored_name_if_taken(namespace: str, name: str, computing_cluster_uid: str) -> str:
    """The second choice, when `mirrored_name` belongs to a foreign object; at most 63 characters."""
    return f"{_head(name)}-{_md5(f'{computing_cluster_uid}/{namespace}/{name}')}"


def provider_id(cluster_id: str, node: str) -> str:
    """A vnode's `spec.providerID`."""
    return f"{PROVIDER_SCHEME}://{cluster_id}/{node}"


def serving_common_name(lease: str) -> str:
    """The common name in the serving certificate of the proxier with this Lease: a node's, as the signer wants it, that no kubelet has."""
    full = f"{SERVING_USER_PREFIX}{lease}"
    return full if len(full) <= _MAX_COMMON_NAME else f"{SERVING_USER_PREFIX}{PROXIER_PREFIX}{_md5(lease)}"


def label_value(text: str) -> str:
    """`text` as a valid label value: itself when it is one by length, else its head and an MD5."""
    return text if len(text) <= MAX_LABEL_VALUE else f"{_head(text)}-{_md5(text)}"


def _head(text: str) -> str:
    return text[:_HASHED_HEAD].rstrip(".-")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
