"""Which requests for serving certificates are approved: a proxier's own, for the address that it announces, and nothing besides.

What is about no proxier is not touched, for others approve it. What only looks like a proxier's is denied, with the reason as a condition.
"""

from datetime import datetime, timedelta
from typing import Final

from reconciler import names
from reconciler.approval.view import RequestView, Wish
from reconciler.decision import Decision, Delete, Patch, Side, Target
from reconciler.kube.resources import SIGNING_REQUESTS
from reconciler.permissions import PROXIER_USER

LEASE_GRACE: Final = timedelta(seconds=10)  # a request may be seen before the Lease of who asks is seen renewed
LEASE_RECHECK: Final = timedelta(seconds=1)
KEPT_FOR: Final = timedelta(minutes=10)  # after the answer, for whoever wants to read it; proxiers look every second
REASON: Final = "KubeoceanProxier"
_NAMES: Final = f"{names.SERVING_USER_PREFIX}{names.PROXIER_PREFIX}"  # what those of proxiers begin with


def decide(view: RequestView, now: datetime) -> Decision:
    """Approve, deny, wait for a Lease, delete what was answered long ago, or leave alone."""
    if not is_about_a_proxier(view):
        return Decision("not about a proxier")
    if any(condition.type in ("Approved", "Denied") for condition in view.seen.status.conditions):
        return _decide_end(view, now)
    fault = fault_of(view)
    if fault is not None:
        return _answer(view, "Denied", fault)
    stranger = stranger_of(view)
    if stranger is None:
        return _answer(view, "Approved", "asked for by a proxier, for the address that it announces")
    if now < view.seen_since + LEASE_GRACE:
        return Decision(f"waiting: {stranger}", wake_at=now + LEASE_RECHECK)
    return _answer(view, "Denied", stranger)


def is_about_a_proxier(view: RequestView) -> bool:
    """Whether a proxier asks, or somebody asks in its name; a node whose own name is like a proxier's is a node."""
    spec = view.seen.spec
    if spec.signer_name != names.SERVING_SIGNER:
        return False
    if spec.username == PROXIER_USER:
        return True
    asks_for = view.wish.common_name if view.wish is not None else ""
    return asks_for.startswith(_NAMES) and asks_for != spec.username


def fault_of(view: RequestView) -> str | None:
    """The first thing that is wrong for good, whoever lives."""
    spec, wish = view.seen.spec, view.wish
    if spec.username != PROXIER_USER:
        return f"asked for by {spec.username}, not by {PROXIER_USER}"
    if sorted(spec.usages) != sorted(names.SERVING_USAGES):
        return f"usages are not exactly {', '.join(names.SERVING_USAGES)}"
    if wish is None:
        return "the request cannot be read beyond doubt"
    return _fault_in(wish)


def _fault_in(wish: Wish) -> str | None:
    if not wish.common_name.startswith(_NAMES):  # a proxier may write Leases of any name, a node's too
        return f"{wish.common_name} is no proxier's name"
    if wish.organizations != (names.SERVING_ORGANIZATION,):
        return f"the organization is not exactly {names.SERVING_ORGANIZATION}"
    if wish.extras:
        return f"asks for more than IP addresses: {', '.join(wish.extras)}"
    if len(wish.addresses) != 1:
        return "asks for more or fewer than one IP address"
    return None


def stranger_of(view: RequestView) -> str | None:
    """Why no living proxier has this name and address; None if one does."""
    assert view.wish is not None
    announced = [
        address for lease, address in view.living.items() if names.serving_common_name(lease) == view.wish.common_name
    ]
    if not announced:
        return f"no living proxier is named {view.wish.common_name}"
    if view.wish.addresses[0] not in announced:
        return f"{view.wish.common_name} announces {', '.join(announced)}, not {view.wish.addresses[0]}"
    return None


def _decide_end(view: RequestView, now: datetime) -> Decision:
    status = view.seen.status
    is_over = bool(status.certificate) or any(condition.type != "Approved" for condition in status.conditions)
    answered_at = max((each.last_update_time for each in status.conditions if each.last_update_time), default=None)
    if view.seen.spec.username != PROXIER_USER or not is_over or answered_at is None:
        return Decision("answered")
    if now < answered_at + KEPT_FOR:
        return Decision("answered", wake_at=answered_at + KEPT_FOR)
    return Decision("answered long ago", (Delete(_target(view)),))


def _answer(view: RequestView, kind: str, message: str) -> Decision:
    condition = {"type": kind, "status": "True", "reason": REASON, "message": message}
    guarded = _target(view, resource_version=view.seen.metadata.resource_version)
    patch = Patch(guarded, {"status": {"conditions": [condition]}}, "approval")
    return Decision(f"{kind.lower()}: {message}", (patch,))


def _target(view: RequestView, *, resource_version: str | None = None) -> Target:
    metadata = view.seen.metadata
    return Target(Side.COMPUTING, SIGNING_REQUESTS, metadata.name, uid=metadata.uid, resource_version=resource_version)
