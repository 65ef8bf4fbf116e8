"""What Prometheus is told of the fleet: read from the caches at each scrape, so that a series ends with its object."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inventory import quantity
from inventory.errors import InvalidValueError
from reconciler import names
from reconciler.bottomup.reports import is_leased
from reconciler.bridge.computing import Computing
from reconciler.kube.projections import CustomObject, Node

PHASES = ("Deleting", "Pending", "Ready", "Failed")  # of bindings; Kubeocean's dashboards want all four
_MIB = 1024 * 1024
_IN_MILLI = "cpu"  # Kubeocean's units: cores in thousandths, bytes in MiB, everything else counted


class FleetCollector(Collector):
    """Describes bindings, policies, vnodes and the pods on them; nothing before the caches are there."""

    def __init__(self, computing: Callable[[], Computing | None]) -> None:
        self._computing = computing

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are checked when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """As Prometheus' client asks for it, in the event loop that fills the caches."""
        computing = self._computing()
        if computing is None:
            return
        yield _bindings(computing.bindings.values())
        yield from _policies(computing.policies.values())
        yield from _vnodes(computing.nodes.values())
        yield _pods(computing)
        yield _restarts(computing)


def _bindings(bindings: Iterable[CustomObject]) -> Metric:
    count = Counter(_phase_of(binding) for binding in bindings)
    family = GaugeMetricFamily("kubeocean_clusterbindings_total", "Bindings by phase", labels=["status"])
    for phase in PHASES:
        family.add_metric([phase], count[phase])
    return family


def _phase_of(binding: CustomObject) -> str:
    if binding.metadata.is_deleting:
        return "Deleting"
    phase = binding.status.get("phase")
    return phase if phase in PHASES else "Pending"


def _policies(policies: Iterable[CustomObject]) -> Iterator[Metric]:
    labels = ["clusterbinding", "policy"]
    is_open = GaugeMetricFamily("kubeocean_manager_policy_open", "Whether a policy's window is open", labels=labels)
    edge = GaugeMetricFamily(
        "kubeocean_manager_policy_next_transition_seconds", "When a policy opens or closes next", labels=labels
    )
    for policy in policies:
        values = [str(policy.spec.get("cluster", "")), policy.metadata.name]
        is_open.add_metric(values, float(bool(policy.status.get("activeTimeWindow"))))
        transition = policy.status.get("nextTransition")
        if isinstance(transition, dict) and "at" in transition:
            edge.add_metric(values, datetime.fromisoformat(transition["at"]).timestamp())
    yield from (is_open, edge)


def _vnodes(vnodes: Iterable[Node]) -> Iterator[Metric]:
    states: Counter[tuple[str, str]] = Counter()
    lent: Counter[tuple[str, str]] = Counter()
    for vnode in vnodes:
        binding = vnode.metadata.labels.get(names.CLUSTER_BINDING, "")
        states[binding, _state_of(vnode)] += 1
        if is_leased(vnode):
            for resource, amount in vnode.status.allocatable.items():
                lent[binding, resource] += _in_units(resource, amount)
    total = GaugeMetricFamily("kubeocean_syncer_vnode_total", "vnodes", labels=["clusterbinding"])
    by_state = GaugeMetricFamily("kubeocean_syncer_vnodes", "vnodes by state", labels=["clusterbinding", "state"])
    resources = GaugeMetricFamily(
        "kubeocean_syncer_cluster_available_resource",
        "What is lent now: cpu in thousandths, bytes in MiB",
        labels=["clusterbinding", "resource"],
    )
    for binding in sorted({binding for binding, _ in states}):
        total.add_metric([binding], sum(count for (of, _), count in states.items() if of == binding))
    for each, count in sorted(states.items()):
        by_state.add_metric(list(each), count)
    for each, units in sorted(lent.items()):
        resources.add_metric(list(each), units)
    yield from (total, by_state, resources)


def _state_of(vnode: Node) -> str:
    annotations = vnode.metadata.annotations
    if vnode.metadata.is_deleting:
        return "deleting"
    if names.WINDOW_CLOSED_AT in annotations:
        return "closed"
    if names.SHRUNK_AT in annotations:
        return "shrinking"
    return "lent" if is_leased(vnode) else "withheld"


def _in_units(resource: str, amount: str) -> int:
    try:
        milli = quantity.parse(amount)
    except InvalidValueError:
        return 0
    if resource == _IN_MILLI:
        return milli
    return milli // quantity.MILLI // (_MIB if quantity.is_bytes(resource) else 1)


def _pods(computing: Computing) -> Metric:
    binding_of = {
        vnode.metadata.name: vnode.metadata.labels.get(names.CLUSTER_BINDING, "") for vnode in computing.nodes
    }
    count = Counter(
        (binding_of[pod.seen.spec.node_name], pod.seen.status.phase or "Unknown")
        for pod in computing.pods
        if pod.seen.spec.node_name in binding_of
    )
    family = GaugeMetricFamily(
        "kubeocean_syncer_virtual_pod_total", "Pods on vnodes by phase", labels=["clusterbinding", "phase"]
    )
    for each, pods in sorted(count.items()):
        family.add_metric(list(each), pods)
    return family


def _restarts(computing: Computing) -> Metric:
    family = CounterMetricFamily(
        "kubeocean_syncer_watch_restarts",
        "Watches of the computing cluster that were opened anew",
        labels=["resource", "cause"],
    )
    for cache in computing.caches:
        for cause, count in cache.restarts.items():
            family.add_metric([cache.resource.plural, cause.value], count)
    return family
