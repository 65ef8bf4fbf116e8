"""Whether a binding may run, and what its CR says about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconciler import names
from reconciler.conditions import Wanted, merged
from reconciler.decision import Action, Decision, Delete, Emit, Patch, Side, Target
from reconciler.kube.resources import NODES
from reconciler.manager.view import ManagerView

RETRY = timedelta(seconds=10)  # a failed binding recovers by itself when mended
RECHECK = timedelta(seconds=60)  # permissions and addresses change without an event on our side
NOT_TRIED = Wanted("Connected", "Unknown", "NotTried")
NO_PROXIER = Wanted("ProxierReady", "False", "NoProxier", "no proxier serves this binding: logs and exec do not work")
PERMISSIONS_NOT_TRIED = Wanted("PermissionsGranted", "Unknown", "NotTried")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The first thing that is wrong with a binding, or that nothing is.

    `may_start` allows a Bridge to begin; `must_stop` ends a running one. Neither: a running one goes on with what it knows, none is started.
    """

    reason: str
    message: str
    may_start: bool = False
    must_stop: bool = False
    connected: Wanted = NOT_TRIED
    permitted: Wanted = PERMISSIONS_NOT_TRIED


def verdict_of(view: ManagerView) -> Verdict:
    """Judge a binding, most fundamental fault first."""
    if view.binding is None:
        return Verdict("ValidationFailed", "; ".join(problem.message for problem in view.problems))
    if view.rival is not None:
        return Verdict(
            "DuplicateClusterID",
            f"clusterID {view.binding.cluster_id} belongs to the older binding {view.rival}",
            must_stop=True,
        )
    if view.kubeconfig_problem is not None:
        return Verdict(
            "KubeconfigInvalid",
            view.kubeconfig_problem,
            connected=Wanted("Connected", "False", "KubeconfigInvalid", view.kubeconfig_problem),
        )
    return _verdict_on_contact(view)


def _verdict_on_contact(view: ManagerView) -> Verdict:
    contact = view.contact
    if contact is None or contact.error is not None:
        return _without_contact(view)
    pinned = view.seen.status.get("workerClusterUID")
    if pinned and pinned != contact.worker_uid:
        message = f"the kubeconfig leads to cluster {contact.worker_uid}, this binding belongs to cluster {pinned}"
        return Verdict(
            "WrongCluster", message, must_stop=True, connected=Wanted("Connected", "False", "WrongCluster", message)
        )
    connected = Wanted("Connected", "True", "ConnectivityPassed")
    if view.rival_worker is not None:
        message = f"binding {view.rival_worker} has the same worker and mountNamespace"
        return Verdict("DuplicateWorker", message, must_stop=True, connected=connected)
    if contact.missing:
        message = "not allowed in the worker: " + ", ".join(contact.missing)
        return Verdict(
            "PermissionsMissing",
            message,
            may_start=_may_resume(view),
            connected=connected,
            permitted=Wanted("PermissionsGranted", "False", "Forbidden", message),
        )
    granted = Wanted("PermissionsGranted", "True", "AllGranted")
    is_pinned = pinned == contact.worker_uid and _is_in_care(view)
    return Verdict("ValidationPassed", "", may_start=is_pinned, connected=connected, permitted=granted)


def _without_contact(view: ManagerView) -> Verdict:
    contact = view.contact
    error = contact.error if contact is not None and contact.error else "the worker was not asked yet"
    reason = "Unauthorized" if contact is not None and contact.is_refused else "Unreachable"
    return Verdict(reason, error, may_start=_may_resume(view), connected=Wanted("Connected", "False", reason, error))


def _may_resume(view: ManagerView) -> bool:
    """A worker that was in order once gets its Bridge in spite of a fault: somebody has to keep its vnodes' Leases, and to say that it is silent.

    A Bridge that runs is not replaced for a kubeconfig that does not work.
    """
    return bool(view.seen.status.get("workerClusterUID")) and _is_in_care(view) and not view.bridge.is_running


def _is_in_care(view: ManagerView) -> bool:
    return names.FINALIZER_MANAGER in view.seen.metadata.finalizers


def decide(view: ManagerView, now: datetime) -> Decision:
    """Finalizer, phase, conditions and events of one binding; for a deleted one, letting go."""
    if view.seen.metadata.is_deleting:
        return _decide_end(view, now)
    if not _is_in_care(view):
        wanted = [*view.seen.metadata.finalizers, names.FINALIZER_MANAGER]
        return Decision("taking the binding into care", (_finalizers(view, wanted),))
    verdict = verdict_of(view)
    ready = _ready(view, verdict)
    status = _status(view, verdict, ready, now)
    changed = {key: value for key, value in status.items() if view.seen.status.get(key) != value}
    wake_at = now + (RECHECK if ready.status == "True" else RETRY)
    because = f"binding is {status['phase']}: {ready.reason} {ready.message}".rstrip()
    if not changed:
        return Decision(because, wake_at=wake_at)
    actions: list[Action] = [Patch(_target(view, guarded=True), {"status": changed}, "status")]
    if _shown(view, "Ready") != (ready.status, ready.reason):
        actions.append(
            Emit(
                _target(view),
                "Warning" if _phase(ready) == "Failed" else "Normal",
                ready.reason,
                ready.message or "the binding is ready",
            )
        )
    return Decision(because, tuple(actions), wake_at)


