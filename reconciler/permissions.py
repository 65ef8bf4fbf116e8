"""One table of what the reconciler may do, and why: Roles, access reviews and the docs are made from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler import names
from reconciler.kube.resources import (
    CONFIGMAPS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    PRIORITY_CLASSES,
    SECRETS,
    SIGNING_REQUESTS,
    Resource,
)

READ = ("get", "list", "watch")
REPLICASETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
ACCOUNT = "kubeocean-reconciler"
WORKER_ACCOUNT = "kubeocean-syncer"
PROXIER_ACCOUNT = "kubeocean-proxier"  # in either cluster
TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)
SUBJECT_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)
PROXIER_USER = f"system:serviceaccount:{names.SYSTEM_NAMESPACE}:{PROXIER_ACCOUNT}"  # as API servers call it
SIGNERS = Resource("certificates.k8s.io", "v1", "signers", "Signer", namespaced=False)  # only in roles
AUTHENTICATION = "extension-apiserver-authentication"  # ConfigMap in which API servers publish whom they trust


class Scope(StrEnum):
    """Where a rule holds."""

    CLUSTER = "cluster"
    SYSTEM = "kubeocean-system"
    NODE_LEASES = "kube-node-lease"
    KUBE_SYSTEM = "kube-system"
    MOUNT = "mount namespace"


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on one resource (or `resource/subresource`) in one scope; `only` narrows it to one object."""

    scope: Scope
    resource: Resource
    verbs: tuple[str, ...]
    why: str
    subresource: str = ""
    only: str = ""

    @property
    def path(self) -> str:
        """`pods` or `pods/status`, as in a Role."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


COMPUTING: tuple[Rule, ...] = (
    Rule(Scope.CLUSTER, names.BINDINGS, (*READ, "create", "patch", "delete"), "mirror the inventory, keep finalizers"),
    Rule(Scope.CLUSTER, names.BINDINGS, ("patch",), "report on bindings", "status"),
    Rule(Scope.CLUSTER, names.POLICIES, (*READ, "create", "patch", "delete"), "mirror the inventory"),
    Rule(Scope.CLUSTER, names.POLICIES, ("patch",), "report on policies", "status"),
    Rule(Scope.CLUSTER, NODES, (*READ, "create", "patch", "delete"), "vnodes"),
    Rule(Scope.CLUSTER, NODES, ("patch",), "capacity and conditions of vnodes", "status"),
    Rule(Scope.CLUSTER, PODS, (*READ, "patch", "delete"), "pods on vnodes: mapping, and the end of deleted ones"),
    Rule(Scope.CLUSTER, PODS, ("patch",), "status of pods on vnodes", "status"),
    Rule(Scope.CLUSTER, PODS, ("create",), "reclaim with PodDisruptionBudgets respected", "eviction"),
    Rule(Scope.CLUSTER, CONFIGMAPS, READ, "what pods on vnodes reference"),
    Rule(Scope.CLUSTER, SECRETS, READ, "what pods on vnodes reference, and kubeconfigs of workers"),
    Rule(Scope.CLUSTER, REPLICASETS, ("get",), "name the workload of a pod"),
    Rule(Scope.CLUSTER, NAMESPACES, ("get",), "the cluster's UID", only="kube-system"),
    Rule(Scope.CLUSTER, EVENTS, ("create",), "tell users what happened"),
    Rule(Scope.NODE_LEASES, LEASES, ("get", "create", "patch"), "keep vnodes alive"),
    Rule(Scope.SYSTEM, LEASES, (*READ, "create", "update", "patch"), "leader election; proxiers"),
    Rule(Scope.SYSTEM, CONFIGMAPS, ("create", "patch"), "state of the inventory"),
    Rule(Scope.CLUSTER, SIGNING_REQUESTS, (*READ, "delete"), "what proxiers ask for, and the end of what was answered"),
    Rule(Scope.CLUSTER, SIGNING_REQUESTS, ("patch",), "serving certificates of proxiers", "approval"),
    Rule(Scope.CLUSTER, SIGNERS, ("approve",), "serving certificates of proxiers", only=names.SERVING_SIGNER),
)

WORKER: tuple[Rule, ...] = (
    Rule(Scope.CLUSTER, NODES, READ, "what can be lent"),
    Rule(Scope.CLUSTER, PODS, READ, "what the owner's pods leave"),
    Rule(Scope.CLUSTER, names.POLICIES, READ, "the owner's own policies, if installed"),
    Rule(Scope.CLUSTER, NAMESPACES, ("get",), "the cluster's UID", only="kube-system"),
    Rule(Scope.CLUSTER, PRIORITY_CLASSES, ("get", "create"), "lent pods yield to the owner's"),
    Rule(Scope.MOUNT, PODS, (*READ, "create", "patch", "delete"), "mirrored pods"),
    Rule(Scope.MOUNT, PODS, ("patch",), "`kubectl debug`", "ephemeralcontainers"),
    Rule(Scope.MOUNT, EVENTS, ("list",), "tell what ended a mirrored pod"),
    Rule(Scope.MOUNT, CONFIGMAPS, (*READ, "create", "patch", "delete"), "copies of what pods reference"),
    Rule(Scope.MOUNT, SECRETS, (*READ, "create", "patch", "delete"), "copies of what pods reference"),
)

PROXIER_COMPUTING: tuple[Rule, ...] = (
    Rule(Scope.CLUSTER, names.BINDINGS, ("get",), "which worker, and where its kubeconfig is"),
    Rule(Scope.CLUSTER, NODES, READ, "vnodes and their ports"),
    Rule(Scope.CLUSTER, PODS, READ, "which pod is on which vnode"),
    Rule(Scope.CLUSTER, NAMESPACES, ("get",), "the cluster's UID", only="kube-system"),
    Rule(Scope.CLUSTER, TOKEN_REVIEWS, ("create",), "who asks"),
    Rule(Scope.CLUSTER, SUBJECT_REVIEWS, ("create",), "whether they may"),
    Rule(Scope.KUBE_SYSTEM, CONFIGMAPS, READ, "the authority of client certificates", only=AUTHENTICATION),
    Rule(Scope.SYSTEM, SECRETS, ("get",), "kubeconfigs of workers"),
    Rule(Scope.SYSTEM, LEASES, ("create", "patch"), "tell syncers where vnodes are served"),
    Rule(Scope.CLUSTER, SIGNING_REQUESTS, ("get", "create"), "csr: ask for a serving certificate"),
    Rule(Scope.SYSTEM, SECRETS, ("patch",), "own-ca: keep the authority", only=names.PROXIER_AUTHORITY),
    Rule(Scope.SYSTEM, CONFIGMAPS, ("get", "patch"), "own-ca: publish its certificate", only=names.PROXIER_AUTHORITY),
)

PROXIER_WORKER: tuple[Rule, ...] = (
    Rule(Scope.CLUSTER, NODES, ("get",), "where a kubelet answers"),
    Rule(Scope.CLUSTER, NODES, ("get",), "metrics of what runs for a vnode", "metrics"),
    Rule(Scope.CLUSTER, NODES, ("get",), "statistics of what runs for a vnode", "stats"),
    Rule(Scope.MOUNT, PODS, READ, "which pod stands for which"),
    Rule(Scope.MOUNT, PODS, ("get",), "logs", "log"),
    Rule(Scope.MOUNT, PODS, ("get", "create"), "commands; WebSocket is a get, SPDY a create", "exec"),
    Rule(Scope.MOUNT, PODS, ("get", "create"), "as exec", "attach"),
    Rule(Scope.MOUNT, PODS, ("get", "create"), "as exec", "portforward"),
)


def proxier_computing_manifests() -> list[dict[str, Any]]:
    """ServiceAccount and roles of proxiers in the computing cluster, and the empty objects that they may fill.

    Whoever may create Secrets beside the reconciler's account can have its token: proxiers only fill one that is there.
    """
    metadata = {"name": names.PROXIER_AUTHORITY, "namespace": names.SYSTEM_NAMESPACE}
    empty = [{"apiVersion": "v1", "kind": each.kind, "metadata": metadata} for each in (SECRETS, CONFIGMAPS)]
    return [*_manifests(PROXIER_ACCOUNT, PROXIER_ACCOUNT, PROXIER_COMPUTING, names.SYSTEM_NAMESPACE), *empty]


def proxier_worker_manifests(mount_namespace: str) -> list[dict[str, Any]]:
    """ServiceAccount and roles of one binding's proxier in its worker cluster."""
    return _manifests(PROXIER_ACCOUNT, f"{PROXIER_ACCOUNT}-{mount_namespace}", PROXIER_WORKER, mount_namespace)


