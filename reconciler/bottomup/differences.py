"""From what a vnode is to what it should be: a manifest to begin with, then patches of the changed fields, and none where nothing changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace as replace_fields

from inventory.quantity import parse
from reconciler import names
from reconciler.bottomup.owned import owned_of, taint_key
from reconciler.bottomup.vnode import Vnode
from reconciler.decision import Manifest, Patch, Side, Target
from reconciler.kube.projections import Condition, Node, NodeAddress, Taint
from reconciler.kube.resources import NODES
from reconciler.promise import recorded_as

_LISTS = frozenset({"conditions", "addresses", "declaredFeatures"})  # of a status
_ADDRESS_TYPES = frozenset({"Hostname", "InternalIP"})


@dataclass(frozen=True, slots=True)
class _Change:
    """A merge patch; where it replaces a list, what others put into that list must not have changed meanwhile."""

    patch: dict[str, Any]
    replaces_list: bool


def manifest_for(wanted: Vnode) -> Manifest:
    """The vnode to create; a Node keeps the status that it is created with."""
    annotations = {**wanted.annotations, names.OWNED_KEYS: wanted.owned.to_text()}
    return {
        "apiVersion": NODES.api_version,
        "kind": NODES.kind,
        "metadata": {
            "name": wanted.name,
            "labels": dict(wanted.labels),
            "annotations": annotations,
            "finalizers": [names.FINALIZER_VNODE],
        },
        "spec": {"providerID": wanted.provider_id, "taints": _plain(wanted.taints)},
        "status": {
            "capacity": dict(wanted.capacity),
            "allocatable": dict(wanted.allocatable),
            "conditions": _plain(wanted.conditions),
            "addresses": _plain(wanted.addresses),
            "daemonEndpoints": _endpoints(wanted.kubelet_port),
            "nodeInfo": dict(wanted.node_info),
            **({"declaredFeatures": list(wanted.declared_features)} if wanted.declared_features else {}),
        },
    }


def differences(vnode: Node, wanted: Vnode, now: datetime) -> tuple[Patch, ...]:
    """The writes that make the vnode what it should be; what others set on it stays.

    The first of two patches moves the resourceVersion, so only that one can replace a list; the watch brings us back for those of the other.
    """
    main, status = _main_change(vnode, wanted), _status_change(vnode, wanted, now)
    if main.patch and status.replaces_list:
        status = _Change(
            {name: value for name, value in status.patch.items() if name not in _LISTS}, replaces_list=False
        )
    patches = []
    if main.patch:
        patches.append(Patch(target_of(vnode, is_guarded=main.replaces_list), main.patch))
    if status.patch:
        target = target_of(vnode, is_guarded=status.replaces_list)
        patches.append(Patch(target, {"status": status.patch}, "status"))
    return tuple(patches)


def without_finalizer(vnode: Node) -> Patch:
    """The write that lets a vnode go whose deletion has begun."""
    rest = [each for each in vnode.metadata.finalizers if each != names.FINALIZER_VNODE]
    return Patch(target_of(vnode, is_guarded=True), {"metadata": {"finalizers": rest}})


def target_of(vnode: Node, *, is_guarded: bool = False) -> Target:
    """This very vnode; guarded, also in this very version."""
    metadata = vnode.metadata
    version = metadata.resource_version if is_guarded else None
    return Target(Side.COMPUTING, NODES, metadata.name, uid=metadata.uid, resource_version=version)


def _main_change(vnode: Node, wanted: Vnode) -> _Change:
    owned = owned_of(vnode)
    metadata = _without_nothing(
        {
            "labels": _merge(vnode.metadata.labels, wanted.labels, owned.labels),
            "annotations": _merge(vnode.metadata.annotations, _annotations(vnode, wanted), owned.annotations),
            "finalizers": _finalizers(vnode),
        }
    )
    spec = _without_nothing(
        {
            "taints": _taints(vnode.spec.taints, wanted.taints, owned.taints),
            "providerID": None if vnode.spec.provider_id else wanted.provider_id,
        }
    )
    patch = _without_nothing({"metadata": metadata or None, "spec": spec or None})
    return _Change(patch, replaces_list="finalizers" in metadata or "taints" in spec)


def _status_change(vnode: Node, wanted: Vnode, now: datetime) -> _Change:
    status = vnode.status
    lists = _without_nothing(
        {
            "conditions": _conditions(status.conditions, wanted.conditions, owned_of(vnode).conditions, now),
            "addresses": _addresses(status.addresses, wanted.addresses),
        }
    )
    is_answered = status.daemon_endpoints.kubelet_endpoint.port == wanted.kubelet_port
    fields = _without_nothing(
        {
            "capacity": _amounts(status.capacity, wanted.capacity),
            "allocatable": _amounts(status.allocatable, wanted.allocatable),
            "nodeInfo": _node_info(status.node_info, wanted.node_info),
            "daemonEndpoints": None if is_answered else _endpoints(wanted.kubelet_port),
        }
    )
    features = _declared_features(status.declared_features, wanted.declared_features, has_company=bool(fields or lists))
    return _Change({**fields, **lists, **features}, replaces_list=bool(lists))


def _annotations(vnode: Node, wanted: Vnode) -> dict[str, str]:
    """With the list of what is ours. A condition that must go stays listed until it has gone, for it goes by another write."""
    there = frozenset(each.type for each in vnode.status.conditions)
    conditions = wanted.owned.conditions | (owned_of(vnode).conditions & there)
    return {**wanted.annotations, names.OWNED_KEYS: replace(wanted.owned, conditions=conditions).to_text()}


def _merge(present: Mapping[str, Any], wanted: Mapping[str, Any], ours: Iterable[str]) -> dict[str, Any] | None:
    """The merge patch of a map: what differs, and null for what is ours and no longer wanted; None if nothing is to do."""
    changed = {key: value for key, value in wanted.items() if present.get(key) != value}
    gone = {key: None for key in ours if key in present and key not in wanted}
    return {**changed, **gone} or None


def _node_info(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """As `_merge`; a server writes fields out that are empty, also those that the worker's version does not know."""
    return _merge(present, wanted, [key for key, value in present.items() if value])


