"""What applying a manifest would change of a live object, field by field.

Only fields that the manifest declares count, and fields that an earlier version of it declared: those are unset, unless somebody else owns them too.
Defaults of the API server and fields of others are no differences.
"""

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jsonpatch

from inventory.errors import Position
from inventory.fields import pointer
from inventory.limits import LIMITS, LimitPlaces, as_list, by_resource
from inventory.ownership import CONTAINERS, Owners, Steps, owners_of

Manifest = Mapping[str, Any]
Tree = dict[str, Any]
_METADATA: Final = ("metadata",)
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One operation of RFC 6902, with what it does: `path` is a pointer into the live object as the operations before it have left it.

    `field` is the same place as people write it. None stands for absent. `origin` is where the inventory says so. `drift_by` names who set the field in
    the cluster meanwhile.
    """

    op: str
    path: str
    field: str
    before: Any
    after: Any
    origin: Position | None = None
    drift_by: str | None = None


def differences(live: Manifest, wanted: Manifest, origins: Mapping[str, Position]) -> tuple[FieldChange, ...]:
    """What to do to `live` so that it says what `wanted` declares; nothing if it does already."""
    owners = owners_of(live)
    declared = frozenset(_leaves(wanted))
    before = _projection(live, declared | (owners.ours - owners.others.keys()))
    after = _projection(wanted, declared)
    for path in (_METADATA, *CONTAINERS):
        if _at(live, path) is not _MISSING:
            _put_if_missing(before, path)
            _put_if_missing(after, path)
    if _canonical(before) == _canonical(after):  # as a rule; and much cheaper than to look for operations
        return ()
    return tuple(_Comparison(before, after, origins, owners).changes())


class _Comparison:
    """Two trees of the same fields, in which limits are known by their resource where both sides allow it."""

    def __init__(self, before: Tree, after: Tree, origins: Mapping[str, Position], owners: Owners) -> None:
        self._places = LimitPlaces(_at(before, LIMITS))
        self._wanted_places = list(by_resource(_at(after, LIMITS)) or ())
        self._is_keyed = _key_limits(before, after)
        self._before, self._after = before, after
        self._origins, self._owners = origins, owners

    def changes(self) -> Iterator[FieldChange]:
        """The operations that lead from one tree to the other."""
        document: Any = self._before
        for operation in jsonpatch.make_patch(self._before, self._after).patch:
            for simple in _simple(operation, document):
                before = None if simple["op"] == "add" else jsonpatch.JsonPointer(simple["path"]).resolve(document)
                document = jsonpatch.apply_patch(document, [simple])
                yield self._change(simple["op"], _steps(simple["path"]), before, simple.get("value"))

    def _change(self, op: str, steps: Steps, before: Any, after: Any) -> FieldChange:
        if self._is_keyed and steps == LIMITS:
            before, after = as_list(before), as_list(after)
        real = self._places.real(op, steps) if self._is_keyed else steps
        origin = None if op == "remove" else self._origin(steps)
        return FieldChange(op, pointer(real), _shown(steps), before, after, origin, self._owners.drift(steps))

    def _origin(self, steps: Steps) -> Position | None:
        """Where the inventory says what stands at this path, or the nearest thing above it."""
        if self._is_keyed and steps[:2] == LIMITS and len(steps) > len(LIMITS):
            steps = (*LIMITS, str(self._wanted_places.index(steps[2])), *steps[3:])
        lengths = range(len(steps), 1, -1)
        return next((self._origins[place] for n in lengths if (place := pointer(steps[:n])) in self._origins), None)


def _key_limits(before: Tree, after: Tree) -> bool:
    """Turn the limits of both trees into mappings by resource, unless those of one do not allow it; whether it was done."""
    found = [(tree, _at(tree, LIMITS)) for tree in (before, after)]
    mapped = [(tree, by_resource(limits)) for tree, limits in found if limits is not _MISSING]
    if any(limits is None for _, limits in mapped):
        return False
    for tree, limits in mapped:
        _put(tree, LIMITS, limits)
    return True


def _canonical(tree: Tree) -> str:
    """Equal for equal trees only; in Python alone, true would equal 1."""
    return json.dumps(tree, sort_keys=True)


def _simple(operation: dict[str, Any], document: Any) -> Iterator[dict[str, Any]]:
    """An operation as adds, removes and replaces: a move reads worse than what it does."""
    if operation["op"] != "move":
        yield operation
        return
    yield {"op": "remove", "path": operation["from"]}
    yield {"op": "add", "path": operation["path"], "value": jsonpatch.JsonPointer(operation["from"]).resolve(document)}


def _leaves(manifest: Manifest) -> Iterator[Steps]:
    """The fields that a manifest declares: texts, numbers and lists, not the mappings on the way to them."""
    for path in CONTAINERS:
        found = _at(manifest, path)
        if isinstance(found, Mapping):
            yield from _leaves_below(found, path)


def _leaves_below(tree: Mapping[str, Any], path: Steps) -> Iterator[Steps]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves_below(value, (*path, key))
        else:
            yield (*path, key)


def _projection(manifest: Manifest, paths: Iterable[Steps]) -> Tree:
    """These fields, as far as the manifest has them, in mappings of its own."""
    tree: Tree = {}
    for path in sorted(paths):
        value = _at(manifest, path)
        if value is not _MISSING:
            _put(tree, path, copy.deepcopy(value) if isinstance(value, Mapping) else value)
    return tree


def _at(tree: object, path: Steps) -> Any:
    for step in path:
        if not isinstance(tree, Mapping) or step not in tree:
            return _MISSING
        tree = tree[step]
    return tree


def _put(tree: Tree, path: Steps, value: Any) -> None:
    *above, last = path
    for step in above:
        tree = tree.setdefault(step, {})
    tree[last] = value


def _put_if_missing(tree: Tree, path: Steps) -> None:
    if _at(tree, path) is _MISSING:
        _put(tree, path, {})


def _steps(path: str) -> Steps:
    return tuple(jsonpatch.JsonPointer(path).parts)


def _shown(steps: Steps) -> str:
    """A path as people write it; indexes, resources and keys with dots stand in brackets."""
    is_plain = [step.isidentifier() and (steps[:2] != LIMITS or at != len(LIMITS)) for at, step in enumerate(steps)]
    parts = (f".{step}" if plain else f"[{step}]" for step, plain in zip(steps, is_plain, strict=True))
    return "".join(parts).removeprefix(".")