def _ready(view: ManagerView, verdict: Verdict) -> Wanted:
    bridge = view.bridge
    if verdict.reason != "ValidationPassed":
        return Wanted("Ready", "False", verdict.reason, verdict.message)
    if bridge.crash is not None:
        return Wanted("Ready", "False", "SyncerFailed", bridge.crash)
    if not bridge.is_ready:
        return Wanted("Ready", "False", "SyncerStarting", "the syncer is reading both clusters")
    if bridge.unreachable_since is not None:
        return Wanted("Ready", "False", "WorkerUnreachable", "the worker does not answer")
    return Wanted("Ready", "True", "ValidationPassed")


def _status(view: ManagerView, verdict: Verdict, ready: Wanted, now: datetime) -> dict[str, Any]:
    generation = view.seen.metadata.generation
    syncer = (
        Wanted("SyncerReady", "True", "SyncerRunning")
        if view.bridge.is_ready
        else Wanted("SyncerReady", "False", "SyncerNotRunning", view.bridge.crash or "")
    )
    proxier = Wanted("ProxierReady", "True", "ProxierRunning") if view.bridge.has_proxier else NO_PROXIER
    conditions = merged(
        view.seen.status.get("conditions", ()),
        [ready, verdict.connected, verdict.permitted, syncer, proxier],
        generation,
        now,
    )
    status: dict[str, Any] = {"phase": _phase(ready), "observedGeneration": generation, "conditions": conditions}
    pinned = view.seen.status.get("workerClusterUID")
    if not pinned and view.contact is not None and view.contact.worker_uid and verdict.reason == "ValidationPassed":
        status["workerClusterUID"] = view.contact.worker_uid
    return status


def _phase(ready: Wanted) -> str:
    if ready.status == "True":
        return "Ready"
    return "Pending" if ready.reason == "SyncerStarting" else "Failed"


def _decide_end(view: ManagerView, now: datetime) -> Decision:
    finalizers = view.seen.metadata.finalizers
    if view.seen.metadata.annotations.get(names.ABANDON_WORKER) == "true" and view.vnodes:
        return Decision(
            "giving the worker up, as asked",
            tuple(action for vnode in view.vnodes for action in _farewell(vnode.metadata.name, vnode.metadata.uid)),
            now + RETRY,
        )
    kept = [name for name in finalizers if name not in (names.FINALIZER_MANAGER, names.FINALIZER_SYNCER)]
    if names.FINALIZER_SYNCER not in finalizers or view.seen.metadata.annotations.get(names.ABANDON_WORKER) == "true":
        ours = len(kept) < len(finalizers)
        return Decision("the binding may go", (_finalizers(view, kept),) if ours else ())
    return _decide_waiting(view, now)


def _decide_waiting(view: ManagerView, now: datetime) -> Decision:
    verdict = verdict_of(view)
    message = f"{len(view.vnodes)} vnodes are being given back"
    if verdict.reason != "ValidationPassed":
        message += f"; the worker cannot be cleaned ({verdict.reason}: {verdict.message}); annotation {names.ABANDON_WORKER}=true ends this without it"
    conditions = merged(
        view.seen.status.get("conditions", ()),
        [Wanted("Ready", "False", "Deleting", message)],
        view.seen.metadata.generation,
        now,
    )
    if conditions == view.seen.status.get("conditions"):
        return Decision(message, wake_at=now + RETRY)
    return Decision(
        message, (Patch(_target(view, guarded=True), {"status": {"conditions": conditions}}, "status"),), now + RETRY
    )


def _farewell(vnode: str, uid: str) -> tuple[Action, Action]:
    target = Target(Side.COMPUTING, NODES, vnode, uid=uid)
    return Delete(target), Patch(target, {"metadata": {"finalizers": None}})


def _finalizers(view: ManagerView, wanted: list[str]) -> Patch:
    return Patch(_target(view, guarded=True), {"metadata": {"finalizers": wanted}})


def _shown(view: ManagerView, kind: str) -> tuple[str, str] | None:
    found = next(
        (condition for condition in view.seen.status.get("conditions", ()) if condition.get("type") == kind), None
    )
    return (found.get("status", ""), found.get("reason", "")) if found else None


def _target(view: ManagerView, *, guarded: bool = False) -> Target:
    metadata = view.seen.metadata
    return Target(
        Side.COMPUTING,
        names.BINDINGS,
        metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version if guarded else None,
    )