def computing_manifests() -> list[dict[str, Any]]:
    """Namespace, ServiceAccount and roles of the reconciler in the computing cluster."""
    return _manifests(ACCOUNT, ACCOUNT, COMPUTING, names.SYSTEM_NAMESPACE)


def worker_manifests(mount_namespace: str) -> list[dict[str, Any]]:
    """Namespace, ServiceAccount and roles of one binding in its worker cluster."""
    return _manifests(WORKER_ACCOUNT, f"{WORKER_ACCOUNT}-{mount_namespace}", WORKER, mount_namespace)


def reviews(rules: Iterable[Rule], mount_namespace: str = "") -> list[dict[str, Any]]:
    """The `resourceAttributes` of one SelfSubjectAccessReview per verb of every rule."""
    return [_attributes(rule, verb, mount_namespace) for rule in rules for verb in rule.verbs]


def _attributes(rule: Rule, verb: str, mount_namespace: str) -> dict[str, Any]:
    attributes = {"verb": verb, "group": rule.resource.group, "resource": rule.resource.plural}
    if rule.subresource:
        attributes["subresource"] = rule.subresource
    if rule.only:
        attributes["name"] = rule.only
    if namespace := _namespace(rule.scope, mount_namespace):
        attributes["namespace"] = namespace
    return attributes


