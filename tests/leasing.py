"""Builders for tests of leasing: a world with one worker node, its policies and its vnode."""

from datetime import UTC, datetime, timedelta
from typing import Any

from inventory.model import Binding, Policy, SecretRef, Window

MONDAY_NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MORNING = (Window(8 * 60, 9 * 60 - 1),)  # 08:00 to 09:00
AROUND_NOON = (Window(11 * 60, 13 * 60 - 1),)  # 11:00 to 13:00
AFTER_NOON = (Window(13 * 60, 14 * 60 - 1),)  # 13:00 to 14:00, in touch with the one before
BINDING = Binding("tokyo", "c1", SecretRef("tokyo", "kubeocean-system"), "kubeocean-worker")


def policy(name: str = "nights", **spec: Any) -> Policy:
    """A policy of the binding; durations are given in seconds."""
    fields: dict[str, Any] = {**spec}
    for duration in ("grace", "notice", "drain"):
        if duration in fields:
            fields[duration] = timedelta(seconds=fields[duration])
    return Policy(name, BINDING.name, **fields)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A time of the Monday that the tests live in."""
    return MONDAY_NOON.replace(hour=hour, minute=minute, second=second)
