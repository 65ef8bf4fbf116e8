"""Ephemeral containers (`kubectl debug`): those that the computing pod has and the worker pod lacks are added there, one a pass.

The API lets them only be added, so one that is there is never looked at again: names are all that is compared (servers fill in the rest, admission may change
it). One a pass, for they are a list that is replaced whole, and one that the worker refuses must not take the others with it. Neither user nor worker can take a
refused one back, so its name is kept in an annotation and it is not tried again; users try with another name.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from reconciler import names
from reconciler.decision import Action, Decision, Emit, Manifest, Patch, Side
from reconciler.kube.projections import Copied, Pod
from reconciler.topdown.container_forge import ephemeral_container_for
from reconciler.topdown.credentials import holds_minted
from reconciler.topdown.dependents import is_on_its_way
from reconciler.topdown.pod_conditions import by_type, condition_for
from reconciler.topdown.references import references_of
from reconciler.topdown.renaming import renaming_for
from reconciler.topdown.shortfalls import shortfalls_of
from reconciler.topdown.targets import as_seen, of_computing_pod, whole
from reconciler.topdown.view import EphemeralApi, PodView

EPHEMERAL_CONTAINERS = "ephemeralcontainers"  # the subresource
FIELD = "ephemeralContainers"
NOT_OFFERED = "the worker cluster does not offer ephemeral containers: it is older than 1.23 and its feature gate EphemeralContainers is closed"


def lacking(computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> tuple[str, ...]:
    """Names of the ephemeral containers to be added, in their order; none once either pod has finished or is on its way out."""
    pods = (computing_pod, worker_pod)
    if any(pod.metadata.is_deleting or pod.seen.status.is_terminal for pod in pods):
        return ()
    there = {it.name for it in worker_pod.seen.spec.ephemeral_containers}
    return tuple(it.name for it in computing_pod.seen.spec.ephemeral_containers if it.name not in there)


def with_trouble(
    conditions: Iterable[Manifest], view: PodView, pods: tuple[Copied[Pod], Copied[Pod]], now: datetime
) -> list[Manifest]:
    """A computing pod's conditions with the one that says why it lacks ephemeral containers in the worker, as long as it does; `pods` are both sides'."""
    own = by_type(conditions)
    if not lacking(*pods):
        own.pop(names.CONDITION_EPHEMERAL, None)
    elif view.ephemeral_api is None:
        own[names.CONDITION_EPHEMERAL] = _condition(own, names.EVENT_EPHEMERAL_NOT_OFFERED, NOT_OFFERED, now)
    return list(own.values())


def told_of_trouble(view: PodView, computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> tuple[Emit, ...]:
    """An Event when the worker does not offer what is asked for, unless the pod knows already."""
    if view.ephemeral_api is not None or not lacking(computing_pod, worker_pod):
        return ()
    reason = names.EVENT_EPHEMERAL_NOT_OFFERED
    knows = any(
        it.type == names.CONDITION_EPHEMERAL and it.reason == reason for it in computing_pod.seen.status.conditions
    )
    return () if knows else (Emit(of_computing_pod(computing_pod), "Warning", reason, NOT_OFFERED),)


def addition(view: PodView, computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> Decision | None:
    """Add the first that can be added; None when there is nothing to add, or nothing that the worker would take."""
    wanted = _untried(computing_pod, worker_pod)
    if not wanted or view.ephemeral_api is None:
        return None
    obstacles = {it["name"]: tuple(_copies_to_come(view, it)) for it in wanted}
    ready = next((it for it in wanted if not obstacles[it["name"]]), None)
    if ready is not None:
        return _addition(view, computing_pod, worker_pod, ready)
    name, missing = next(iter(obstacles.items()))
    return Decision(f"ephemeral container {name} waits for {', '.join(missing)} to be copied to the worker")


def addition_among(actions: Iterable[Action]) -> Patch | None:
    """The write that adds an ephemeral container."""
    return next((it for it in actions if isinstance(it, Patch) and it.subresource == EPHEMERAL_CONTAINERS), None)


def refused_addition(computing_pod: Copied[Pod], refused: Patch, refusal: str, now: datetime) -> Decision:
    """What the user is told when the worker refused an addition, and that it is not to be tried again."""
    name = (refused.patch.get("spec") or refused.patch)[FIELD][-1]["name"]
    reason, message = names.EVENT_EPHEMERAL_REFUSED, f"{name}: {refusal}"
    own = by_type(whole(computing_pod).get("status", {}).get("conditions"))
    own[names.CONDITION_EPHEMERAL] = _condition(own, reason, message, now)
    status = {"status": {"conditions": list(own.values())}}
    record = {names.EPHEMERAL_REFUSED: ",".join((*_refused(computing_pod), name))}
    actions: tuple[Action, ...] = (
        Patch(as_seen(computing_pod, Side.COMPUTING), status, "status"),  # first: the record moves the version
        Patch(of_computing_pod(computing_pod), {"metadata": {"annotations": record}}),
        Emit(of_computing_pod(computing_pod), "Warning", reason, message),
    )
    return Decision(f"the worker refused ephemeral container {name}", actions)


def _addition(view: PodView, computing_pod: Copied[Pod], worker_pod: Copied[Pod], container: Manifest) -> Decision:
    renaming = renaming_for(view, computing_pod.metadata.namespace, whole(computing_pod)["spec"])
    there = whole(worker_pod)["spec"]
    mountable = frozenset(it["name"] for it in there.get("volumes") or () if not holds_minted(it))
    wanted = {FIELD: [*(there.get(FIELD) or ()), ephemeral_container_for(container, renaming, mountable)]}
    patch = wanted if view.ephemeral_api is EphemeralApi.LIST else {"spec": wanted}
    regarding = of_computing_pod(computing_pod)
    lost = shortfalls_of({"containers": [container]}, renaming)
    told = (Emit(regarding, "Warning", it.reason, it.message) for it in lost)
    actions: tuple[Action, ...] = (Patch(as_seen(worker_pod, Side.WORKER), patch, EPHEMERAL_CONTAINERS), *told)
    return Decision(f"adding ephemeral container {container['name']} to {worker_pod.metadata.key}", actions)


def _untried(computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> tuple[Manifest, ...]:
    wanted = frozenset(lacking(computing_pod, worker_pod)).difference(_refused(computing_pod))
    if not wanted:
        return ()
    return tuple(it for it in whole(computing_pod)["spec"][FIELD] if it["name"] in wanted)


def _refused(computing_pod: Copied[Pod]) -> tuple[str, ...]:
    recorded = computing_pod.metadata.annotations.get(names.EPHEMERAL_REFUSED, "")
    return tuple(name for name in recorded.split(",") if name)


def _copies_to_come(view: PodView, container: Manifest) -> Iterator[str]:
    mentioned = references_of(msgspec.json.encode({"spec": {FIELD: [container]}}))
    keys = frozenset((it.resource, it.name) for it in mentioned)
    for dependent in view.dependents:
        reference = dependent.reference
        if (reference.resource, reference.name) in keys and is_on_its_way(dependent):
            yield f"{reference.resource.kind} {reference.name}"


def _condition(own: Mapping[str, Manifest], reason: str, message: str, now: datetime) -> Manifest:
    kind = names.CONDITION_EPHEMERAL
    return condition_for(kind, "False", reason, message, own.get(kind), now)
