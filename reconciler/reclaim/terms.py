"""On whose terms a lease ends, counted from the close that the vnode records."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from inventory.model import Policy
from inventory.standing import Standing
from inventory.windows import intervals, is_open, zone_for
from reconciler.decision import Terms
from reconciler.promise import Promise


def terms_in_force(standing: Standing | None, promise: Promise, closed_at: datetime, now: datetime) -> Terms | None:
    """Those of the policies that lent last, as they stand now; those recorded where they are gone, or no longer speak of the node."""
    if standing is None:
        return promise.terms
    if not promise.lenders:  # never lent, so there was no promise; the policy that would lend speaks
        return strictest(standing.closed[:1]) or promise.terms
    closed = [policy for policy in standing.closed if policy.name in promise.lenders]
    are_open = [policy for policy in standing.lenders if policy.name in promise.lenders]
    if closed and len(closed) + len(are_open) > 1:  # also when the one that closed first lends again
        return _strictest_of_closers(closed, closed_at, now)
    return strictest(closed or are_open) or promise.terms


def strictest(policies: Sequence[Policy]) -> Terms | None:
    """Each of two lenders may have its capacity back on its own terms, so the earlier ones hold."""
    return _first(_terms_of(policy) for policy in policies)


def _strictest_of_closers(policies: Sequence[Policy], closed_at: datetime, now: datetime) -> Terms | None:
    """As `strictest`, but whoever closed later counts its grace from its own close: before that it had lent, and pods ran with its consent.

    One that is closed for another reason than its windows, such as its own deletion, closed nobody knows when; it speaks only if all are like that.
    """
    dated = [(policy, closing) for policy in policies if (closing := _last_close(policy, closed_at, now)) is not None]
    counted = (
        replace(terms, grace=terms.grace + (closing - closed_at))
        for policy, closing in dated
        for terms in (_terms_of(policy),)
    )
    return _first(counted) or strictest(policies)


def _last_close(policy: Policy, closed_at: datetime, now: datetime) -> datetime | None:
    """When the policy's windows (or its expiry) last closed, not before the recorded close; None while they are open."""
    zone = zone_for(policy.time_zone)
    if not policy.is_expired(now) and is_open(policy.windows, zone, now):
        return None
    end = min(now, policy.expires_at or now)
    overlapping = intervals(policy.windows, zone, closed_at, end)
    return min(overlapping[-1].end, end) if overlapping else closed_at


def _terms_of(policy: Policy) -> Terms:
    return Terms(policy.grace, policy.drain, policy.force_reclaim)


def _first(terms: Iterable[Terms]) -> Terms | None:
    return min(terms, key=lambda each: (not each.force, each.grace, -each.drain), default=None)
