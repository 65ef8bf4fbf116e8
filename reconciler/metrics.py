"""Prometheus metrics, under Kubeocean's names; one registry per process, handed around, never global."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


@dataclass(slots=True)
class Outcome:
    """How one pass ended; the controller changes `label` when it did not succeed."""

    label: str = "ok"


class ControllerMetrics:
    """What every controller counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "kubeocean_syncer_reconcile_seconds", "Duration of one pass", ["controller"], registry=registry
        )
        self._outcomes = Counter(
            "kubeocean_syncer_reconcile_total", "Passes by outcome", ["controller", "outcome"], registry=registry
        )
        self._depth = Gauge("kubeocean_syncer_queue_depth", "Keys waiting", ["controller"], registry=registry)

    @contextmanager
    def timed(self, controller: str) -> Iterator[Outcome]:
        """Measure one pass and count its outcome."""
        outcome = Outcome()
        started = time.perf_counter()
        try:
            yield outcome
        finally:
            self._seconds.labels(controller).observe(time.perf_counter() - started)
            self._outcomes.labels(controller, outcome.label).inc()

    def watch_depth(self, controller: str, depth: Callable[[], int]) -> None:
        """Export the depth of a queue, read at each scrape."""
        self._depth.labels(controller).set_function(depth)


class ApiMetrics:
    """Requests to API servers, by side."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "kubeocean_syncer_api_requests_total",
            "API requests by verb and code",
            ["side", "verb", "resource", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            "kubeocean_syncer_api_request_seconds", "Duration of API requests", ["side", "verb"], registry=registry
        )

    def hook(self, side: str) -> Callable[[str, str, int, float], None]:
        """An `on_request` hook for the client of one side."""

        def record(verb: str, resource: str, code: int, seconds: float) -> None:
            self._requests.labels(side, verb, resource, str(code)).inc()
            self._seconds.labels(side, verb).observe(seconds)

        return record


class EventMetrics:
    """What became of Events."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Counter(
            "kubeocean_events_total", "Events by what became of them", ["outcome"], registry=registry
        )
        self._waiting = Gauge("kubeocean_events_waiting", "Events still to be written", registry=registry)

    def ended(self, outcome: str) -> None:
        """An Event was written, refused, forgotten, or nobody is left to read it."""
        self._events.labels(outcome).inc()

    def watch_waiting(self, count: Callable[[], int]) -> None:
        """Export how many are still to be written, read at each scrape."""
        self._waiting.set_function(count)


class WriteMetrics:
    """Writes that went through; `evict` and `delete` of pods are what reclaiming took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._writes = Counter(
            "kubeocean_syncer_writes_total", "Writes by what was done", ["side", "verb", "resource"], registry=registry
        )

    def wrote(self, side: str, verb: str, resource: str) -> None:
        """A write went through."""
        self._writes.labels(side, verb, resource).inc()
