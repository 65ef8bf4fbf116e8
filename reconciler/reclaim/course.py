"""The road of every reclaim from the instant it is recorded: in peace until E, evicted from E, deleted from D."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from reconciler.decision import Delete, Evict, LeaseState, Side, Target, Terms
from reconciler.kube.projections import Pod
from reconciler.kube.resources import PODS


@dataclass(frozen=True, slots=True)
class Course:
    """When pods are evicted (E) and deleted (D); both None when nothing is ever forced."""

    evicts_from: datetime | None = None
    ends_at: datetime | None = None

    @classmethod
    def of(cls, recorded_at: datetime, terms: Terms | None) -> "Course":
        """The course of what was recorded then, on these terms."""
        if terms is None or not terms.force:
            return cls()
        ends_at = recorded_at + terms.grace
        return cls(max(recorded_at, ends_at - terms.drain), ends_at)

    def state_at(self, now: datetime) -> LeaseState:
        """CLOSED while pods are left in peace, DRAINING while they are evicted, EVICTING while they are deleted."""
        if self.evicts_from is None or self.ends_at is None or now < self.evicts_from:
            return LeaseState.CLOSED
        return LeaseState.DRAINING if now < self.ends_at else LeaseState.EVICTING

    def next_step(self, now: datetime) -> datetime | None:
        """When the state changes next."""
        return min((step for step in (self.evicts_from, self.ends_at) if step and now < step), default=None)

    def departures(self, now: datetime, pods: Iterable[Pod]) -> tuple[Evict | Delete, ...]:
        """What these pods are told now."""
        match self.state_at(now):
            case LeaseState.DRAINING:
                return tuple(Evict(_target(pod)) for pod in pods)
            case LeaseState.EVICTING:
                return tuple(Delete(_target(pod)) for pod in pods)
            case _:
                return ()


def _target(pod: Pod) -> Target:
    metadata = pod.metadata
    return Target(Side.COMPUTING, PODS, metadata.name, metadata.namespace, uid=metadata.uid)
