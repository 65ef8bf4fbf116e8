"""A computing pod and its worker pod, both there: metadata and ephemeral containers go down, status comes up, the mapping is on record."""

from dataclasses import replace
from datetime import datetime

from reconciler import names
from reconciler.decision import Action, Decision, Delete, Patch, Side
from reconciler.kube.projections import Copied, Pod
from reconciler.topdown.ephemeral import addition, told_of_trouble, with_trouble
from reconciler.topdown.lease_ending import LEASE_ANNOTATIONS, Ending, ending_of, told_of, with_lease_ending
from reconciler.topdown.mapping import mapping_for
from reconciler.topdown.pod_conditions import SCHEDULED
from reconciler.topdown.pod_forge import worker_marks_for
from reconciler.topdown.pod_status import computing_status_for, status_changes
from reconciler.topdown.pushes import pushed_down
from reconciler.topdown.targets import as_seen, of_computing_pod, of_worker_pod, whole
from reconciler.topdown.verdicts import Verdict, ended_there, failed
from reconciler.topdown.view import PodView


def keep_in_step(view: PodView, computing_pod: Copied[Pod], worker_pod: Copied[Pod], now: datetime) -> Decision:
    """Both pods live, or one of them has finished."""
    name = worker_pod.metadata.key
    is_final = computing_pod.seen.status.is_terminal
    if is_final and not worker_pod.seen.status.is_terminal:
        return _put_down(computing_pod, worker_pod)
    deadline = None if is_final else _placement_deadline(view, worker_pod)
    if deadline is not None and deadline <= now:
        return failed(computing_pod, _unplaced(view, worker_pod), now)
    ending = _ending(view, computing_pod, worker_pod)
    actions: tuple[Action, ...] = (
        *brought_up(view, computing_pod, worker_pod, now),
        *(told_of(ending, computing_pod) if ending else ()),
        *told_of_trouble(view, computing_pod, worker_pod),
        *_recorded(view, computing_pod, worker_pod),
        *_down(
            view, computing_pod, worker_pod
        ),  # last: a worker that refuses a label must not keep its status from coming up
    )
    # Alone: the others move the version that it holds on to, and a refusal must be its own.
    added = None if actions else addition(view, computing_pod, worker_pod)
    if added is not None:
        return replace(added, wake_at=deadline)
    because = f"in step with {name}: {worker_pod.seen.status.phase or 'no phase yet'}"
    if deadline is not None:
        because = f"waiting for the worker to place {name}, {int((deadline - now).total_seconds())} s left"
    return Decision(because, actions, deadline)


def brought_up(view: PodView, computing_pod: Copied[Pod], worker_pod: Copied[Pod], now: datetime) -> tuple[Patch, ...]:
    """The patch of the computing pod's status, if it shows anything else than the worker pod's."""
    pod = whole(computing_pod)
    wanted = dict(computing_status_for(whole(worker_pod), pod))
    if wanted:
        wanted["conditions"] = with_trouble(wanted["conditions"], view, (computing_pod, worker_pod), now)
    if wanted and _was_ended_there(computing_pod, worker_pod):
        if computing_pod.seen.status.is_terminal:
            return ()  # it has said how it ended, and Events, which may have told, do not last
        wanted |= ended_there(wanted, worker_pod.metadata.key, view.ended_by, now)
    elif wanted and _hears_of_its_end(view, computing_pod, worker_pod):
        ending = _ending(view, computing_pod, worker_pod)
        wanted["conditions"] = with_lease_ending(wanted["conditions"], ending, now)
    changes = status_changes(wanted, pod)
    return (Patch(as_seen(computing_pod, Side.COMPUTING), {"status": changes}, "status"),) if changes else ()


def _hears_of_its_end(view: PodView, computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> bool:
    """One that is on its way out, or has finished, keeps what it was told."""
    is_going = computing_pod.metadata.is_deleting or worker_pod.seen.status.is_terminal
    return view.vnode is not None and not is_going


def _ending(view: PodView, computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> Ending | None:
    if view.vnode is None or not _hears_of_its_end(view, computing_pod, worker_pod):
        return None
    return ending_of(view.vnode.metadata, computing_pod.metadata.key)


def _was_ended_there(computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> bool:
    """Somebody deleted the worker pod: its owner, a drain, a preemption. What it says of its end lacks why."""
    was_deleted = worker_pod.metadata.is_deleting and not computing_pod.metadata.is_deleting
    return was_deleted and worker_pod.seen.status.phase == "Failed"


def _down(view: PodView, computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> tuple[Patch, ...]:
    if worker_pod.metadata.is_deleting:
        return ()
    return pushed_down(worker_marks_for(view, computing_pod), computing_pod, worker_pod)


def _recorded(view: PodView, computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> tuple[Patch, ...]:
    """Our annotations on the computing pod. After the status: this patch moves the resourceVersion that the other one holds on to."""
    wanted: dict[str, str | None] = {**mapping_for(worker_pod, computing_pod)}
    if _hears_of_its_end(view, computing_pod, worker_pod):
        ending = _ending(view, computing_pod, worker_pod)
        wanted |= {key: ending.annotations.get(key) if ending else None for key in LEASE_ANNOTATIONS}
    seen = computing_pod.metadata.annotations
    changes = {key: value for key, value in wanted.items() if seen.get(key) != value}
    return (Patch(of_computing_pod(computing_pod), {"metadata": {"annotations": changes}}),) if changes else ()


def _put_down(computing_pod: Copied[Pod], worker_pod: Copied[Pod]) -> Decision:
    name, phase = worker_pod.metadata.key, computing_pod.seen.status.phase
    if worker_pod.metadata.is_deleting:
        return Decision(f"{phase}; waiting for {name} to stop")
    return Decision(f"{phase}, so {name} has no business any more", (Delete(of_worker_pod(worker_pod)),))


def _placement_deadline(view: PodView, worker_pod: Copied[Pod]) -> datetime | None:
    """Until when the worker's scheduler may place the pod; None when it has, or needs not."""
    created = worker_pod.metadata.creation_timestamp
    is_waiting = not (
        worker_pod.seen.spec.node_name or worker_pod.metadata.is_deleting or worker_pod.seen.status.is_terminal
    )
    return created + view.binding.unplaced_timeout if is_waiting and created is not None else None


def _unplaced(view: PodView, worker_pod: Copied[Pod]) -> Verdict:
    seconds = int(view.binding.unplaced_timeout.total_seconds())
    said = next((it.message for it in worker_pod.seen.status.conditions if it.type == SCHEDULED), "")
    because = f": {said}" if said else ""
    return Verdict(
        names.REASON_UNPLACED, f"the worker could not place {worker_pod.metadata.key} within {seconds} s{because}"
    )
