"""Labels and annotations on their way down: the user's and ours, kept equal without touching anybody else's.

What we set is a pure function of the original, so a difference is found by forging again. What we set *before* and no longer want cannot be found that way:
each copy lists our keys in the annotation `kubeocean.io/owned-keys`, and only listed keys are ever removed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler import names
from reconciler.kube.projections import ObjectMeta

Patched = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Marks:
    """The labels and annotations that an object of ours in the worker must have."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def carried_labels(origin: ObjectMeta) -> dict[str, str]:
    """The user's labels; keys under our prefix are never the user's to set in a worker."""
    return {key: value for key, value in origin.labels.items() if not key.startswith(names.PREFIX)}


def carried_annotations(origin: ObjectMeta) -> dict[str, str]:
    """The user's annotations, without those that would be untrue of a copy or would tie the lender's hands."""
    return {key: value for key, value in origin.annotations.items() if _is_carried(key)}


def _is_carried(key: str) -> bool:
    if key.startswith((names.PREFIX, names.SERVICE_ACCOUNT_PREFIX)):
        return False
    return key != names.LAST_APPLIED and key not in names.EVICTION_BLOCKERS


def marks_for(labels: Mapping[str, str], annotations: Mapping[str, str]) -> Marks:
    """Wanted metadata together with the list of what we own of it."""
    owned = json.dumps({"labels": sorted(labels), "annotations": sorted(annotations)}, separators=(",", ":"))
    return Marks(labels, {**annotations, names.OWNED_KEYS: owned})


def metadata_changes(wanted: Marks, seen: ObjectMeta) -> dict[str, Any]:
    """A merge patch of `metadata` that makes our part equal; {} when it is."""
    owned = _owned_keys(seen.annotations.get(names.OWNED_KEYS, ""))
    changes = {
        "labels": _changes(wanted.labels, seen.labels, owned.get("labels")),
        "annotations": _changes(wanted.annotations, seen.annotations, owned.get("annotations")),
    }
    return {field: change for field, change in changes.items() if change}


def _changes(wanted: Mapping[str, str], seen: Mapping[str, str], owned: object) -> Patched:
    changed: Patched = {key: value for key, value in wanted.items() if seen.get(key) != value}
    listed = owned if isinstance(owned, list) else []
    return changed | {key: None for key in listed if key in seen and key not in wanted}


def _owned_keys(text: str) -> Mapping[str, object]:
    """The list as it was written, or nothing when somebody has spoiled it: then nothing is removed, and the list is written anew."""
    try:
        owned = json.loads(text)
    except ValueError:
        return {}
    return owned if isinstance(owned, dict) else {}
