"""What a proxier counts."""

from collections.abc import Callable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class ProxyMetrics:
    """Requests by endpoint and outcome, bytes, waiting time and decisions; no series is named after a pod or a user."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "kubeocean_proxier_requests_total",
            "Requests by endpoint and status",
            ["endpoint", "code"],
            registry=registry,
        )
        self._bytes = Counter(
            "kubeocean_proxier_bytes_total", "Bytes passed on", ["endpoint", "direction"], registry=registry
        )
        self._first_byte = Histogram(
            "kubeocean_proxier_first_byte_seconds",
            "From the connection to the head of the answer",
            ["endpoint"],
            registry=registry,
        )
        self._decisions = Counter(
            "kubeocean_proxier_auth_decisions_total", "Who was let in and who not", ["outcome"], registry=registry
        )
        self._handshakes = Counter(
            "kubeocean_proxier_failed_handshakes_total", "Connections that came to no request", registry=registry
        )
        self._expiry = Gauge(
            "kubeocean_proxier_certificate_expiry_seconds",
            "When the serving certificate ends, in seconds since 1970; 0 while there is none",
            registry=registry,
        )
        self._refused = Counter(
            "kubeocean_proxier_refused_connections_total",
            "Connections that were closed at once, by what there was no room for",
            ["reason"],
            registry=registry,
        )
        self._connections = Gauge("kubeocean_proxier_connections", "Connections now", registry=registry)

    def decided(self, outcome: str) -> None:
        """A decision on a request was made."""
        self._decisions.labels(outcome).inc()

    def answered(self, endpoint: str, seconds: float) -> None:
        """The head of an answer was sent."""
        self._first_byte.labels(endpoint).observe(seconds)

    def ended(self, endpoint: str, code: int, from_client: int, from_worker: int) -> None:
        """A request is over."""
        self._requests.labels(endpoint, str(code)).inc()
        self._bytes.labels(endpoint, "from_client").inc(from_client)
        self._bytes.labels(endpoint, "from_worker").inc(from_worker)

    def handshake_failed(self) -> None:
        """A connection ended before it was one."""
        self._handshakes.inc()

    def serves_until(self, expires_at: datetime) -> None:
        """Another serving certificate was taken up."""
        self._expiry.set(expires_at.timestamp())

    def connection_refused(self, reason: str) -> None:
        """There was no room for a connection."""
        self._refused.labels(reason).inc()

    def watch_connections(self, count: Callable[[], int]) -> None:
        """Export the number of connections, read at each scrape."""
        self._connections.set_function(count)
