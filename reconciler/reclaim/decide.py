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

A lease that is open (Lent, Notice) may also shrink below what its pods request: the owner runs more, a limit is lowered. Then the same road is taken by just
enough of them, counted from S, the shrink as recorded:

    Fits ──the pods request more than is lent──▶ Shrunk ──E──▶ victims are evicted ──D──▶ victims are deleted (2)
      ▲                                            │                  │                          │
      └──── they fit, or would without those that are leaving, or the lease is closed ───────────┘

While the worker cannot be reached, or its node is gone, no close or shrink is recorded and no pod is told to go: nothing could stop there. While policies cannot be
listed, no close is recorded either, but one that was recorded before keeps its promise.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from inventory.standing import Outcome, Standing
from reconciler.decision import LeaseState, Reclaim, Shrink, Terms, earliest
from reconciler.marks import live_pods
from reconciler.promise import Promise, promise_of, recorded_as
from reconciler.reclaim.course import Course
from reconciler.reclaim.terms import strictest, terms_in_force
from reconciler.reclaim.victims import Tenant, victims_among
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
        return _fitting(view, _lent(view.standing, now), promise.shrink, now)
    return _ended(view, promise, view.standing.because, now)


def _hindrance(view: LeaseView) -> str | None:
    """Why nothing that happens now could be carried out in the worker."""
    if view.state.is_deleting and view.state.abandons_worker:
        return "the worker is abandoned"
    if view.unreachable_since is not None:
        return "the worker cannot be reached"
    return "the worker node is gone" if view.worker_node is None else None


def _lent(standing: Standing, now: datetime) -> Reclaim:
    terms = strictest(standing.lenders)
    if standing.closes_at is None or standing.notice_at is None or now < standing.notice_at:
        takes_pods = not standing.is_suspended
        return Reclaim(LeaseState.LENT, standing.because, takes_pods, terms, wake_at=standing.notice_at)
    course = Course.of(standing.closes_at, strictest(standing.closers))
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
        return replace(lent, because=f"{hindrance}; {lent.because}", shrink=promise.shrink)
    return _undecided(promise, hindrance)


def _unknown(view: LeaseView, promise: Promise, now: datetime) -> Reclaim:
    because = "the policies cannot be listed"
    if promise.closed_at is not None:
        return _closed(view, promise.closed_at, promise.terms, because, now)
    return _undecided(promise, because)


def _undecided(promise: Promise, because: str) -> Reclaim:
    """Nobody may say whether the lease is open: what is recorded of it stays."""
    because = f"{because}; takes no new pods"
    return Reclaim(LeaseState.LENT, because, takes_pods=False, terms=promise.terms, shrink=promise.shrink)


def _fitting(view: LeaseView, lent: Reclaim, recorded: Shrink | None, now: datetime) -> Reclaim:
    """The verdict on an open lease, and on the pods that it has no room for. Those that are leaving already count for nothing."""
    staying = [pod for pod in live_pods(view.computing_pods, view.binding) if not pod.metadata.is_deleting]
    victims = victims_among([Tenant(pod, view.requests_of(pod)) for pod in staying], view.lease)
    if not victims:
        return lent
    since = recorded.since if recorded else recorded_as(now)
    course = Course.of(since, lent.terms)
    told = tuple(pod.metadata.key for pod in victims) if course.ends_at else ()
    return replace(
        lent,
        because=f"{lent.because}; smaller than what its pods request: {_progress(course, len(victims), now)}",
        shrink=Shrink(since, course.ends_at, told),
        actions=course.departures(now, victims) if view.vnode else (),
        wake_at=earliest(lent.wake_at, course.next_step(now) if view.vnode else None),
    )


def _ended(view: LeaseView, promise: Promise, because: str, now: datetime) -> Reclaim:
    """The lease is over, since now if no close is recorded."""
    closed_at = promise.closed_at or recorded_as(now)
    return _closed(view, closed_at, terms_in_force(view.standing, promise, closed_at, now), because, now)


def _closed(view: LeaseView, closed_at: datetime, terms: Terms | None, because: str, now: datetime) -> Reclaim:
    """Without a vnode nothing bears the record of the close, so nobody is told to go."""
    course = Course.of(closed_at, terms)
    pods = live_pods(view.computing_pods, view.binding)
    state = course.state_at(now) if pods else LeaseState.EMPTY
    staying = [pod for pod in pods if not pod.metadata.is_deleting]
    return Reclaim(
        state,
        f"{because}; {_progress(course, len(pods), now) if pods else 'closed and empty'}",
        takes_pods=False,
        terms=terms,
        closed_at=closed_at,
        evicts_from=course.evicts_from,
        ends_at=course.ends_at,
        actions=course.departures(now, staying) if view.vnode else (),
        wake_at=course.next_step(now) if pods and view.vnode else None,
    )


def _progress(course: Course, pods: int, now: datetime) -> str:
    """What comes next."""
    told = f"{pods} pod{'s' if pods > 1 else ''}"
    if course.evicts_from is None or course.ends_at is None:
        return f"waiting for {told} to finish, which nothing forces"
    state = course.state_at(now)
    if state is LeaseState.CLOSED:
        return f"{told} left in peace, {_seconds(course.evicts_from - now)} left until eviction"
    if state is LeaseState.DRAINING:
        return f"evicting {told}, {_seconds(course.ends_at - now)} left until deletion"
    return f"the grace is over, deleting {told}"


def _seconds(duration: timedelta) -> str:
    return f"{-(-duration // _SECOND)} s"
