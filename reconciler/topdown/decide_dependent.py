"""What happens to one ConfigMap or Secret and its copy in the worker.

The first line that fits holds.

| origin | copy | then |
|---|---|---|
| any | somebody else's | nothing: it is not ours to touch |
| any | being deleted | wait |
| gone, unreferenced, or a service-account token | ours | delete it |
| gone, unreferenced, or a service-account token | none | nothing |
| there | none | create it |
| there | ours, of another type, or immutable with other contents | delete it; it is made anew once it is gone |
| there | ours, different | patch what differs |
| there | ours, equal | nothing |
"""

from datetime import datetime

from reconciler import names
from reconciler.decision import Create, Decision, Delete, Manifest, Patch, Side, Target
from reconciler.kube.projections import ObjectMeta
from reconciler.topdown.credentials import is_token
from reconciler.topdown.dependents import Copy, copy_changes, copy_for, manifest_for, metadata_of, must_be_made_anew
from reconciler.topdown.view import DependentView

OWNED_BY = (names.VIRTUAL_UID, names.BINDING_UID, names.COMPUTING_CLUSTER_UID)


def decide_dependent(view: DependentView, _now: datetime) -> Decision:
    """The next write for one copy, by the table above. No text here ever holds contents."""
    copy = view.copy
    if copy is None:
        return _without_copy(view)
    metadata = metadata_of(copy)
    if not view.state.identity.owns(metadata):
        return Decision(f"{metadata.key} belongs to somebody else")
    if metadata.is_deleting:
        return Decision(f"waiting for {metadata.key} to go")
    why_not, origin = _needless(view), view.origin
    if why_not is not None or origin is None:
        return Decision(f"{metadata.key} goes: {why_not}", (Delete(_copy_target(view, metadata)),))
    return _mend(view, copy_for(view, origin), copy)


def _without_copy(view: DependentView) -> Decision:
    why_not, origin = _needless(view), view.origin
    if why_not is not None or origin is None:
        return Decision(f"no copy: {why_not}")
    name = _copy_name(view)
    target = Target(Side.WORKER, view.resource, name, view.state.identity.mount_namespace)
    create = Create(target, manifest_for(view, copy_for(view, origin), name), OWNED_BY)
    return Decision(f"copying {view.resource.kind} {view.namespace}/{view.name}", (create,))


def _mend(view: DependentView, wanted: Copy, seen: Manifest) -> Decision:
    target = _copy_target(view, metadata_of(seen))
    name = f"{target.namespace}/{target.name}"
    if must_be_made_anew(wanted, seen):
        return Decision(f"{name} cannot be changed in place; it is made anew", (Delete(target),))
    changes = copy_changes(wanted, seen)
    if not changes:
        return Decision(f"in step with {name}")
    return Decision(f"{name} differs in {', '.join(changes)}", (Patch(target, changes),))


def _needless(view: DependentView) -> str | None:
    """Why there should be no copy; None when there should be one."""
    if not view.is_referenced:
        return "no pod of this binding names it"
    if view.origin is None:
        return "its origin is gone"
    if view.origin.get("type") == names.SERVICE_ACCOUNT_CREDENTIAL or is_token(metadata_of(view.origin)):
        return "service-account tokens are not copied"
    return None


def _copy_name(view: DependentView) -> str:
    if view.name_is_taken:
        return names.mirrored_name_if_taken(view.namespace, view.name, view.state.identity.computing_cluster_uid)
    return names.mirrored_name(view.namespace, view.name)


def _copy_target(view: DependentView, copy: ObjectMeta) -> Target:
    return Target(Side.WORKER, view.resource, copy.name, copy.namespace, copy.uid)
