"""Whose a pod condition is, and how the lists of both sides become one.

| condition of the computing pod | whose |
|---|---|
| `Ready`, `ContainersReady`, `Initialized`… | the worker kubelet's: replaced, and removed when it removes them |
| `PodScheduled` | the computing scheduler's; the worker's True where a pod was bound by hand and has none |
| `DisruptionTarget` | the computing side's where it has one, else the worker's |
| types of readiness gates | those controllers' of the computing cluster |
| `kubeocean.io/*` | ours |
| any other | the worker's where it has one, else left as it is |
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from reconciler import names
from reconciler.conditions import rfc3339
from reconciler.decision import Manifest

SCHEDULED = "PodScheduled"
READY = "Ready"
CONTAINERS_READY = "ContainersReady"
KUBELETS = frozenset(
    {
        READY,
        CONTAINERS_READY,
        "Initialized",
        "PodHasNetwork",  # until 1.28
        "PodReadyToStartContainers",
        "PodResizePending",
        "PodResizeInProgress",
    }
)
_DISPROVED = frozenset({names.CONDITION_MIRRORED, names.CONDITION_NOT_MIRRORED})  # by a worker pod that is there
ByType = Mapping[str, Manifest]


def by_type(conditions: Iterable[Manifest] | None) -> dict[str, Manifest]:
    """A list of conditions by their types, in its order."""
    return {condition["type"]: condition for condition in conditions or ()}


def conditions_for(worker: Iterable[Manifest], computing: Iterable[Manifest], gates: Iterable[str]) -> list[Manifest]:
    """The computing pod's conditions: its own kept in their places, the worker's brought up; `gates` are its readiness gates."""
    own, gated = by_type(computing), frozenset(gates)
    brought = {it["type"]: _without_generation(it) for it in worker if _is_brought(it, own, gated)}
    if READY in brought:
        brought[READY] = _gated(brought[READY], own, sorted(gated))
    kept = {kind: it for kind, it in own.items() if kind in brought or _is_kept(kind)}
    return list({**kept, **brought}.values())


def condition_for(kind: str, status: str, reason: str, message: str, was: Manifest | None, now: datetime) -> Manifest:
    """A condition of ours; its transition time moves only when the status does."""
    since = was.get("lastTransitionTime") if was is not None and was.get("status") == status else None
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since or rfc3339(now),
    }


def _is_brought(condition: Manifest, own: ByType, gates: frozenset[str]) -> bool:
    kind = condition["type"]
    if kind == SCHEDULED:
        return kind not in own and condition.get("status") == "True"
    if kind == names.CONDITION_DISRUPTION:
        return kind not in own
    return kind not in gates and not kind.startswith(names.PREFIX)


def _is_kept(kind: str) -> bool:
    return kind not in KUBELETS and kind not in _DISPROVED


def _without_generation(condition: Manifest) -> Manifest:
    """`observedGeneration` counts changes of the worker pod, which mean nothing on another object."""
    return {field: value for field, value in condition.items() if field != "observedGeneration"}


def _gated(ready: Manifest, own: ByType, gates: list[str]) -> Manifest:
    """Ready as a kubelet of the computing cluster would say it, which knows the gates; times are taken from what made the difference."""
    if not gates or ready.get("status") != "True":
        return ready
    times = [own.get(gate, {}).get("lastTransitionTime") for gate in gates]
    since: dict[str, Any] = {
        "lastTransitionTime": max((it for it in (ready.get("lastTransitionTime"), *times) if it), default=None)
    }
    closed = [gate for gate in gates if own.get(gate, {}).get("status") != "True"]
    if not closed:
        return {**ready, **since}
    message = f"waiting for readiness gates: {', '.join(closed)}"
    return {**ready, **since, "status": "False", "reason": "ReadinessGatesNotReady", "message": message}
