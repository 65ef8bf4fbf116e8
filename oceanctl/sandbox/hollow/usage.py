"""What simulated containers use, as a kubelet tells it: each half of what it requests, since it was started."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from oceanctl.sandbox.hollow.status import timestamp

Sample = tuple[dict[str, str], float]

SYSTEM_SLICE: Final = "/system.slice/hollow.service"  # real nodes run more than pods
SYSTEM_CORES: Final = 0.1
SYSTEM_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Load:
    """One running container."""

    namespace: str
    pod: str
    uid: str
    container: str
    since: datetime
    cores: float
    memory_bytes: int

    @property
    def labels(self) -> dict[str, str]:
        """Which one it is."""
        return {"container": self.container, "namespace": self.namespace, "pod": self.pod}

    def cpu_seconds(self, now: datetime) -> float:
        """Since it was started."""
        return self.cores * (now - self.since).total_seconds()


def resource_metrics(loads: Sequence[Load], up: timedelta, now: datetime) -> str:
    """`/metrics/resource`."""
    cpu = [(load.labels, load.cpu_seconds(now)) for load in loads]
    memory: list[Sample] = [(load.labels, load.memory_bytes) for load in loads]
    system = SYSTEM_CORES * up.total_seconds()
    families: dict[str, list[Sample]] = {
        "container_cpu_usage_seconds_total": cpu,
        "container_memory_working_set_bytes": memory,
        "pod_cpu_usage_seconds_total": _summed(cpu),
        "pod_memory_working_set_bytes": _summed(memory),
        "node_cpu_usage_seconds_total": [({}, system + sum(value for _, value in cpu))],
        "node_memory_working_set_bytes": [({}, SYSTEM_BYTES + sum(value for _, value in memory))],
        "scrape_error": [({}, 0)],
    }
    return _rendered(families)


def cadvisor_metrics(loads: Sequence[Load], up: timedelta, now: datetime) -> str:
    """`/metrics/cadvisor`, of which the families that dashboards use most."""

    def labels_of(load: Load) -> dict[str, str]:
        group = f"/kubepods/pod{load.uid}/{load.container}"
        return {**load.labels, "id": group, "image": "", "name": load.container}

    system = SYSTEM_CORES * up.total_seconds()
    cpu = [(labels_of(load), load.cpu_seconds(now)) for load in loads]
    cpu += [({"id": SYSTEM_SLICE}, system), ({"id": "/"}, system + sum(value for _, value in cpu))]
    return _rendered(
        {
            "container_cpu_usage_seconds_total": cpu,
            "container_memory_working_set_bytes": [(labels_of(load), load.memory_bytes) for load in loads],
            "machine_cpu_cores": [({}, 8)],
        }
    )


def kubelet_metrics(loads: Sequence[Load]) -> str:
    """`/metrics`."""
    return _rendered({"kubelet_running_pods": [({}, len({load.uid for load in loads}))], "kubelet_up": [({}, 1)]})


def summary(node: str, loads: Sequence[Load], started: datetime, now: datetime) -> dict[str, Any]:
    """`/stats/summary`."""
    pods: dict[str, list[Load]] = {}
    for load in loads:
        pods.setdefault(load.uid, []).append(load)
    system = SYSTEM_CORES * (now - started).total_seconds()
    cores = SYSTEM_CORES + sum(load.cores for load in loads)
    seconds = system + sum(load.cpu_seconds(now) for load in loads)
    memory = SYSTEM_BYTES + sum(load.memory_bytes for load in loads)
    own = {"nodeName": node, "startTime": timestamp(started), **_figures(cores, seconds, memory, now)}
    return {"node": own, "pods": [_pod_summary(each, now) for each in pods.values()]}


def _pod_summary(loads: Sequence[Load], now: datetime) -> dict[str, Any]:
    first = loads[0]
    cores, seconds = sum(each.cores for each in loads), sum(each.cpu_seconds(now) for each in loads)
    return {
        "podRef": {"name": first.pod, "namespace": first.namespace, "uid": first.uid},
        "startTime": timestamp(first.since),
        "containers": [
            {
                "name": each.container,
                "startTime": timestamp(each.since),
                **_figures(each.cores, each.cpu_seconds(now), each.memory_bytes, now),
            }
            for each in loads
        ],
        **_figures(cores, seconds, sum(each.memory_bytes for each in loads), now),
    }


def _figures(cores: float, seconds: float, memory_bytes: int, now: datetime) -> dict[str, Any]:
    nano = 10**9
    cpu = {"time": timestamp(now), "usageNanoCores": int(cores * nano), "usageCoreNanoSeconds": int(seconds * nano)}
    return {"cpu": cpu, "memory": {"time": timestamp(now), "workingSetBytes": memory_bytes}}


def _summed(samples: Iterable[Sample]) -> list[Sample]:
    totals: dict[tuple[str, str], float] = {}
    for labels, value in samples:
        key = (labels["namespace"], labels["pod"])
        totals[key] = totals.get(key, 0) + value
    return [({"namespace": namespace, "pod": pod}, value) for (namespace, pod), value in totals.items()]


def _rendered(families: dict[str, list[Sample]]) -> str:
    return "".join(_lines(families))


def _lines(families: dict[str, list[Sample]]) -> Iterator[str]:
    for name, samples in families.items():
        yield f"# HELP {name} Simulated.\n# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}\n"
        for labels, value in samples:
            pairs = ",".join(f'{key}="{text}"' for key, text in sorted(labels.items()))
            yield f"{name}{{{pairs}}} {value:.9g}\n" if pairs else f"{name} {value:.9g}\n"
