"""What becomes of one vnode: made, kept equal to its worker node and its lease, or let go. The only author of vnodes.

    there is no vnode   it is made when the node is lent, or would be at another hour; never for a worker that is not seen
    nobody may say      it stays: while the worker is unreachable or its policies are unknown, nothing is made and nothing goes
    the lease is over   it stays, closed; once it is empty it goes, unless a policy still speaks of the node
    the node is gone    it stays, not ready, until no live pod is left on it
    deleted by hand     it goes at once and is made again; a closed one only once it is empty, because it remembers since when

A vnode goes in two writes: its deletion, and, when that is seen, the removal of our finalizer.
"""

from datetime import datetime

from inventory.standing import Outcome
from reconciler import names
from reconciler.bottomup.differences import differences, manifest_for, target_of, without_finalizer
from reconciler.bottomup.view import NodeView
from reconciler.bottomup.vnode import UNREACHABLE_AFTER, is_lending, machine_behind, vnode_for
from reconciler.decision import Action, Create, Decision, Delete, Emit, Reclaim, Side, Target, earliest
from reconciler.kube.projections import Node
from reconciler.kube.resources import NODES
from reconciler.marks import live_pods
from reconciler.promise import promise_of


def decide(view: NodeView, reclaim: Reclaim, now: datetime) -> Decision:
    """The writes on one vnode, given the verdict on its lease; C is among them before any pod is told to go."""
    because, actions = _actions(view, reclaim, now)
    edge = view.standing.next_edge if view.standing else None
    return Decision(because, actions, earliest(reclaim.wake_at, edge, _becomes_unreachable_at(view, now)))


def _actions(view: NodeView, reclaim: Reclaim, now: datetime) -> tuple[str, tuple[Action, ...]]:
    vnode = view.vnode
    if vnode is None:
        return _making(view, reclaim, now)
    if not view.state.identity.owns_vnode(vnode):
        return f"{vnode.metadata.name} belongs to somebody else", ()
    if reason := _reason_to_go(view, reclaim):
        return reason, _leaving(vnode)
    machine = view.worker_node or machine_behind(vnode, view.state.identity.cluster_id)
    patches = differences(vnode, vnode_for(view, machine, reclaim, now), now)
    return reclaim.because, (*patches, *_announcement(vnode, reclaim))


def _making(view: NodeView, reclaim: Reclaim, now: datetime) -> tuple[str, tuple[Action, ...]]:
    if view.worker_node is None or view.unreachable_since is not None:
        return "there is no vnode, and the worker node is not seen", ()
    if view.state.is_deleting or not _is_wanted(view):
        return reclaim.because, ()
    target = Target(Side.COMPUTING, NODES, view.vnode_name)
    return reclaim.because, (Create(target, manifest_for(vnode_for(view, view.worker_node, reclaim, now))),)


def _is_wanted(view: NodeView) -> bool:
    """Whether a policy lends the node now, or would at another hour."""
    return view.standing is not None and view.standing.outcome is not Outcome.NOT_LENT


def _reason_to_go(view: NodeView, reclaim: Reclaim) -> str | None:
    if view.state.is_deleting and view.state.abandons_worker:
        return "the worker is abandoned"
    if view.unreachable_since is not None:
        return None
    is_deleted = view.vnode is not None and view.vnode.metadata.is_deleting
    if is_deleted and is_lending(view, reclaim):
        return "deleted by somebody else, made again while lent"
    if live_pods(view.computing_pods, view.binding):
        return None
    if view.worker_node is None:
        return "the worker node is gone and no pod is left"
    return reclaim.because if _is_over(view, reclaim, is_deleted=is_deleted) else None


def _is_over(view: NodeView, reclaim: Reclaim, *, is_deleted: bool) -> bool:
    """Whether an empty vnode has nothing to wait for."""
    if reclaim.closed_at is None:
        return False
    is_unmatched = view.standing is not None and view.standing.outcome is Outcome.NOT_LENT
    return view.state.is_deleting or is_unmatched or is_deleted


def _leaving(vnode: Node) -> tuple[Action, ...]:
    if not vnode.metadata.is_deleting:
        return (Delete(target_of(vnode)),)
    return (without_finalizer(vnode),) if names.FINALIZER_VNODE in vnode.metadata.finalizers else ()


def _announcement(vnode: Node, reclaim: Reclaim) -> tuple[Action, ...]:
    """An Event when a close is recorded, when it is taken back, and when a lease has become too small for its pods."""
    was = promise_of(vnode)
    if (was.closed_at is None) != (reclaim.closed_at is None):
        reason = "LeaseReopened" if reclaim.closed_at is None else "LeaseClosed"
    elif was.shrink is None and reclaim.shrink is not None:
        reason = "LeaseShrunk"
    else:
        return ()
    return (Emit(target_of(vnode), "Normal", reason, reclaim.because),)


def _becomes_unreachable_at(view: NodeView, now: datetime) -> datetime | None:
    if view.unreachable_since is None or now >= view.unreachable_since + UNREACHABLE_AFTER:
        return None
    return view.unreachable_since + UNREACHABLE_AFTER
