"""Pods as a hollow kubelet sees them, short to write."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from oceanctl.sandbox.hollow.lifecycle import PodRun
from oceanctl.sandbox.hollow.podspec import Pod
from oceanctl.sandbox.hollow.recovery import run_for
from oceanctl.sandbox.hollow.script import scripts_for

T0 = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after T0."""
    return T0 + timedelta(seconds=seconds)


def container(name: str, command: str = "", **more: Any) -> dict[str, Any]:
    """A container that runs a shell command, or the image's own."""
    return {"name": name, "image": "busybox", **({"command": ["sh", "-c", command]} if command else {}), **more}


def pod(*containers: dict[str, Any], annotations: dict[str, str] | None = None, **more: Any) -> Pod:
    """A pod; `status` and fields of its spec as keywords in their JSON names."""
    metadata = {"name": "p", "namespace": "default", "uid": "u-1", "annotations": annotations or {}}
    status = more.pop("status", {})
    return msgspec.convert(
        {"metadata": metadata, "spec": {"containers": list(containers), **more}, "status": status}, type=Pod
    )


def run_of(made: Pod, now: datetime = T0) -> PodRun:
    """The pod's containers as its status tells."""
    return run_for(made, scripts_for(made), now, timedelta(seconds=10))
