"""Which policy lends a node at an instant: the rule of "which policy", for one side and for both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory.model import Policy


class Outcome(StrEnum):
    """What the policies say of a node at an instant."""

    LENT = "lent"
    OUTSIDE_WINDOWS = "outside-windows"
    NOT_LENT = "not-lent"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy as a cluster holds it. `policy` is None when its spec is invalid: it lends nothing, but it counts as a veto of its side if its selector is readable or unknown."""

    name: str
    policy: Policy | None
    is_deleting: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer: `lenders` holds the winning policy of each side that has one (one or two), `last` the policies that matched but are closed."""

    outcome: Outcome
    because: str
    lenders: tuple[Policy, ...] = ()
    closed: tuple[Policy, ...] = ()
    next_edge: datetime | None = None
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class Sides:
    """The policies of both clusters. `worker` None means that they cannot be listed: leases stay as they are and take no new pods; an uninstalled CRD is an empty tuple."""

    computing: Sequence[Candidate]
    worker: Sequence[Candidate] | None = ()
