"""Who must go when a lease no longer holds all that is on it: the least important and youngest, just enough, and never one whose going does not help."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.kube.projections import Pod


@dataclass(frozen=True, slots=True)
class Tenant:
    """A pod and what it takes of the lease, in milli-units."""

    pod: Pod
    requests: Mapping[str, int]


def victims_among(staying: Sequence[Tenant], room: Mapping[str, int]) -> tuple[Pod, ...]:
    """The pods to tell, in the order of their keys; those that leave anyway must not be among `staying`.

    First whoever helps is taken, by lowest priority, then youngest, then name, until the rest fits. Then, beginning with the most important, everybody is
    spared who turned out not to be needed: without any one of those that remain, the rest would not fit.
    """
    excess = _excess_of(staying, room)
    spared = _spared(_enough(sorted(staying, key=_first_to_go), excess), excess)
    return tuple(sorted((tenant.pod for tenant in spared), key=lambda pod: pod.metadata.key))


def _first_to_go(tenant: Tenant) -> tuple[int, float, str]:
    """One whose age is unknown counts as the oldest."""
    metadata = tenant.pod.metadata
    born = metadata.creation_timestamp.timestamp() if metadata.creation_timestamp else 0.0
    return tenant.pod.spec.priority, -born, metadata.key


def _excess_of(staying: Iterable[Tenant], room: Mapping[str, int]) -> dict[str, int]:
    """By how much each resource is overcommitted; a resource that is not lent at all has no room."""
    used: dict[str, int] = {}
    for tenant in staying:
        for resource, milli in tenant.requests.items():
            used[resource] = used.get(resource, 0) + milli
    return {name: milli - room.get(name, 0) for name, milli in used.items() if milli > room.get(name, 0)}


def _enough(candidates: Iterable[Tenant], excess: Mapping[str, int]) -> list[Tenant]:
    chosen: list[Tenant] = []
    missing = dict(excess)
    for tenant in candidates:
        if any(tenant.requests.get(resource, 0) for resource in missing):
            chosen.append(tenant)
            missing = _without(missing, tenant)
    return chosen


def _without(excess: Mapping[str, int], tenant: Tenant) -> dict[str, int]:
    left = {resource: milli - tenant.requests.get(resource, 0) for resource, milli in excess.items()}
    return {resource: milli for resource, milli in left.items() if milli > 0}


def _spared(chosen: Sequence[Tenant], excess: Mapping[str, int]) -> list[Tenant]:
    needed = list(chosen)
    for tenant in reversed(chosen):
        others = [each for each in needed if each is not tenant]
        if all(sum(each.requests.get(name, 0) for each in others) >= milli for name, milli in excess.items()):
            needed = others
    return needed