def _namespace(scope: Scope, mount_namespace: str) -> str:
    return {Scope.CLUSTER: "", Scope.MOUNT: mount_namespace}.get(scope, scope.value)


def _manifests(account: str, role: str, rules: Sequence[Rule], namespace: str) -> list[dict[str, Any]]:
    """A ServiceAccount of a namespace, which is also the mount namespace where rules speak of one, and its roles."""
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    return [*_account(account, namespace), *_roles(role, rules, subject, namespace)]


def _account(name: str, namespace: str) -> list[dict[str, Any]]:
    metadata = {"name": name, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "automountServiceAccountToken": False},
    ]


def _roles(name: str, rules: Sequence[Rule], subject: dict[str, Any], mount_namespace: str) -> list[dict[str, Any]]:
    manifests = []
    for scope in Scope:
        chosen = [_policy_rule(rule) for rule in rules if rule.scope is scope]
        if chosen:
            manifests += _role_pair(name, _namespace(scope, mount_namespace), chosen, subject)
    return manifests


def _policy_rule(rule: Rule) -> dict[str, Any]:
    made: dict[str, Any] = {"apiGroups": [rule.resource.group], "resources": [rule.path], "verbs": list(rule.verbs)}
    return made | ({"resourceNames": [rule.only]} if rule.only else {})


def _role_pair(name: str, namespace: str, rules: list[dict[str, Any]], subject: dict[str, Any]) -> list[dict[str, Any]]:
    prefix = "" if namespace else "Cluster"
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    api = "rbac.authorization.k8s.io"
    reference = {"apiGroup": api, "kind": f"{prefix}Role", "name": name}
    return [
        {"apiVersion": f"{api}/v1", "kind": f"{prefix}Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": f"{prefix}RoleBinding",
            "metadata": metadata,
            "roleRef": reference,
            "subjects": [subject],
        },
    ]
