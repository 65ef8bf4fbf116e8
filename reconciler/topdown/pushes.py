"""What of a pod that exists already can still be changed from above: metadata, a shorter deadline, more tolerations.

The API allows little else on a pod. Images could be changed too, but workers often rewrite them on admission (registry mirrors), and nothing tells such a rewrite
from an image that the user has changed since.
"""

from typing import Any

import msgspec

from reconciler.decision import Manifest, Patch, Side
from reconciler.kube.projections import Copied, Pod
from reconciler.topdown.metadata import Marks, metadata_changes
from reconciler.topdown.pod_forge import tolerations_for
from reconciler.topdown.targets import as_seen, of_worker_pod


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    tolerations: list[dict[str, Any]] = []
    active_deadline_seconds: int | None = None


class _Pod(msgspec.Struct, frozen=True):
    spec: _Spec


_POD = msgspec.json.Decoder(_Pod)


def pushed_down(marks: Marks, computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> tuple[Patch, ...]:
    """The patch that brings the worker pod into line, if it is not; `marks` is what its metadata should be."""
    metadata = metadata_changes(marks, worker_pod.metadata)
    spec = _spec_changes(_POD.decode(computing_pod.raw).spec, _POD.decode(worker_pod.raw).spec)
    patch = {field: changes for field, changes in (("metadata", metadata), ("spec", spec)) if changes}
    if not patch:
        return ()
    replaces_a_list = "tolerations" in spec
    target = as_seen(worker_pod, Side.WORKER) if replaces_a_list else of_worker_pod(worker_pod)
    return (Patch(target, patch),)


def _spec_changes(computing: _Spec, worker: _Spec) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    deadline, current = computing.active_deadline_seconds, worker.active_deadline_seconds
    if deadline is not None and (current is None or deadline < current):  # the API lets it shrink, never grow or go
        changes["activeDeadlineSeconds"] = deadline
    tolerations = _with_additions(tolerations_for(computing.tolerations), worker.tolerations)
    if tolerations != worker.tolerations:
        changes["tolerations"] = tolerations
    return changes


def _with_additions(wanted: list[Manifest], current: list[dict[str, Any]]) -> list[Manifest]:
    """Current ones stay (the worker's admission adds some; the API lets none go), save that `tolerationSeconds` follows the user's."""
    by_identity = {_identity(it): it for it in wanted}
    known = {_identity(it) for it in current}
    kept = [it if it in wanted else by_identity.get(_identity(it), it) for it in current]
    return kept + [it for it in wanted if _identity(it) not in known]


def _identity(toleration: Manifest) -> tuple[str, ...]:
    return tuple(toleration.get(field) or "" for field in ("key", "operator", "value", "effect"))
