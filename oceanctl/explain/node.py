"""Why a node is lent, or is not: the reconciler's rules on one node, in order, each with what went in and what came out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory.standing import Outcome, Standing
from inventory.transitions import Direction, Transition, next_handover, next_transition
from oceanctl.explain.arithmetic import arithmetic_steps, unmirrored_steps
from oceanctl.explain.policies import policy_steps
from oceanctl.explain.steps import Step
from oceanctl.explain.territory import NodeCase
from oceanctl.explain.wording import amounts, canonical_map, instant, told
from reconciler.bottomup.vnode import vnode_for
from reconciler.decision import Reclaim
from reconciler.marks import live_pods
from reconciler.promise import promise_of
from reconciler.reclaim.decide import decide as reclaim


@dataclass(frozen=True, slots=True)
class NodeExplanation:
    """The answer and how it comes about; `allocatable` and `capacity` are empty unless the node is lent."""

    node: str
    binding: str | None
    vnode: str | None
    at: datetime
    state: Outcome
    policy: str | None
    because: str
    allocatable: Mapping[str, str]
    capacity: Mapping[str, str]
    steps: Sequence[Step]
    transition: Transition | None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        next_ = self.transition
        return {
            "node": self.node,
            "binding": self.binding,
            "vnode": self.vnode,
            "at": instant(self.at),
            "state": self.state.value,
            "policy": self.policy,
            "because": self.because,
            "allocatable": dict(self.allocatable),
            "capacity": dict(self.capacity),
            "steps": [step.document() for step in self.steps],
            "nextTransition": {"at": instant(next_.at), "direction": next_.direction.value} if next_ else None,
        }


def explain_node(case: NodeCase, now: datetime) -> NodeExplanation:
    """What the reconciler would make of the node at this instant."""
    verdict = reclaim(case.view, now)
    state = _state(case)
    is_lent = state is Outcome.LENT
    return NodeExplanation(
        node=case.machine.metadata.name,
        binding=case.territory.binding.name,
        vnode=case.view.vnode_name,
        at=now,
        state=state,
        policy=_lender(case) if is_lent else None,
        because=_because(case, verdict),
        allocatable=lease_shown(case, verdict, now) if is_lent else {},
        capacity=canonical_map(case.machine.status.capacity) if is_lent else {},
        steps=tuple(_steps(case, verdict, now)),
        transition=_transition(case, now),
    )


def _state(case: NodeCase) -> Outcome:
    """The policies' answer; where nobody can say, what the vnode remembers."""
    view = case.view
    if view.state.is_deleting:
        return Outcome.NOT_LENT
    if view.standing is not None:
        return view.standing.outcome
    if view.vnode is None:
        return Outcome.NOT_LENT
    return Outcome.OUTSIDE_WINDOWS if promise_of(view.vnode).closed_at else Outcome.LENT


def _because(case: NodeCase, verdict: Reclaim) -> str:
    """Without a vnode there is no lease that could have ended."""
    standing = case.view.standing
    return verdict.because if case.view.vnode or standing is None else standing.because


def _lender(case: NodeCase) -> str | None:
    standing = case.view.standing
    lenders = tuple(each.name for each in standing.lenders) if standing else promise_of(case.view.vnode).lenders
    return next(iter(lenders), None)


def lease_shown(case: NodeCase, verdict: Reclaim, now: datetime) -> dict[str, str]:
    """The lease as the reconciler would write it; of a worker that cannot be read, as it was written last."""
    if case.view.worker_node is None and case.view.vnode is not None:
        return canonical_map(case.view.vnode.status.allocatable)
    return canonical_map(vnode_for(case.view, case.machine, verdict, now).allocatable)


def _steps(case: NodeCase, verdict: Reclaim, now: datetime) -> Iterator[Step]:
    if case.territory.trouble:
        outcome = f"cannot be read: {case.territory.trouble}; what follows is what was last seen of the node"
        yield Step("worker", {"error": case.territory.trouble}, outcome)
    elif case.view.worker_node is None:
        yield Step("worker", {"error": None}, "has no such node any more; what follows is what was last seen of it")
    yield from policy_steps(case, now)
    yield from arithmetic_steps(case)
    yield from unmirrored_steps(case)
    yield _lease(case, verdict)
    if case.view.vnode is not None:
        yield _vnode(case, verdict, now)
    yield _next(case, now)


