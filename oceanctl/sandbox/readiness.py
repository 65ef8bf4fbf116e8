"""Which nodes of a cluster are Ready."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from oceanctl.sandbox.controlplane import ControlPlane
from oceanctl.sandbox.errors import SandboxError
from reconciler.kube.resources import NODES

_EVER: Final = datetime.fromtimestamp(0, UTC)


def readiness_of(cluster: ControlPlane, names: Iterable[str], since: datetime = _EVER) -> dict[str, bool]:
    """By name, whether a node is Ready, and has said so since some time; all are not while the API server is down."""
    try:
        nodes = cluster.api.get(NODES.path())["items"]
    except SandboxError:
        nodes = ()
    ready = {node["metadata"]["name"] for node in nodes if _is_ready(node, since)}
    return {name: name in ready for name in names}


def why_not_ready(cluster: ControlPlane, names: Iterable[str], since: datetime = _EVER) -> str | None:
    """The nodes that are not, in words; None when all are."""
    unready = [name for name, is_ready in readiness_of(cluster, names, since).items() if not is_ready]
    return f"not Ready: {', '.join(unready)}" if unready else None


def _is_ready(node: Mapping[str, Any], since: datetime) -> bool:
    conditions = node["status"].get("conditions", ())
    ready = next((condition for condition in conditions if condition["type"] == "Ready"), None)
    if ready is None or ready["status"] != "True":
        return False
    return since is _EVER or datetime.fromisoformat(ready["lastHeartbeatTime"]) >= since.replace(microsecond=0)
