"""A hollow node as objects of the API: the Node, its status and its node Lease."""

from datetime import UTC, datetime
from typing import Any, Final

from oceanctl.sandbox.hollow.config import NodeConfig
from oceanctl.sandbox.hollow.status import HOST_ADDRESS, Transitions, timestamp
from reconciler.names import HOSTNAME, NODE_LEASE_NAMESPACE

LEASE_SECONDS: Final = 40  # as kubelets: the node controller gives up on a node after that
_CONDITIONS: Final = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}


def node_for(config: NodeConfig, version: str, now: datetime) -> dict[str, Any]:
    """The Node that is registered."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": config.name, "labels": labels_for(config)},
        "status": status_for(config, version, {}, now),
    }


def labels_for(config: NodeConfig) -> dict[str, str]:
    """What every kubelet sets, and the configured ones."""
    return {
        HOSTNAME: config.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        **config.labels,
    }


def status_for(config: NodeConfig, version: str, before: Transitions, now: datetime) -> dict[str, Any]:
    """The whole status of a healthy node; a condition that did not change keeps the time from `before`."""
    return {
        "capacity": dict(config.capacity),
        "allocatable": dict(config.capacity),
        "conditions": conditions_for(before, now),
        "addresses": [
            {"type": "InternalIP", "address": HOST_ADDRESS},
            {"type": "Hostname", "address": config.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": config.port}},
        "nodeInfo": _node_info(config, version),
    }


def conditions_for(before: Transitions, now: datetime) -> list[dict[str, Any]]:
    """No pressure of any kind, and Ready."""
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": timestamp(now),
            "lastTransitionTime": before[kind][1] if before.get(kind, ("",))[0] == status else timestamp(now),
        }
        for kind, (status, reason, message) in _CONDITIONS.items()
    ]


def lease_for(name: str, node_uid: str, now: datetime) -> dict[str, Any]:
    """The node Lease, owned by its Node."""
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node_uid}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": NODE_LEASE_NAMESPACE, "ownerReferences": [owner]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, **renewal(now)},
    }


def renewal(now: datetime) -> dict[str, str]:
    """The changed field of a renewed Lease's spec."""
    return {"renewTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def _node_info(config: NodeConfig, version: str) -> dict[str, str]:
    return {
        "architecture": "amd64",
        "bootID": config.name,
        "containerRuntimeVersion": "hollow://0",
        "kernelVersion": "0.0.0",
        "kubeProxyVersion": f"v{version}",
        "kubeletVersion": f"v{version}",
        "machineID": config.name,
        "operatingSystem": "linux",
        "osImage": "hollow",
        "systemUUID": config.name,
    }
