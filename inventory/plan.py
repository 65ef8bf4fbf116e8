"""What has to change in the computing cluster so that its custom resources say what the inventory says.

Live manifests come straight from the API, with `metadata.managedFields`: without them fields that left a file cannot be told from fields of others.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from inventory import names
from inventory.codes import Code
from inventory.differences import FieldChange, Manifest, differences
from inventory.errors import Position, Problem
from inventory.guards import Deletion, Rules, Verdict, verdict_on
from inventory.model import Binding, Inventory, Located, Policy

Declared = Located[Binding] | Located[Policy]
Identity = tuple[str, str]
"""Kind and name of a custom resource."""

_IMMUTABLE: Final = ("spec.clusterID", "spec.mountNamespace")


class Action(StrEnum):
    """What is to become of one object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    PROTECTED = "protected"  # gone from the inventory, and marked to stay
    GOING = "going"  # in the inventory, but being deleted in the cluster: created again once it is gone
    CONFLICT = "conflict"  # not ours to change, or not changeable; a Problem says why


@dataclass(frozen=True, slots=True)
class Change:
    """One object. `manifest` is what to apply, `uid` and `generation` are those of the live object the plan was made from."""

    action: Action
    kind: str
    name: str
    binding: str
    at: Position | None = None
    manifest: Manifest | None = None
    uid: str | None = None
    generation: int | None = None
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All objects of an inventory, in the order in which to change them: binding by binding, deletions last."""

    inventory_id: str
    changes: tuple[Change, ...]
    guard: Verdict
    problems: tuple[Problem, ...] = ()

    @property
    def to_apply(self) -> tuple[Change, ...]:
        """The objects to create or update."""
        return tuple(change for change in self.changes if change.action in (Action.CREATE, Action.UPDATE))

    @property
    def to_delete(self) -> tuple[Change, ...]:
        """The objects to delete now: none while the guard holds them."""
        return () if self.guard.is_held else self._with(Action.DELETE)

    @property
    def held(self) -> tuple[Change, ...]:
        """The objects whose deletion the guard holds."""
        return self._with(Action.DELETE) if self.guard.is_held else ()

    @property
    def has_changes(self) -> bool:
        """Whether carrying out the plan would write anything."""
        return bool(self.to_apply or self.to_delete)

    @property
    def counts(self) -> Mapping[Action, int]:
        """How many objects there are of each action."""
        return Counter(change.action for change in self.changes)

    @property
    def drifted(self) -> int:
        """How many fields would be taken back from somebody who changed them in the cluster."""
        return sum(each.drift_by is not None for change in self.to_apply for each in change.fields)

    @property
    def digest(self) -> str:
        """Names what the plan would do; where in the files it stands, and what stays as it is, does not matter."""
        doing = [_essence(change) for change in self.changes if change.action is not Action.UNCHANGED]
        canonical = json.dumps([self.inventory_id, self.guard.is_held, doing], sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    def _with(self, action: Action) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action is action)


def plan(
    desired: Inventory, live: Sequence[Manifest], *, inventory_id: str, approved: frozenset[str] = frozenset()
) -> Plan:
    """The plan that leads from the live ClusterBindings and ResourceLeasingPolicies to the inventory.

    `inventory_id` is the inventory's own id, which a caller has made sure of; `approved` are tokens of held deletions that are wanted after all.
    """
    found = {_identity(manifest): manifest for manifest in live}
    every: tuple[Declared, ...] = (*desired.bindings, *desired.policies)
    wanted = {_identity(each.manifest): each for each in every}
    declared = [_declared(each, found.get(identity), inventory_id) for identity, each in wanted.items()]
    ours = [manifest for manifest in live if _label(manifest) == inventory_id and not _is_going(manifest)]
    gone = [_gone(manifest) for manifest in ours if _identity(manifest) not in wanted]
    deletions = [Deletion(each.kind, each.name, each.uid or "") for each in gone if each.action is Action.DELETE]
    rules = Rules(inventory_id, desired.guards, not wanted, approved)
    changes = sorted((*(change for change, _ in declared), *gone), key=_order)
    problems = tuple(problem for _, problem in declared if problem is not None)
    return Plan(inventory_id, tuple(changes), verdict_on(deletions, len(ours), rules), problems)


def manifest_to_apply(located: Declared, inventory_id: str) -> dict[str, Any]:
    """The full intent of a declaration: what the file says, and whose it is."""
    manifest: Manifest = located.manifest
    metadata = manifest["metadata"]
    labels = {**metadata.get("labels", {}), names.INVENTORY_ID: inventory_id}
    return {**manifest, "metadata": {**metadata, "labels": labels}}


def _declared(located: Declared, live: Manifest | None, inventory_id: str) -> tuple[Change, Problem | None]:
    kind, name = _identity(located.manifest)
    manifest = manifest_to_apply(located, inventory_id)
    change = Change(Action.CREATE, kind, name, _binding(manifest), located.at, manifest)
    if live is None:
        return change, None
    fields = differences(live, manifest, located.origins)
    problem = _conflict(change, live, fields, inventory_id)
    if problem is not None:
        action = Action.CONFLICT
    elif _is_going(live):
        action = Action.GOING
    else:
        action = Action.UPDATE if fields else Action.UNCHANGED
    uid, generation = live["metadata"].get("uid"), live["metadata"].get("generation")
    return replace(change, action=action, uid=uid, generation=generation, fields=fields), problem


def _conflict(change: Change, live: Manifest, fields: Iterable[FieldChange], inventory_id: str) -> Problem | None:
    """Why a live object cannot be made what the inventory wants."""
    at = change.at or Position("")
    owner = _label(live)
    if owner not in (None, inventory_id):
        message = f"{change.kind} '{change.name}' belongs to the inventory '{owner}'"
        return Problem(Code.FOREIGN, message, at, hint="remove it from one of the two inventories")
    for field in fields:
        if field.field in _IMMUTABLE and field.before is not None:
            message = (
                f"{field.field} of {change.kind} '{change.name}' cannot change from {field.before} to {field.after}"
            )
            hint = "declare a new binding under another name, and remove this one when its nodes are free"
            return Problem(Code.IMMUTABLE, message, field.origin or at, hint=hint)
    return None


def _gone(live: Manifest) -> Change:
    kind, name = _identity(live)
    metadata = live["metadata"]
    is_kept = (metadata.get("annotations") or {}).get(names.PRUNE) == names.PRUNE_DISABLED
    action = Action.PROTECTED if is_kept else Action.DELETE
    return Change(action, kind, name, _binding(live), uid=metadata.get("uid"), generation=metadata.get("generation"))


def _order(change: Change) -> tuple[bool, str, bool, str]:
    """Binding by binding; a binding comes before its policies and goes after them."""
    goes = change.action is Action.DELETE
    is_binding = change.kind == names.BINDING_KIND
    return goes, change.binding, is_binding is goes, change.name


def _essence(change: Change) -> list[Any]:
    fields = [[each.op, each.path, each.before, each.after] for each in change.fields]
    created = change.manifest if change.action is Action.CREATE else None
    return [change.action, change.kind, change.name, change.uid, fields, created]


def _identity(manifest: Manifest) -> Identity:
    return manifest["kind"], manifest["metadata"]["name"]


def _binding(manifest: Manifest) -> str:
    if manifest["kind"] == names.BINDING_KIND:
        return str(manifest["metadata"]["name"])
    return str(manifest.get("spec", {}).get("cluster", ""))


def _label(live: Manifest) -> str | None:
    return (live["metadata"].get("labels") or {}).get(names.INVENTORY_ID)


def _is_going(live: Manifest) -> bool:
    return live["metadata"].get("deletionTimestamp") is not None
