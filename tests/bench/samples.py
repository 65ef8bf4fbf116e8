"""An 11 KB pod as an API server sends it: three containers, probes, volumes, statuses, and managedFields for a third of it."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any

from reconciler import names
from reconciler.marks import Identity
from tests.leasing import BINDING

IDENTITY = Identity("computing-uid", BINDING.name, "binding-uid", BINDING.cluster_id, BINDING.mount_namespace)
DIGITS = 7

_NUMBER = "#" * DIGITS
_VERSION = "@" * DIGITS
_NODE = "~" * DIGITS
_CONTAINERS = ("web", "cache", "metrics")
_CPU = "250m"


class Side(Enum):
    """Where a sample pod runs, as the node's name tells."""

    FOREIGN = "node-"  # in a worker, and nothing of ours
    MIRRORED = "worker-"  # in a worker, ours
    COMPUTING = names.vnode_name(BINDING.cluster_id, "node-")  # in the computing cluster, on a vnode


class Template:
    """Makes pods that differ in name, UID, resourceVersion and node, as quickly as bytes can be replaced."""

    def __init__(self, side: Side, *, cpu: str = _CPU) -> None:
        text = json.dumps(_manifest(side, cpu), separators=(",", ":"))
        self._bytes = text.encode()

    def pod(self, number: int, *, version: int = 1, node: int = 0) -> bytes:
        """The pod's JSON."""
        return (
            self._bytes.replace(_NUMBER.encode(), b"%07d" % number)
            .replace(_VERSION.encode(), b"%07d" % version)
            .replace(_NODE.encode(), b"%07d" % node)
        )

    def events(self, count: int, *, pods: int, nodes: int) -> Iterator[bytes]:
        """Lines of a watch after resourceVersion 1: each of `pods` pods is added, then all are modified again and again."""
        for turn in range(count):
            number = turn % pods
            kind = b"ADDED" if turn < pods else b"MODIFIED"
            yield event(kind, self.pod(number, version=turn + 2, node=number % nodes))


def event(kind: bytes, pod: bytes) -> bytes:
    """One line of a watch, with its end."""
    return b'{"type":"%s","object":%s}\n' % (kind, pod)


def _manifest(side: Side, cpu: str) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {**_metadata(side), "managedFields": [_fields("kube-controller-manager"), _status_fields()]},
        "spec": _spec(side, cpu),
        "status": _status(),
    }


def _metadata(side: Side) -> dict[str, Any]:
    marked = side is Side.MIRRORED
    return {
        "name": f"storefront-7c9d8f6b5-{_NUMBER}",
        "generateName": "storefront-7c9d8f6b5-",
        "namespace": IDENTITY.mount_namespace if marked else "shop",
        "uid": f"5d0a7c1e-3b52-4c8e-9f6a-00000{_NUMBER}",
        "resourceVersion": _VERSION,
        "creationTimestamp": "2026-01-05T12:00:00Z",
        "labels": {
            "app.kubernetes.io/name": "storefront",
            "app.kubernetes.io/instance": "storefront-production",
            "app.kubernetes.io/component": "frontend",
            "app.kubernetes.io/part-of": "shop",
            "pod-template-hash": "7c9d8f6b5",
            **(IDENTITY.labels if marked else {}),
        },
        "annotations": {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "9090",
            "checksum/config": "6c1f0bfa9f5d6a1b0f4d2f4c0f4f7a3b9e2d1c5b8a7f6e5d4c3b2a1908f7e6d5",
            **(_marks() if marked else {}),
        },
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "storefront-7c9d8f6b5",
                "uid": "a1b2c3d4-0000-4000-8000-0123456789ab",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def _marks() -> dict[str, str]:
    return {
        **IDENTITY.annotations,
        names.VIRTUAL_POD_NAMESPACE: "shop",
        names.VIRTUAL_POD_NAME: f"storefront-7c9d8f6b5-{_NUMBER}",
        names.VIRTUAL_POD_UID: f"c0ffee00-3b52-4c8e-9f6a-00000{_NUMBER}",
    }


def _spec(side: Side, cpu: str) -> dict[str, Any]:
    return {
        "nodeName": side.value + _NODE,
        "containers": [_container(name, cpu) for name in _CONTAINERS],
        "volumes": [
            {"name": "config", "configMap": {"name": "storefront", "defaultMode": 420}},
            {"name": "credentials", "secret": {"secretName": "storefront-database", "defaultMode": 420}},
            {"name": "scratch", "emptyDir": {}},
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "storefront",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def _container(name: str, cpu: str) -> dict[str, Any]:
    probe = {
        "httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
    }
    return {
        "name": name,
        "image": f"registry.example.com/shop/{name}:2026.1.5",
        "args": ["--listen=:8080", "--log-level=info", f"--component={name}"],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [
            {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "storefront-database", "key": "url"}}},
            {"name": "FEATURES", "valueFrom": {"configMapKeyRef": {"name": "storefront", "key": "features"}}},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        ],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": cpu, "memory": "256Mi"}},
        "volumeMounts": [
            {"name": "config", "readOnly": True, "mountPath": "/etc/storefront"},
            {"name": "credentials", "readOnly": True, "mountPath": "/etc/storefront-credentials"},
            {"name": "scratch", "mountPath": "/tmp"},
        ],
        "livenessProbe": {**probe, "failureThreshold": 3, "successThreshold": 1},
        "readinessProbe": {**probe, "failureThreshold": 3, "successThreshold": 1},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True},
    }


