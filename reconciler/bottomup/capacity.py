"""How much of a node is lent: what its own pods leave over, within the limits of the policies; exact integers in milli-units."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from inventory.model import Limit, Policy
from inventory.quantity import MILLI, floor, parse, percent_of
from reconciler.kube.projections import Container, ContainerStatus, Pod, PodSpec, PodStatus

PODS = "pods"

_SIDECAR = "Always"  # an init container with this restart policy runs beside the main ones
_RESIZE_PENDING = ("PodResizePending", "Infeasible")


@dataclass(frozen=True, slots=True)
class _Given:
    """What the node has given to the pod as a whole and to containers, by their names; `is_final` when it will not give what they ask for."""

    whole: Mapping[str, int]
    amounts: Mapping[str, Mapping[str, int]]
    is_final: bool


@dataclass(frozen=True, slots=True)
class Cap:
    """What one limit of one policy allows; `limit` has either a quantity or a percentage."""

    policy: str
    limit: Limit
    allows: int


@dataclass(frozen=True, slots=True)
class Share:
    """How the lease of one resource comes about: `lent` is the smallest of what is left, rounded down, and what each cap allows; milli-units."""

    resource: str
    allocatable: int
    requested: int
    left: int
    caps: tuple[Cap, ...]
    lent: int


def requests_of(pod: Pod) -> dict[str, int]:
    """What the scheduler counts for a pod, in milli-units, `pods` among them.

    The formula is that of PodRequests in k8s.io/component-helpers: the sum of main containers and sidecars, but at least what any init container needs
    together with the sidecars before it; then pod-level requests instead, where there are any; then the overhead.
    """
    spec, given = pod.spec, _given_to(pod)
    total = sum_of(_container_requests(each, given) for each in spec.containers)
    if spec.init_containers:
        sidecars = [each for each in spec.init_containers if each.restart_policy == _SIDECAR]
        running = sum_of((total, *(_container_requests(each, given) for each in sidecars)))
        total = _maximum(running, _starting(spec.init_containers, given))
    total |= {name: milli for name, milli in _pod_level_requests(spec, given).items() if _is_pod_level(name)}
    return sum_of((total, _parsed(spec.overhead), {PODS: MILLI}))


def left_of(allocatable: Mapping[str, str], foreign_load: Mapping[str, int]) -> dict[str, int]:
    """What the node's own pods leave over of each resource, in milli-units."""
    return {name: max(0, parse(quantity) - foreign_load.get(name, 0)) for name, quantity in allocatable.items()}


def lease_of(
    allocatable: Mapping[str, str], foreign_load: Mapping[str, int], lenders: Sequence[Policy]
) -> dict[str, int]:
    """What a node lends of each resource of `allocatable`, in milli-units: the smallest that any lender allows of what is left."""
    left = left_of(allocatable, foreign_load)
    limits = [limit for policy in lenders for limit in policy.limits]
    return {
        name: _within(name, milli, [limit for limit in limits if limit.resource == name])
        for name, milli in left.items()
    }


def steps_of(
    allocatable: Mapping[str, str], foreign_load: Mapping[str, int], lenders: Sequence[Policy]
) -> tuple[Share, ...]:
    """The arithmetic behind `lease_of`, in the order of `allocatable`."""
    left = left_of(allocatable, foreign_load)
    lease = lease_of(allocatable, foreign_load, lenders)
    return tuple(
        Share(
            name,
            parse(quantity),
            foreign_load.get(name, 0),
            left[name],
            tuple(_caps(name, left[name], lenders)),
            lease[name],
        )
        for name, quantity in allocatable.items()
    )


def _caps(resource: str, left: int, lenders: Iterable[Policy]) -> Iterator[Cap]:
    for policy in lenders:
        for limit in policy.limits:
            if limit.resource == resource:
                halves = (Limit(resource, quantity=limit.quantity), Limit(resource, percent=limit.percent))
                yield from (Cap(policy.name, half, each) for half in halves for each in _allowed(left, half))


def _within(resource: str, left: int, limits: Sequence[Limit]) -> int:
    return min((floor(resource, left), *(each for limit in limits for each in _allowed(left, limit))))


def _allowed(left: int, limit: Limit) -> Iterator[int]:
    """What a limit makes of what is left. Zero means none, for a quantity and for a percentage."""
    if limit.quantity is not None:
        yield floor(limit.resource, limit.quantity)
    if limit.percent is not None:
        yield percent_of(left, limit.percent, limit.resource)


def _starting(init_containers: Iterable[Container], given: _Given) -> dict[str, int]:
    """The most that any moment before the main containers needs: an init container, and the sidecars that run by then."""
    sidecars: dict[str, int] = {}
    most: dict[str, int] = {}
    for container in init_containers:
        if container.restart_policy == _SIDECAR:
            sidecars = sum_of((sidecars, _container_requests(container, given)))
            most = _maximum(most, sidecars)
        else:
            most = _maximum(most, sum_of((sidecars, _parsed(container.resources.requests))))
    return most


def _given_to(pod: Pod) -> _Given:
    """Where containers are resized in place, what they have may be more or less than what is asked for."""
    status = pod.status
    amounts = {each.name: _held_by(each) for each in (*status.container_statuses, *status.init_container_statuses)}
    is_infeasible = any((each.type, each.reason) == _RESIZE_PENDING for each in status.conditions)
    return _Given(_held_by(status), amounts, is_infeasible)


def _held_by(status: ContainerStatus | PodStatus) -> dict[str, int]:
    allocated = _parsed(status.allocated_resources)
    return _maximum(allocated, _parsed(status.resources.requests)) if status.resources else allocated


def _container_requests(container: Container, given: _Given) -> Mapping[str, int]:
    """The larger of what is asked for and what it has."""
    return _effective(_parsed(container.resources.requests), given.amounts.get(container.name, {}), given)


def _pod_level_requests(spec: PodSpec, given: _Given) -> Mapping[str, int]:
    """As `_container_requests`, if the pod asks for anything as a whole; what it has includes its overhead."""
    wanted, overhead = _parsed(spec.resources.requests), _parsed(spec.overhead)
    has = {name: milli - overhead.get(name, 0) for name, milli in given.whole.items()}
    return _effective(wanted, has, given) if wanted else {}


def _effective(wanted: Mapping[str, int], has: Mapping[str, int], given: _Given) -> Mapping[str, int]:
    """What the node cannot give is not counted."""
    if not has:
        return wanted
    return has if given.is_final else _maximum(wanted, has)


def _is_pod_level(resource: str) -> bool:
    """Whether the API takes this resource at the level of the pod."""
    return resource in ("cpu", "memory") or resource.startswith("hugepages-")


def _parsed(quantities: Mapping[str, str]) -> dict[str, int]:
    return {name: parse(quantity) for name, quantity in quantities.items()}


def sum_of(amounts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Resource by resource."""
    total: dict[str, int] = {}
    for each in amounts:
        for name, milli in each.items():
            total[name] = total.get(name, 0) + milli
    return total


def _maximum(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: max(first.get(name, 0), second.get(name, 0)) for name in {**first, **second}}
