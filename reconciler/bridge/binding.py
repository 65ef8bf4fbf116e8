"""A binding from its syncer's side: finalizer, the worker's PriorityClass, the report, and the end."""

from dataclasses import dataclass
from datetime import datetime

from reconciler import names
from reconciler.bottomup.reports import BindingReportView, decide_binding_report
from reconciler.bridge.ground import Bound, Ground
from reconciler.decision import Create, Decision, Delete, Manifest, Patch, Side, Target
from reconciler.kube.errors import NotFoundError
from reconciler.kube.projections import CustomObject, Node
from reconciler.kube.resources import CONFIGMAPS, PODS, PRIORITY_CLASSES, SECRETS
from reconciler.marks import Identity

MIRRORED = (PODS, CONFIGMAPS, SECRETS)


@dataclass(frozen=True, slots=True)
class BindingView:
    """A binding, its vnodes, and what is left of it in the worker.

    `left` are live objects of ours in the worker, read only while the binding is deleting and has no vnode any more; None when that could not be read.
    """

    seen: CustomObject
    vnodes: tuple[Node, ...]
    needs_priority_class: bool
    abandons_worker: bool
    left: tuple[Target, ...] | None


class BindingObserver:
    """Builds BindingViews; the key is the binding's name."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def observe(self, name: str, _now: datetime) -> BindingView | None:
        """The view; None when the binding is gone."""
        seen = self._ground.computing.bindings.get(name)
        bound = self._ground.bound()
        identity = bound.state.identity
        if seen is None or seen.metadata.uid != identity.binding_uid:
            return None
        vnodes = tuple(vnode for vnode in self._ground.computing.nodes.values() if identity.owns_vnode(vnode))
        is_reachable = self._ground.unreachable_since is None
        is_over = seen.metadata.is_deleting and not vnodes
        return BindingView(
            seen=seen,
            vnodes=vnodes,
            needs_priority_class=is_reachable
            and not seen.metadata.is_deleting
            and await self._lacks_priority_class(bound),
            abandons_worker=bound.state.abandons_worker,
            left=await self._left(identity) if is_over and is_reachable else None,
        )

    async def _lacks_priority_class(self, bound: Bound) -> bool:
        if bound.binding.pod_priority_class_name != names.DEFAULT_PRIORITY_CLASS:
            return False
        try:
            await self._ground.worker.client.get(PRIORITY_CLASSES, names.DEFAULT_PRIORITY_CLASS)
        except NotFoundError:
            return True
        return False

    async def _left(self, identity: Identity) -> tuple[Target, ...]:
        label = f"{names.MANAGED_BY}={names.MANAGED_BY_VALUE}"
        left: list[Target] = []
        for resource in MIRRORED:
            found = await self._ground.worker.client.list(resource, identity.mount_namespace, label_selector=label)
            ours = [item["metadata"] for item in found if _is_ours(item, identity)]
            left += [Target(Side.WORKER, resource, meta["name"], meta["namespace"], meta["uid"]) for meta in ours]
        return tuple(left)


def decide_binding(view: BindingView, now: datetime) -> Decision:
    """Keep the finalizer while anything is left; report; let go."""
    metadata = view.seen.metadata
    if metadata.is_deleting:
        return _decide_end(view)
    actions: list[Create | Patch] = []
    if names.FINALIZER_SYNCER not in metadata.finalizers:
        actions.append(_finalizers(view, [*metadata.finalizers, names.FINALIZER_SYNCER]))
    if view.needs_priority_class:
        actions.append(
            Create(Target(Side.WORKER, PRIORITY_CLASSES, names.DEFAULT_PRIORITY_CLASS), priority_class(), owned_by=())
        )
    report = decide_binding_report(BindingReportView(view.seen, view.vnodes), now)
    return Decision(report.because, (*actions, *report.actions))


def _decide_end(view: BindingView) -> Decision:
    metadata = view.seen.metadata
    if names.FINALIZER_SYNCER not in metadata.finalizers:
        return Decision("the binding is on its way out")
    if view.vnodes:
        return Decision(f"waiting for {len(view.vnodes)} vnodes to be given back")
    if not view.abandons_worker:
        if view.left is None:
            return Decision(f"waiting for the worker to answer; annotation {names.ABANDON_WORKER} ends it without")
        if view.left:
            return Decision(
                f"removing {len(view.left)} objects from the worker", tuple(Delete(target) for target in view.left)
            )
    return Decision(
        "nothing is left of the binding",
        (_finalizers(view, [name for name in metadata.finalizers if name != names.FINALIZER_SYNCER]),),
    )


def _finalizers(view: BindingView, wanted: list[str]) -> Patch:
    metadata = view.seen.metadata
    target = Target(
        Side.COMPUTING, names.BINDINGS, metadata.name, uid=metadata.uid, resource_version=metadata.resource_version
    )
    return Patch(target, {"metadata": {"finalizers": wanted}})


def priority_class() -> Manifest:
    """The worker's class for lent pods: below everything of the owner's, and never preempting."""
    return {
        "apiVersion": PRIORITY_CLASSES.api_version,
        "kind": PRIORITY_CLASSES.kind,
        "metadata": {"name": names.DEFAULT_PRIORITY_CLASS, "labels": {names.MANAGED_BY: names.MANAGED_BY_VALUE}},
        "value": names.DEFAULT_PRIORITY,
        "preemptionPolicy": "Never",
        "globalDefault": False,
        "description": "Pods on lent capacity: they yield to everything of this cluster's owner.",
    }


def _is_ours(item: Manifest, identity: Identity) -> bool:
    annotations = item["metadata"].get("annotations", {})
    return all(annotations.get(key) == value for key, value in identity.annotations.items())
