"""What happens to a computing pod and its worker pod: a function of what both clusters show, whatever happened before.

The first line that fits holds. "gone" is a live answer, never a cache's silence; "ours" is a worker pod made for this UID.

| computing pod | worker pod | and | then |
|---|---|---|---|
| none | any | gone for sure, worker answers | delete the worker pod with its own grace |
| none | any | else | wait |
| deleting | any | the binding abandons its worker | let the computing pod go |
| deleting | ours, not told, or told a longer grace | worker answers | delete it with the computing pod's grace |
| deleting | ours, told | worker answers | status up; wait |
| deleting | another UID's | computing pod it stands for gone | delete the worker pod |
| deleting | none | never mirrored, or gone for sure | let the computing pod go: grace 0; Failed first if finalizers hold it |
| live or final | any | worker silent | after 40 s Ready=False, `WorkerUnreachable`; else nothing |
| live or final | another UID's | computing pod it stands for gone | delete the worker pod; create once it is gone |
| final | none, or final | | nothing (details of the same phase still come up) |
| final | ours, live | | delete the worker pod |
| live | ours, unplaced | for `unplacedTimeoutSeconds` | Failed, `Unplaced` |
| live | ours, deleted there and Failed | | status up, with `Preempted`, `Evicted` or else `PhysicalPodLost` where it names no reason |
| live | ours | | metadata, deadline and tolerations down; status up; mapping on record |
| live | ours | all that is so; lacks ephemeral containers | add one that was not refused and whose copies are there |
| live | none | mapped once; gone for sure, no worker node | Failed, `NodeLost` |
| live | none | mapped once; gone for sure | Failed, `Preempted`, `Evicted` or else `PhysicalPodLost` |
| live | none | mapped once; else | wait |
| live | none | not to be mirrored, of a DaemonSet | shown Running and Ready, with `NotMirrored` |
| live | none | not to be mirrored, else | nothing |
| live | none | vnode closed | Failed, `OutsideWindows` |
| live | none | no worker node or vnode; binding deleting or suspended; copies to come | wait |
| live | none | else | create the worker pod, and tell what it lacks |
"""

from datetime import datetime

from reconciler import names
from reconciler.decision import Action, Create, Decision, Emit, Patch, Side
from reconciler.kube.projections import Copied, Pod
from reconciler.topdown.departure import leaving, lost, orphaned
from reconciler.topdown.ephemeral import addition_among, refused_addition
from reconciler.topdown.mapping import mapped_uid, stands_for
from reconciler.topdown.pod_conditions import by_type, condition_for
from reconciler.topdown.pod_status import shows
from reconciler.topdown.silence import cut_off
from reconciler.topdown.start import start
from reconciler.topdown.targets import as_seen, of_computing_pod, whole
from reconciler.topdown.upkeep import keep_in_step
from reconciler.topdown.view import PodView

MESSAGE_LIMIT = 1024  # characters of a refusal; the API's limit of an Event's note


def decide_pod(view: PodView, now: datetime) -> Decision:
    """The next writes for one computing pod and its worker pod, by the table above."""
    computing_pod, worker_pod = view.computing_pod, view.worker_pod
    if computing_pod is None:
        return orphaned(view, worker_pod) if worker_pod is not None else Decision("neither side has it")
    if computing_pod.metadata.is_deleting:
        return leaving(view, computing_pod, now)
    if view.unreachable_since is not None:
        return cut_off(computing_pod, view.unreachable_since, now)
    if worker_pod is None:
        return _without_worker_pod(view, computing_pod, now)
    if not stands_for(worker_pod, computing_pod):
        return orphaned(view, worker_pod)
    return keep_in_step(view, computing_pod, worker_pod, now)


def refused_pod(view: PodView, error_message: str, now: datetime) -> Decision:
    """What the user is told when an API server refused the worker pod, or an ephemeral container of it; nothing when something else was refused, or it was told already."""
    computing_pod, message = view.computing_pod, error_message[:MESSAGE_LIMIT]
    actions = decide_pod(view, now).actions
    if computing_pod is not None and (added := addition_among(actions)) is not None:
        return refused_addition(computing_pod, added, message, now)
    if computing_pod is None or not any(isinstance(it, Create) for it in actions):
        return Decision("the refusal was not of a worker pod")
    return _refused_create(computing_pod, message, now)


def _refused_create(computing_pod: Copied[Pod], message: str, now: datetime) -> Decision:
    own = by_type(whole(computing_pod).get("status", {}).get("conditions"))
    was = own.get(names.CONDITION_MIRRORED)
    told = condition_for(names.CONDITION_MIRRORED, "False", names.EVENT_CREATE_REFUSED, message, was, now)
    if shows(was, told):
        return Decision("the refusal is on the pod already")
    patch = {"status": {"conditions": list({**own, names.CONDITION_MIRRORED: told}.values())}}
    actions: tuple[Action, ...] = (
        Patch(as_seen(computing_pod, Side.COMPUTING), patch, "status"),
        Emit(of_computing_pod(computing_pod), "Warning", names.EVENT_CREATE_REFUSED, message),
    )
    return Decision("the worker refused the pod", actions)


def _without_worker_pod(view: PodView, computing_pod: Copied[Pod], now: datetime) -> Decision:
    if computing_pod.seen.status.is_terminal:
        return Decision(f"{computing_pod.seen.status.phase} is final")
    if mapped_uid(computing_pod) is not None:
        return lost(view, computing_pod, now)
    return start(view, computing_pod, now)
