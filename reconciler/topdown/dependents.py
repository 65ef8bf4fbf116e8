"""Builds the copy of a ConfigMap or Secret in the worker, and the patch that mends one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from reconciler import names
from reconciler.decision import Manifest
from reconciler.kube.projections import ObjectMeta
from reconciler.kube.resources import SECRETS
from reconciler.topdown.credentials import is_token
from reconciler.topdown.metadata import Marks, carried_annotations, carried_labels, marks_for, metadata_changes
from reconciler.topdown.view import Dependent, DependentView

CONTENTS = ("data", "binaryData")
OPAQUE = "Opaque"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a copy must be: metadata of ours, and the fields taken from the origin (`type` for Secrets only)."""

    marks: Marks
    contents: Mapping[str, Mapping[str, str]]
    is_immutable: bool
    type: str | None


def is_on_its_way(dependent: Dependent) -> bool:
    """A copy that will come, and must be there before variables are read from it. An origin that is missing is no obstacle: the pod waits for it on its node."""
    origin, copy = dependent.origin, dependent.copy
    if origin is None or is_token(origin):
        return False
    return copy is None or copy.annotations.get(names.VIRTUAL_UID) != origin.uid


def metadata_of(manifest: Manifest) -> ObjectMeta:
    """The metadata of a whole object."""
    return msgspec.convert(manifest["metadata"], ObjectMeta)


def copy_for(view: DependentView, origin: Manifest) -> Copy:
    """The copy of an origin."""
    metadata, identity = metadata_of(origin), view.state.identity
    annotations = {
        **carried_annotations(metadata),
        **identity.annotations,
        names.VIRTUAL_NAMESPACE: view.namespace,
        names.VIRTUAL_NAME: view.name,
        names.VIRTUAL_UID: metadata.uid,
    }
    return Copy(
        marks=marks_for({**carried_labels(metadata), **identity.labels}, annotations),
        contents={field: dict(origin.get(field) or {}) for field in CONTENTS},
        is_immutable=bool(origin.get("immutable")),
        type=origin.get("type", OPAQUE) if view.resource == SECRETS else None,
    )


def manifest_for(view: DependentView, copy: Copy, name: str) -> Manifest:
    """The copy as an object to be created; fields that are empty stay away."""
    fields = {**copy.contents, "immutable": copy.is_immutable, "type": copy.type}
    return {
        "apiVersion": view.resource.api_version,
        "kind": view.resource.kind,
        "metadata": {
            "name": name,
            "namespace": view.state.identity.mount_namespace,
            "labels": dict(copy.marks.labels),
            "annotations": dict(copy.marks.annotations),
        },
        **{field: value for field, value in fields.items() if value},
    }


def must_be_made_anew(copy: Copy, seen: Manifest) -> bool:
    """Whether no patch leads there: the API lets neither a Secret's type change, nor anything of an immutable object but its metadata."""
    if copy.type is not None and copy.type != seen.get("type", OPAQUE):
        return True
    return bool(seen.get("immutable")) and bool(_content_changes(copy, seen))


def copy_changes(copy: Copy, seen: Manifest) -> Manifest:
    """A merge patch of the changed fields; {} when there are none."""
    metadata = metadata_changes(copy.marks, metadata_of(seen))
    return {**({"metadata": metadata} if metadata else {}), **_content_changes(copy, seen)}


def _content_changes(copy: Copy, seen: Manifest) -> dict[str, Any]:
    pairs = ((field, wanted, seen.get(field) or {}) for field, wanted in copy.contents.items())
    changes: dict[str, Any] = {field: _entries(wanted, there) for field, wanted, there in pairs if wanted != there}
    if copy.is_immutable != bool(seen.get("immutable")):
        changes["immutable"] = copy.is_immutable
    return changes


def _entries(wanted: Mapping[str, str], there: Mapping[str, str]) -> dict[str, str | None]:
    """Changed and new keys, and null for those that are gone."""
    changed: dict[str, str | None] = {key: value for key, value in wanted.items() if there.get(key) != value}
    return changed | {key: None for key in there if key not in wanted}
