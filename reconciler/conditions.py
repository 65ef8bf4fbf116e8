"""Conditions of custom resources: changed in place, stamped only on a transition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Wanted:
    """A condition as it should be; `status` is True, False or Unknown."""

    type: str
    status: str
    reason: str
    message: str = ""


def merged(
    existing: Sequence[Mapping[str, Any]], wanted: Sequence[Wanted], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """The whole list: others' conditions kept in their places, ours updated; `lastTransitionTime` moves only when the status does.

    Equal to `existing` when nothing changed, so that the caller can compare before it writes.
    """
    by_type = {condition.type: condition for condition in wanted}
    result = [
        _updated(dict(old), by_type.pop(old["type"]), generation, now) if old.get("type") in by_type else dict(old)
        for old in existing
    ]
    return result + [_updated({}, condition, generation, now) for condition in by_type.values()]


def rfc3339(instant: datetime) -> str:
    """An instant as Kubernetes writes times: UTC, whole seconds."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _updated(old: Mapping[str, Any], wanted: Wanted, generation: int, now: datetime) -> dict[str, Any]:
    same_status = old.get("status") == wanted.status and "lastTransitionTime" in old
    return {
        "type": wanted.type,
        "status": wanted.status,
        "reason": wanted.reason,
        "message": wanted.message,
        "observedGeneration": generation,
        "lastTransitionTime": old["lastTransitionTime"] if same_status else rfc3339(now),
    }
