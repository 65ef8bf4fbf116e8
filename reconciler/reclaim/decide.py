"""How lent capacity goes home: the state of one vnode's lease, and which of its pods must leave now.

Each state follows from what is seen and from the clock; nothing is remembered but C, the close as recorded on the vnode, and the terms in force.

    Lent ──notice begins──▶ Notice ──the lease ends──▶ Closed ──E──▶ Draining ──D──▶ Evicting
      ▲                        │                         │              │               │
      │                        │                         └──────────────┴───────┬───────┘ no pod is left
      │                        │                                                ▼
      └────────────────────────┴── the node is lent again, from any state ──  Empty

    state     new pods   pods that run                                        begins at
    Lent      yes (1)    run                                                  the first open window
    Notice    no         run                                                  C - noticeSeconds of a planned close
    Closed    no         run                                                  C, when the lease ends, for whatever reason
    Draining  no         are evicted, PodDisruptionBudgets respected (2)      E = max(C, D - drainSeconds)
    Evicting  no         are deleted with their own grace (2)                 D = C + gracefulReclaimPeriodSeconds
    Empty     no         are none                                             any time after C

    (1) not while suspended, nor while the policies or the worker node are unknown
    (2) only with forceReclaim; without it a lease stays Closed until its pods have finished

While the worker cannot be reached, or its node is gone, no close is recorded and no pod is told to go: nothing could stop there. While policies cannot be
listed, no close is recorded either, but one that was recorded before keeps its promise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from inventory.model import Policy
from inventory.standing import Outcome, Standing
from reconciler.decision import Delete, Evict, LeaseState, Reclaim, Side, Target, Terms
from reconciler.kube.projections import Pod
from reconciler.kube.resources import PODS
from reconciler.marks import live_pods
from reconciler.promise import Promise, promise_of, recorded_as
from reconciler.reclaim.view import LeaseView

_SECOND = timedelta(seconds=1)


def decide(view: LeaseView, now: datetime) -> Reclaim:
    """The verdict on one lease. Its actions belong after the writes of the vnode, so that a close is recorded before anybody is told to go."""
    promise = promise_of(view.vnode)
    if hindrance := _hindrance(view):
        return _held(view, promise, hindrance, now)
    if view.state.is_deleting:
        return _ended(view, promise, "the binding is being deleted", now)
    if view.standing is None:
        return _unknown(view, promise, now)
    if view.standing.outcome is Outcome.LENT:
        return _lent(view.standing, now)
    return _ended(view, promise, view.standing.because, now)


def _hindrance(view: LeaseView) -> str | None:
    """Why nothing that happens now could be carried out in the worker."""
    if view.state.is_deleting and view.state.abandons_worker:
        return "the worker is abandoned"
    if view.unreachable_since is not None:
        return "the worker cannot be reached"
    return "the worker node is gone" if view.worker_node is None else None


def _lent(standing: Standing, now: datetime) -> Reclaim:
    terms = _strictest(standing.lenders)
    if standing.closes_at is None or standing.notice_at is None or now < standing.notice_at:
        takes_pods = not standing.is_suspended
        return Reclaim(LeaseState.LENT, standing.because, takes_pods, terms, wake_at=standing.notice_at)
    course = _Course.of(standing.closes_at, terms)
    return Reclaim(
        LeaseState.NOTICE,
        f"{standing.because}; closes in {_seconds(standing.closes_at - now)}, takes no new pods",
        takes_pods=False,
        terms=terms,
        evicts_from=course.evicts_from,
        ends_at=course.ends_at,
        wake_at=standing.closes_at,
    )


def _held(view: LeaseView, promise: Promise, hindrance: str, now: datetime) -> Reclaim:
    """The lease stays as it is recorded, and nobody is told to go."""
    standing = view.standing
    if promise.closed_at is not None:
        recorded = _closed(view, promise.closed_at, promise.terms, hindrance, now)
        return replace(recorded, because=f"{hindrance}; nothing is taken back", actions=(), wake_at=None)
    if (
        view.worker_node is not None
        and standing is not None
        and standing.outcome is Outcome.LENT
        and not view.state.is_deleting
    ):
        lent = _lent(standing, now)
        return replace(lent, because=f"{hindrance}; {lent.because}")
    return Reclaim(LeaseState.LENT, f"{hindrance}; takes no new pods", takes_pods=False, terms=promise.terms)


def _unknown(view: LeaseView, promise: Promise, now: datetime) -> Reclaim:
    because = "the policies cannot be listed"
    if promise.closed_at is not None:
        return _closed(view, promise.closed_at, promise.terms, because, now)
    return Reclaim(LeaseState.LENT, f"{because}; takes no new pods", takes_pods=False, terms=promise.terms)


def _ended(view: LeaseView, promise: Promise, because: str, now: datetime) -> Reclaim:
    """The lease is over, since now if no close is recorded."""
    return _closed(view, promise.closed_at or recorded_as(now), _terms_in_force(view.standing, promise), because, now)


def _closed(view: LeaseView, closed_at: datetime, terms: Terms | None, because: str, now: datetime) -> Reclaim:
    """Without a vnode nothing bears the record of the close, so nobody is told to go."""
    course = _Course.of(closed_at, terms)
    pods = live_pods(view.computing_pods, view.binding)
    state = course.state_at(now) if pods else LeaseState.EMPTY
    staying = [pod for pod in pods if not pod.metadata.is_deleting]
    return Reclaim(
        state,
        f"{because}; {_progress(state, course, len(pods), now)}",
        takes_pods=False,
        terms=terms,
        closed_at=closed_at,
        evicts_from=course.evicts_from,
        ends_at=course.ends_at,
        actions=_departures(state, staying) if view.vnode else (),
        wake_at=course.next_step(now) if pods and view.vnode else None,
    )


@dataclass(frozen=True, slots=True)
class _Course:
    """When pods are evicted (E) and deleted (D); both None when nothing is ever forced."""

    evicts_from: datetime | None = None
    ends_at: datetime | None = None

    @classmethod
    def of(cls, closed_at: datetime, terms: Terms | None) -> "_Course":
        if terms is None or not terms.force:
            return cls()
        ends_at = closed_at + terms.grace
        return cls(max(closed_at, ends_at - terms.drain), ends_at)

    def state_at(self, now: datetime) -> LeaseState:
        if self.evicts_from is None or self.ends_at is None or now < self.evicts_from:
            return LeaseState.CLOSED
        return LeaseState.DRAINING if now < self.ends_at else LeaseState.EVICTING

    def next_step(self, now: datetime) -> datetime | None:
        return min((step for step in (self.evicts_from, self.ends_at) if step and now < step), default=None)


def _departures(state: LeaseState, pods: Iterable[Pod]) -> tuple[Evict | Delete, ...]:
    if state is LeaseState.DRAINING:
        return tuple(Evict(_target(pod)) for pod in pods)
    if state is LeaseState.EVICTING:
        return tuple(Delete(_target(pod)) for pod in pods)
    return ()


def _target(pod: Pod) -> Target:
    metadata = pod.metadata
    return Target(Side.COMPUTING, PODS, metadata.name, metadata.namespace, uid=metadata.uid)


def _terms_in_force(standing: Standing | None, promise: Promise) -> Terms | None:
    """Those of the policies that lent last, as they stand now; those recorded where they are gone, or no longer speak of the node."""
    if standing is None:
        return promise.terms
    if not promise.lenders:  # never lent, so there was no promise; the policy that would lend speaks
        return _strictest(standing.closed[:1]) or promise.terms
    closed = [policy for policy in standing.closed if policy.name in promise.lenders]
    still_open = [policy for policy in standing.lenders if policy.name in promise.lenders]
    return _strictest(closed or still_open) or promise.terms


def _strictest(policies: Sequence[Policy]) -> Terms | None:
    """Each of two lenders may have its capacity back on its own terms, so the earlier ones hold."""
    terms = [Terms(policy.grace, policy.drain, policy.force_reclaim) for policy in policies]
    return min(terms, key=lambda each: (not each.force, each.grace, -each.drain), default=None)


def _progress(state: LeaseState, course: _Course, pods: int, now: datetime) -> str:
    """What comes next."""
    told = f"{pods} pod{'s' if pods > 1 else ''}"
    if state is LeaseState.EMPTY:
        return "closed and empty"
    if course.evicts_from is None or course.ends_at is None:
        return f"waiting for {told} to finish, which nothing forces"
    if state is LeaseState.CLOSED:
        return f"{told} left in peace, {_seconds(course.evicts_from - now)} left until eviction"
    if state is LeaseState.DRAINING:
        return f"evicting {told}, {_seconds(course.ends_at - now)} left until deletion"
    return f"the grace is over, deleting {told}"


def _seconds(duration: timedelta) -> str:
    return f"{-(-duration // _SECOND)} s"
