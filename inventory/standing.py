"""Which policy lends a node at an instant: the rule of "which policy", for one side and for both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice

from inventory import names
from inventory.model import Binding, NodeSelector, Policy
from inventory.selectors import matches
from inventory.windows import is_open, next_edge, zone_for

_LAST = datetime.max.replace(tzinfo=UTC)
_EDGES_AHEAD = 64  # handovers looked at for a planned close; more within one notice is nobody's schedule
_TOLD = 3  # policies named in a sentence


class Outcome(StrEnum):
    """What the policies say of a node at an instant."""

    LENT = "lent"
    OUTSIDE_WINDOWS = "outside-windows"
    NOT_LENT = "not-lent"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy as a cluster holds it.

    `policy` is None when its spec is invalid: it lends nothing, but it is a veto of its side on every node that `selector` selects, which is what could be
    read of it (None: every node).
    """

    name: str
    policy: Policy | None
    is_deleting: bool = False
    selector: NodeSelector | None = None

    @property
    def node_selector(self) -> NodeSelector | None:
        """Which nodes it speaks of."""
        return self.policy.node_selector if self.policy else self.selector


class CandidateState(StrEnum):
    """How a policy that matches stands at an instant."""

    OPEN = "open"
    CLOSED = "closed"
    EXPIRED = "expired"
    DELETING = "deleting"
    INVALID = "invalid"


