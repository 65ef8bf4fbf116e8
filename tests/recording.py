"""Events of decisions that a test carries out itself."""

from prometheus_client import CollectorRegistry

from reconciler.clock import SystemClock
from reconciler.events import EventRecorder
from reconciler.metrics import EventMetrics


def new_recorder() -> EventRecorder:
    """A recorder that writes when it is flushed."""
    return EventRecorder(SystemClock(), EventMetrics(CollectorRegistry()))
