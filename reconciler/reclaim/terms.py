"""On whose terms a lease ends, counted from the close that the vnode records."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from inventory.model import Policy
from inventory.standing import Standing
from inventory.windows import intervals, zone_for
from reconciler.decision import Terms
from reconciler.promise import Promise


def terms_in_force(standing: Standing | None, promise: Promise, closed_at: datetime, now: datetime) -> Terms | None:
    """Those of the policies that lent last, as they stand now; those recorded where they are gone, or no longer speak of the node."""
    if standing is None:
        return promise.terms
    if not promise.lenders:  # never lent, so there was no promise; the policy that would lend speaks
        return strictest(standing.closed[:1]) or promise.terms
    closed = [policy for policy in standing.closed if policy.name in promise.lenders]
    if len(closed) > 1:
        return _strictest_of_closers(closed, closed_at, now)
    still_open = [policy for policy in standing.lenders if policy.name in promise.lenders]
    return strictest(closed or still_open) or promise.terms


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
    expires_at = policy.expires_at
    end = min(now, expires_at) if expires_at is not None else now
    overlapping = intervals(policy.windows, zone_for(policy.time_zone), closed_at, end)
    if not overlapping:
        return closed_at
    last = min(overlapping[-1].end, expires_at) if expires_at is not None else overlapping[-1].end
    return last if last <= now else None


def _terms_of(policy: Policy) -> Terms:
    return Terms(policy.grace, policy.drain, policy.force_reclaim)


def _first(terms: Iterable[Terms]) -> Terms | None:
    return min(terms, key=lambda each: (not each.force, each.grace, -each.drain), default=None)