_SILENT = {
    CandidateState.INVALID: "is invalid",
    CandidateState.DELETING: "is being deleted",
    CandidateState.EXPIRED: "has expired",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer for one node.

    Attributes:
        lenders: The winning policy of each side that has an open one, the computing cluster's first; a veto of the other side does not empty it.
        closed: The valid policies that match but are not open, for whatever reason; the computing cluster's first, each side by rank.
        next_edge: The first instant at which this answer can change, if any.
        is_suspended: Whether the binding or a lender is suspended.
        closes_at: The planned close: when the node stops being lent if nobody edits anything; None while none is within reach of a notice.
        notice_at: When the notice of that close begins.
        closers: The lenders of then that close; where one side goes on, the other's only.

    """

    outcome: Outcome
    because: str
    lenders: tuple[Policy, ...] = ()
    closed: tuple[Policy, ...] = ()
    next_edge: datetime | None = None
    is_suspended: bool = False
    closes_at: datetime | None = None
    notice_at: datetime | None = None
    closers: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class Sides:
    """The policies of both clusters. `worker` None means that they cannot be listed: leases stay as they are and take no new pods; an uninstalled CRD is an empty tuple."""

    computing: Sequence[Candidate]
    worker: Sequence[Candidate] | None = ()


def standing_of(
    labels: Mapping[str, str], node_name: str, binding: Binding, sides: Sides, now: datetime
) -> Standing | None:
    """What the policies of both clusters say of a node; None when the worker's cannot be listed."""
    if sides.worker is None:
        return None
    if is_virtual(labels):
        return Standing(Outcome.NOT_LENT, "the node is a virtual one itself")
    if not matches(binding.node_selector, labels, node_name):
        return Standing(Outcome.NOT_LENT, "the binding's selector does not match the node")
    computing, worker = (
        tuple(each for each in side if speaks_of(each, labels, node_name, binding))
        for side in (sides.computing, sides.worker)
    )
    return standing_among(computing, worker, binding, now)


def standing_among(
    computing: Sequence[Candidate], worker: Sequence[Candidate], binding: Binding, now: datetime
) -> Standing:
    """As `standing_of`, for policies that are known to match a node that the binding selects."""
    matching = (computing, worker)
    sides = _sides_at(matching, now)
    lenders = tuple(side.winner for side in sides if side.winner)
    close = _planned_close(matching, sides, now)
    is_suspended = binding.suspend or any(policy.suspend for policy in lenders)
    return Standing(
        outcome=_outcome(sides),
        because=_because(sides, now) + (", but suspended" if is_suspended else ""),
        lenders=lenders,
        closed=tuple(policy for side in sides for policy in side.closed),
        next_edge=min((edge for edge in (_first_edge(matching, now), close.look_again_at) if edge), default=None),
        is_suspended=is_suspended,
        closes_at=close.at,
        notice_at=close.notice_at,
        closers=close.closers,
    )


def speaks_of(candidate: Candidate, labels: Mapping[str, str], node_name: str, binding: Binding) -> bool:
    """Whether a policy, in whatever state, is about a node of this binding."""
    return is_for(candidate, binding) and matches(candidate.node_selector, labels, node_name)


def is_for(candidate: Candidate, binding: Binding) -> bool:
    """Whether a policy is about this binding's cluster; an invalid one may be."""
    return candidate.policy is None or candidate.policy.cluster == binding.name


def is_virtual(labels: Mapping[str, str]) -> bool:
    """Whether a node of the worker is itself borrowed from somewhere else."""
    return any(labels.get(key) in values for key, values in names.VIRTUAL_NODE_LABELS.items())


_Matching = tuple[Sequence[Candidate], Sequence[Candidate]]
"""The policies that match a node, of the computing and of the worker cluster."""


@dataclass(frozen=True, slots=True)
class SideStanding:
    """One cluster's policies that match a node, at an instant; `winner` is the open one of the highest rank, `closed` are by rank.

    `has_candidates`: there is one that is neither expired, invalid nor being deleted.
    """

    matching: Sequence[Candidate]
    winner: Policy | None
    closed: tuple[Policy, ...]
    has_candidates: bool

    @property
    def vetoes(self) -> bool:
        """Whether it has a say and says no; without any matching policy it has none."""
        return bool(self.matching) and self.winner is None


def _sides_at(matching: _Matching, now: datetime) -> tuple[SideStanding, SideStanding]:
    computing, worker = matching
    return side_at(computing, now), side_at(worker, now)


def side_at(matching: Sequence[Candidate], now: datetime) -> SideStanding:
    """What one cluster's policies say of a node that all of them match."""
    states = [state_of(each, now) for each in matching]
    known = [(each.policy, state is CandidateState.OPEN) for each, state in zip(matching, states, strict=True)]
    winner = min((policy for policy, lends in known if policy and lends), key=rank_of, default=None)
    closed = tuple(sorted((policy for policy, lends in known if policy and not lends), key=rank_of))
    has_candidates = any(state in (CandidateState.OPEN, CandidateState.CLOSED) for state in states)
    return SideStanding(matching, winner, closed, has_candidates)


def state_of(candidate: Candidate, now: datetime) -> CandidateState:
    """How a policy stands, whether or not it matches anything."""
    policy = candidate.policy
    if policy is None:
        return CandidateState.INVALID
    if candidate.is_deleting:
        return CandidateState.DELETING
    if policy.is_expired(now):
        return CandidateState.EXPIRED
    lends = is_open(policy.windows, zone_for(policy.time_zone), now)
    return CandidateState.OPEN if lends else CandidateState.CLOSED


def rank_of(policy: Policy) -> tuple[int, datetime, str]:
    """Among open policies the smallest wins: highest priority, then earliest creation (unknown: last), then name."""
    return -policy.priority, policy.created_at or _LAST, policy.name


def _outcome(sides: tuple[SideStanding, SideStanding]) -> Outcome:
    if not any(side.has_candidates for side in sides):
        return Outcome.NOT_LENT
    return Outcome.OUTSIDE_WINDOWS if any(side.vetoes for side in sides) else Outcome.LENT


def _first_edge(matching: _Matching, now: datetime) -> datetime | None:
    """When the first of the policies changes."""
    return min((edge for side in matching for each in side for edge in _edges(each, now)), default=None)


def _edges(candidate: Candidate, now: datetime) -> Iterator[datetime]:
    policy = candidate.policy
    if policy is None or candidate.is_deleting or policy.is_expired(now):
        return
    if edge := next_edge(policy.windows, zone_for(policy.time_zone), now):
        yield edge
    if policy.expires_at:
        yield policy.expires_at


@dataclass(frozen=True, slots=True)
class _Close:
    """A planned close, or when to look for one again."""

    at: datetime | None = None
    notice_at: datetime | None = None
    look_again_at: datetime | None = None
    closers: tuple[Policy, ...] = ()


def _planned_close(matching: _Matching, before: tuple[SideStanding, SideStanding], now: datetime) -> _Close:
    """Follow the edges, past those where another policy takes over, no further than the longest notice reaches."""
    if _outcome(before) is not Outcome.LENT:
        return _Close()
    reach = max((each.policy.notice for side in matching for each in side if each.policy), default=timedelta())
    for edge in islice(_edges_from(matching, now), _EDGES_AHEAD):
        after = _sides_at(matching, edge)
        if _outcome(after) is not Outcome.LENT:
            closers = tuple(_closers(before, after))
            return _Close(edge, edge - max(each.notice for each in closers), closers=closers)
        if edge - reach > now:
            return _Close(look_again_at=edge - reach)
        before = after
    return _Close()


def _edges_from(matching: _Matching, now: datetime) -> Iterator[datetime]:
    edge = _first_edge(matching, now)
    while edge:
        yield edge
        edge = _first_edge(matching, edge)


def _closers(before: tuple[SideStanding, SideStanding], after: tuple[SideStanding, SideStanding]) -> Iterator[Policy]:
    """The policies that close at this edge, on whose notice and terms capacity goes home: one at least, for the sides that have a say stay the same."""
    for was, will in zip(before, after, strict=True):
        if was.winner and will.vetoes:
            yield was.winner


def _because(sides: tuple[SideStanding, SideStanding], now: datetime) -> str:
    outcome = _outcome(sides)
    if not any(side.matching for side in sides):
        return "no policy matches the node"
    if outcome is Outcome.LENT:
        computing, worker = (side.winner.name if side.winner else None for side in sides)
        lenders = (computing, f"{worker} of the worker cluster" if worker else None)
        return f"lent by {' and '.join(name for name in lenders if name)}"
    silent = [each for side in sides if side.vetoes for each in sorted(side.matching, key=lambda one: one.name)]
    more = f" and {len(silent) - _TOLD} more" if len(silent) > _TOLD else ""
    return f"not lent now: {', '.join(_state(each, now) for each in silent[:_TOLD])}{more}"


def _state(candidate: Candidate, now: datetime) -> str:
    """Why a policy that matches does not lend."""
    policy, state = candidate.policy, state_of(candidate, now)
    if policy is None or state is not CandidateState.CLOSED:
        return f"{candidate.name} {_SILENT[state]}"
    edge = next_edge(policy.windows, zone_for(policy.time_zone), now)
    return f"{candidate.name} is closed" + (
        f" until {edge:%Y-%m-%dT%H:%M:%SZ}" if edge and not policy.is_expired(edge) else ""
    )
