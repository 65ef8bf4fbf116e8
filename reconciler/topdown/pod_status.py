"""A worker pod's status as its computing pod shows it, and what of that has to be written.

Both API servers may be of any supported version, and one that does not know a field drops it without a word. A field younger than 1.20, the oldest supported,
therefore never causes a write by being absent; it rides along with the next one. Otherwise every pass would write it again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler import names
from reconciler.decision import Manifest
from reconciler.topdown.pod_conditions import conditions_for

EPHEMERALS = "ephemeralContainerStatuses"
BROUGHT_UP = (
    "phase",
    "message",
    "reason",
    "startTime",
    "hostIP",
    "hostIPs",
    "podIP",
    "podIPs",
    "containerStatuses",
    "initContainerStatuses",
    EPHEMERALS,
)
KNOWN_EVERYWHERE = frozenset(BROUGHT_UP) - {"hostIPs"} | frozenset(
    {
        "conditions",
        "ip",
        # a condition
        "type",
        "status",
        "lastProbeTime",
        "lastTransitionTime",
        # a container
        "name",
        "state",
        "lastState",
        "ready",
        "restartCount",
        "image",
        "imageID",
        "containerID",
        "started",
        # its state
        "waiting",
        "running",
        "terminated",
        "startedAt",
        "finishedAt",
        "exitCode",
        "signal",
    }
)
FINAL_PHASES = frozenset({"Succeeded", "Failed"})


def computing_status_for(worker_pod: Manifest, computing_pod: Manifest) -> Manifest:
    """The fields of the computing pod's status that come from the worker pod, None where it has none; {} where the computing pod has its last word.

    A finished computing pod never changes its phase. In the same phase it still learns details, unless the phase was our own verdict.
    """
    worker, computing = worker_pod.get("status", {}), computing_pod.get("status", {})
    if _is_settled(worker, computing):
        return {}
    gates = [gate["conditionType"] for gate in computing_pod.get("spec", {}).get("readinessGates") or ()]
    brought = {field: worker.get(field) for field in BROUGHT_UP} | _of_own_ephemerals(worker, computing_pod)
    return {
        **brought,
        "phase": worker.get("phase") or computing.get("phase"),
        "conditions": conditions_for(worker.get("conditions") or (), computing.get("conditions") or (), gates),
    }


def status_changes(wanted: Manifest, computing_pod: Manifest) -> Manifest:
    """A merge patch of `status` that makes the wanted fields so, whole lists included; {} when the computing pod shows them already."""
    seen = computing_pod.get("status", {})
    changed = {field for field, value in wanted.items() if not _shows_field(field, seen.get(field), value)}
    if not changed:
        return {}
    young = {field for field in wanted if field not in KNOWN_EVERYWHERE and seen.get(field) != wanted[field]}
    return {field: value for field, value in wanted.items() if field in changed | young}


def shows(seen: Any, wanted: Any) -> bool:
    """Whether an API server that was given `wanted` could show `seen` for it: null and empty are the same, unknown fields may be dropped."""
    if isinstance(seen, Mapping) and isinstance(wanted, Mapping):
        return all(_shows_field(field, seen.get(field), wanted.get(field)) for field in {**seen, **wanted})
    if _is_list(seen) and _is_list(wanted):
        return len(seen) == len(wanted) and all(map(shows, seen, wanted))
    return bool(_or_none(seen) == _or_none(wanted))


def _shows_field(field: str, seen: Any, wanted: Any) -> bool:
    if field in KNOWN_EVERYWHERE:
        return shows(seen, wanted)
    return seen is None or bool(seen == wanted)


def _of_own_ephemerals(worker: Manifest, computing_pod: Manifest) -> dict[str, Any]:
    """Without the debug containers of the worker's owner, which the computing pod does not have."""
    own = {it["name"] for it in computing_pod.get("spec", {}).get("ephemeralContainers") or ()}
    return {EPHEMERALS: [it for it in worker.get(EPHEMERALS) or () if it["name"] in own] or None}


def _is_settled(worker: Manifest, computing: Manifest) -> bool:
    phase = computing.get("phase")
    if phase not in FINAL_PHASES:
        return False
    return worker.get("phase") != phase or computing.get("reason") in names.VERDICTS


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _or_none(value: Any) -> Any:
    return None if value in ("", [], {}) else value