def _lease(case: NodeCase, verdict: Reclaim) -> Step:
    terms = verdict.terms
    inputs = {
        "state": verdict.state.value,
        "takesPods": verdict.takes_pods,
        "closedAt": instant(verdict.closed_at),
        "evictsFrom": instant(verdict.evicts_from),
        "endsAt": instant(verdict.ends_at),
        "shrunkAt": instant(verdict.shrink.since) if verdict.shrink else None,
        "victims": list(verdict.shrink.victims) if verdict.shrink else [],
        "graceSeconds": int(terms.grace.total_seconds()) if terms else None,
        "drainSeconds": int(terms.drain.total_seconds()) if terms else None,
        "forceReclaim": terms.force if terms else None,
        "pods": len(live_pods(case.view.computing_pods, case.view.binding)),
    }
    return Step("lease", inputs, f"{verdict.state.value}: {verdict.because}")


def _vnode(case: NodeCase, verdict: Reclaim, now: datetime) -> Step:
    """Whether the vnode already shows what it should."""
    vnode = case.view.vnode
    shown = canonical_map(vnode.status.allocatable) if vnode else {}
    if case.view.worker_node is None:
        return Step("vnode", {"shown": shown, "wanted": None}, f"stays as it is: {amounts(shown)}")
    wanted = canonical_map(vnode_for(case.view, case.machine, verdict, now).allocatable)
    late = {name: each for name, each in wanted.items() if shown.get(name) != each}
    outcome = f"not written yet: {amounts(late)}" if late else f"shows what it should: {amounts(shown)}"
    return Step("vnode", {"shown": shown, "wanted": wanted}, outcome)


def _next(case: NodeCase, now: datetime) -> Step:
    """When the node begins or ceases to be lent, when another policy takes over, and when the notice begins."""
    standing, transition = case.view.standing, _transition(case, now)
    if standing is None:
        return Step("next", {"handoverAt": None, "lendersThen": [], "noticeAt": None}, "nobody can say")
    handover = next_handover(_standing_at(case), now)
    at, after = handover or (None, None)
    lenders = [each.name for each in after.lenders] if after and after.outcome is Outcome.LENT else []
    inputs = {"handoverAt": instant(at), "lendersThen": lenders, "noticeAt": instant(standing.notice_at)}
    zone = next((each.time_zone for each in (*standing.lenders, *standing.closed)), "UTC")
    over = at if standing.outcome is Outcome.LENT and lenders else None
    said = (
        *([f"{' and '.join(lenders)} takes over at {told(over, zone)}"] if over else []),
        *_turn(transition, zone),
        *_notice(standing, zone),
    )
    return Step("next", inputs, "; ".join(said) or "nothing changes by itself")


def _turn(transition: Transition | None, zone: str) -> Iterator[str]:
    if transition is not None:
        verb = "opens" if transition.direction is Direction.OPEN else "closes"
        yield f"{verb} at {told(transition.at, zone)}"


def _notice(standing: Standing, zone: str) -> Iterator[str]:
    if standing.notice_at and standing.closes_at and standing.notice_at < standing.closes_at:
        yield f"takes no new pods from {told(standing.notice_at, zone)}"


def _transition(case: NodeCase, now: datetime) -> Transition | None:
    if case.view.standing is None or case.view.state.is_deleting:
        return None
    return next_transition(_standing_at(case), now)


def _standing_at(case: NodeCase) -> Callable[[datetime], Standing]:
    """What the policies will say; of a case in which they can be listed."""

    def standing_at(at: datetime) -> Standing:
        found = case.territory.standing_of(case.machine, at)
        if found is None:
            raise ValueError("the worker's policies cannot be listed")
        return found

    return standing_at