def _status() -> dict[str, Any]:
    since = "2026-01-05T12:00:07Z"
    return {
        "phase": "Running",
        "conditions": [
            {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": since}
            for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
        ],
        "hostIP": "10.0.12.7",
        "podIP": "10.244.12.31",
        "podIPs": [{"ip": "10.244.12.31"}],
        "startTime": "2026-01-05T12:00:00Z",
        "containerStatuses": [
            {
                "name": name,
                "state": {"running": {"startedAt": since}},
                "lastState": {},
                "ready": True,
                "restartCount": 0,
                "image": f"registry.example.com/shop/{name}:2026.1.5",
                "imageID": f"registry.example.com/shop/{name}@sha256:{'5f' * 32}",
                "containerID": f"containerd://{'e7' * 32}",
                "started": True,
            }
            for name in _CONTAINERS
        ],
        "qosClass": "Burstable",
    }


def _fields(manager: str) -> dict[str, Any]:
    """Who set which field of the spec, in the API server's own notation."""
    owned = (
        "f:args",
        "f:image",
        "f:imagePullPolicy",
        "f:livenessProbe",
        "f:name",
        "f:readinessProbe",
        "f:securityContext",
        "f:terminationMessagePath",
        "f:terminationMessagePolicy",
    )
    leaves: dict[str, Any] = {field: {} for field in owned}
    nested = {
        "f:env": {
            ".": {},
            **{f'k:{{"name":"{name}"}}': _leaf("f:name", "f:valueFrom") for name in ("DATABASE_URL", "FEATURES")},
        },
        "f:resources": {".": {}, "f:limits": _leaf("f:cpu", "f:memory"), "f:requests": _leaf("f:cpu", "f:memory")},
        "f:volumeMounts": {
            ".": {},
            **{
                f'k:{{"mountPath":"{path}"}}': _leaf("f:mountPath", "f:name", "f:readOnly")
                for path in ("/etc/storefront", "/etc/storefront-credentials", "/tmp")
            },
        },
    }
    containers = {f'k:{{"name":"{name}"}}': {".": {}, **leaves, **nested} for name in _CONTAINERS}
    spec = {"f:containers": containers, "f:restartPolicy": {}, "f:schedulerName": {}, "f:volumes": {".": {}}}
    return _entry(manager, {"f:metadata": _leaf("f:generateName", "f:labels", "f:ownerReferences"), "f:spec": spec})


def _status_fields() -> dict[str, Any]:
    kinds = ("ContainersReady", "Initialized", "Ready")
    conditions = {
        f'k:{{"type":"{kind}"}}': _leaf("f:lastProbeTime", "f:lastTransitionTime", "f:status", "f:type")
        for kind in kinds
    }
    return _entry("kubelet", {"f:status": {"f:conditions": conditions, "f:containerStatuses": {}, "f:hostIP": {}}})


def _leaf(*fields: str) -> dict[str, Any]:
    return {".": {}, **{field: {} for field in fields}}


def _entry(manager: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": "2026-01-05T12:00:07Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
