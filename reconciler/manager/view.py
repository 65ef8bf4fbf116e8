"""Everything that decides about a binding's health: its CR, its Secret, a live contact with the worker, its Bridge."""

from dataclasses import dataclass
from datetime import datetime

from inventory.errors import Problem
from inventory.model import Binding
from reconciler.kube.projections import CustomObject, Node


@dataclass(frozen=True, slots=True)
class Contact:
    """What a live contact with the worker showed.

    `error` is None when the worker answered; then `worker_uid` names the cluster and `missing` the permissions that were refused (`create pods in NAMESPACE`).
    """

    error: str | None
    worker_uid: str | None = None
    missing: tuple[str, ...] = ()
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class BridgeHealth:
    """How a binding's Bridge fares; all defaults: there is none."""

    is_running: bool = False
    is_ready: bool = False
    crash: str | None = None
    unreachable_since: datetime | None = None
    has_proxier: bool = False


@dataclass(frozen=True, slots=True)
class ManagerView:
    """One binding.

    `kubeconfig_problem` is set when the Secret or the kubeconfig in it cannot be used; then there is no contact. `rival` names an older binding with the same
    clusterID, `rival_worker` an older one with the same worker and mount namespace. `vnodes` are all that carry the binding's marks.
    """

    seen: CustomObject
    binding: Binding | None
    problems: tuple[Problem, ...]
    kubeconfig_problem: str | None
    contact: Contact | None
    rival: str | None
    rival_worker: str | None
    bridge: BridgeHealth
    vnodes: tuple[Node, ...]
