"""What a decision is: a reason and the writes that follow from it, as plain values.

Every decide function has the shape `decide(view, now) -> Decision`; `perform` is the only place that carries actions out, and the only one that
knows a client. Manifests and patches here are JSON-shaped; their absence of a field means "leave it", null in a merge patch means "remove it".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from reconciler.kube.resources import Resource

Manifest = Mapping[str, Any]
"""A Kubernetes object as JSON; never mutated."""


class Side(StrEnum):
    """Which of the two clusters of a Bridge."""

    COMPUTING = "computing"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Target:
    """One object of one side. `uid` and `resource_version` are preconditions where set."""

    side: Side
    resource: Resource
    name: str
    namespace: str = ""
    uid: str | None = None
    resource_version: str | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object under a deterministic name.

    When the name is taken, the answer counts as success if the object there carries every annotation named in `owned_by` with the same value as `manifest`;
    otherwise the outcome is a conflict and the key is observed again.
    """

    target: Target
    manifest: Manifest
    owned_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """A JSON merge patch of the changed fields only, on the object or on a subresource such as `status`."""

    target: Target
    patch: Manifest
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply with full intent, for custom resources from Git only."""

    target: Target
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete with a UID precondition (`target.uid` must be set); `grace_seconds` None leaves the object's own grace."""

    target: Target
    grace_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Evict:
    """Evict a pod through the Eviction API, PodDisruptionBudgets respected; a 429 is retried with the server's hint."""

    target: Target


@dataclass(frozen=True, slots=True)
class Emit:
    """An Event about an object, on a transition."""

    regarding: Target
    type: str
    reason: str
    message: str


Action = Create | Patch | Apply | Delete | Evict | Emit


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of one pass over one key.

    `because` is a sentence an operator can act on. Actions are performed in order; the first that fails ends the pass. `wake_at` asks for another pass at that
    instant even if nothing changes.
    """

    because: str
    actions: tuple[Action, ...] = ()
    wake_at: datetime | None = None


class LeaseState(StrEnum):
    """Where a vnode's lease stands; see reclaim/decide.py for the transitions."""

    LENT = "Lent"
    NOTICE = "Notice"
    CLOSED = "Closed"
    DRAINING = "Draining"
    EVICTING = "Evicting"
    EMPTY = "Empty"


@dataclass(frozen=True, slots=True)
class Terms:
    """How capacity is taken back: the promise of the policy in force, kept on the vnode in case the policy goes away."""

    grace: timedelta
    drain: timedelta
    force: bool


@dataclass(frozen=True, slots=True)
class Shrink:
    """A lease that holds less than the pods on it request.

    `since` is when that was recorded. `victims` are the keys of the pods that must go for the rest to fit, sorted, and `ends_at` when the last of them is
    deleted; none and None when nothing is ever forced.
    """

    since: datetime
    ends_at: datetime | None = None
    victims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reclaim:
    """The verdict of `reclaim.decide` on one vnode, input of `bottomup.decide`, the sole author of vnodes.

    `closed_at` (C), `evicts_from` (E) and `ends_at` (D) are the three instants of design 5.8; None while lent, and E and D None when nothing is ever forced.
    `takes_pods` is false from the notice on. `terms` are what the vnode must carry. `shrink` is set only while lent. `actions` are evictions and deletions of
    computing pods, nothing else.
    """

    state: LeaseState
    because: str
    takes_pods: bool
    terms: Terms | None = None
    closed_at: datetime | None = None
    evicts_from: datetime | None = None
    ends_at: datetime | None = None
    actions: tuple[Evict | Delete, ...] = ()
    wake_at: datetime | None = None
    shrink: Shrink | None = None


def earliest(*instants: datetime | None) -> datetime | None:
    """The first of several wake-ups, ignoring those that are not wanted."""
    return min((instant for instant in instants if instant is not None), default=None)
