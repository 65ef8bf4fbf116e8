"""What a proxier itself tells of a vnode, in a kubelet's words: pure."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from reconciler.kube.projections import Pod


def running_pods_for(pods: Iterable[Pod]) -> dict[str, Any]:
    """`/runningpods`: who runs, and the names of their containers."""
    return {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {},
        "items": [_running(pod) for pod in pods if pod.status.phase == "Running"],
    }


def configuration_for(port: int, idle: timedelta, remembered: timedelta) -> dict[str, Any]:
    """`/configz`: of a kubelet's configuration what is true of a vnode.

    `idle` is how long a stream may be silent, `remembered` how long who may ask what.
    """
    remember = _go(remembered)
    return {
        "kubeletconfig": {
            "kind": "KubeletConfiguration",
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "port": port,
            "readOnlyPort": 0,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True, "cacheTTL": remember},
            },
            "authorization": {
                "mode": "Webhook",
                "webhook": {"cacheAuthorizedTTL": remember, "cacheUnauthorizedTTL": remember},
            },
            "enableDebuggingHandlers": True,
            "streamingConnectionIdleTimeout": _go(idle),
        }
    }


def _go(duration: timedelta) -> str:
    """A duration as Go writes it; whole seconds are enough here."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _running(pod: Pod) -> dict[str, Any]:
    metadata = pod.metadata
    return {
        "metadata": {"name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid},
        "spec": {"containers": [{"name": each.name} for each in pod.spec.containers]},
        "status": {},
    }