def _declared_features(present: Sequence[str], wanted: Sequence[str], *, has_company: bool) -> dict[str, Any]:
    """The whole list. A server that does not know the field never shows it, so what it lacks only goes along with another write."""
    if tuple(present) == tuple(wanted) or not (present or has_company):
        return {}
    return {"declaredFeatures": list(wanted) or None}


def _amounts(present: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None] | None:
    """As `_merge` for quantities, which are the same however they are spelled; all of them are ours."""
    spelled = {key: _same_amount(present.get(key), text) for key, text in wanted.items()}
    return _merge(present, spelled, present)


def _same_amount(present: str | None, wanted: str) -> str:
    return present if present is not None and parse(present) == parse(wanted) else wanted


def _finalizers(vnode: Node) -> list[str] | None:
    """With ours, unless it is there or it is too late for it."""
    present = vnode.metadata.finalizers
    is_settled = names.FINALIZER_VNODE in present or vnode.metadata.is_deleting
    return None if is_settled else [*present, names.FINALIZER_VNODE]


def _taints(present: Sequence[Taint], wanted: Sequence[Taint], ours: frozenset[str]) -> list[Any] | None:
    """The whole list, ours first and the others' as they are; None if ours are as they should be."""
    claimed = ours | {taint_key(taint) for taint in wanted}
    others = [taint for taint in present if taint_key(taint) not in claimed]
    known = {(taint.key, taint.effect, taint.value): taint for taint in present if taint_key(taint) in claimed}
    kept = [known.get((taint.key, taint.effect, taint.value), taint) for taint in wanted]
    is_settled = len(known) == len(kept) and all(taint in present for taint in kept)
    return None if is_settled else _plain((*kept, *others))


def _conditions(
    present: Sequence[Condition], wanted: Sequence[Condition], ours: frozenset[str], now: datetime
) -> list[Any] | None:
    """The whole list, ours first and the others' as they are; None if ours are as they should be, whatever their times."""
    by_type = {each.type: each for each in present}
    kept = [_condition(by_type.get(each.type), each, now) for each in wanted]
    claimed = ours | {each.type for each in wanted}
    others = [each for each in present if each.type not in claimed]
    is_settled = len(present) == len(kept) + len(others) and all(each in present for each in kept)
    return None if is_settled else _plain((*kept, *others))


def _condition(present: Condition | None, wanted: Condition, now: datetime) -> Condition:
    """The one that is there if it says the same; its time is that of the last change of its status."""
    if present is None or present.status != wanted.status:
        return replace_fields(wanted, last_transition_time=recorded_as(wanted.last_transition_time or now))
    return replace_fields(wanted, last_transition_time=present.last_transition_time)


def _addresses(present: Sequence[NodeAddress], wanted: Sequence[NodeAddress]) -> list[Any] | None:
    """The whole list; addresses of other types than ours stay."""
    others = [each for each in present if each.type not in _ADDRESS_TYPES]
    is_settled = {*wanted, *others} == set(present)
    return None if is_settled else _plain((*wanted, *others))


def _endpoints(port: int) -> dict[str, Any]:
    return {"kubeletEndpoint": {"Port": port}}


def _plain(projections: Sequence[Taint] | Sequence[Condition] | Sequence[NodeAddress]) -> list[Any]:
    """As JSON."""
    return [msgspec.to_builtins(each) for each in projections]


def _without_nothing(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields that something is to be done about."""
    return {key: value for key, value in fields.items() if value is not None}
