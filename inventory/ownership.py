"""Who owns which field of a live object, as server-side apply keeps it in `metadata.managedFields`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inventory.names import GIT_FIELD_MANAGER

Steps = tuple[str, ...]
"""Keys from the root of a manifest to a field, or the reference tokens of a JSON pointer."""

CONTAINERS: Final[tuple[Steps, ...]] = (("metadata", "labels"), ("metadata", "annotations"), ("spec",))
"""Mappings that nobody owns as a whole; below them lies all that an inventory declares."""

_FIELD: Final = "f:"
_NEVER_FIELDS: Final = frozenset({(), ("metadata",), *CONTAINERS})


@dataclass(frozen=True, slots=True)
class Owners:
    """The fields that were applied from Git, and those of others with a manager's name. A list is one field."""

    ours: frozenset[Steps]
    others: Mapping[Steps, str]

    def drift(self, steps: Steps) -> str | None:
        """The manager that took a field of an object which was applied from Git; None where that is not what happened."""
        if not self.ours or any(_overlap(path, steps) for path in self.ours):
            return None
        return next((manager for path, manager in self.others.items() if _overlap(path, steps)), None)


def owners_of(manifest: Mapping[str, Any]) -> Owners:
    """The owners of a live object's fields; nobody's, where the list of managers was left out."""
    entries: Sequence[Mapping[str, Any]] = manifest["metadata"].get("managedFields") or ()
    ours = [entry for entry in entries if _is_from_git(entry)]
    others = [entry for entry in entries if not _is_from_git(entry)]
    return Owners(
        frozenset(path for entry in ours for path in _fields(entry)),
        {path: str(entry.get("manager", "somebody")) for entry in others for path in _fields(entry)},
    )


def _is_from_git(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == GIT_FIELD_MANAGER and entry.get("operation") == "Apply"


def _fields(entry: Mapping[str, Any]) -> Iterator[Steps]:
    return _below(entry.get("fieldsV1") or {}, ())


def _below(fields: Mapping[str, Any], path: Steps) -> Iterator[Steps]:
    """The deepest fields of a set; not a container, even if nothing of it is owned any more."""
    inner = {key.removeprefix(_FIELD): value for key, value in fields.items() if key.startswith(_FIELD)}
    if not inner and path not in _NEVER_FIELDS:
        yield path
    for key, value in inner.items():
        yield from _below(value, (*path, key))


def _overlap(path: Steps, steps: Steps) -> bool:
    """Whether one of the two is the other or lies below it."""
    return all(one == other for one, other in zip(path, steps, strict=False))
