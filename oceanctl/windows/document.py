"""Calendars of policies as JSON."""

from typing import Any

from inventory.calendar import Calendar, ClockChange
from inventory.model import Policy
from oceanctl.windows.words import change_sentence
from reconciler.conditions import rfc3339

_HOUR = 60


def calendar_document(calendar: Calendar) -> dict[str, Any]:
    """One policy; intervals are cut to the horizon, `nextEdge` may lie beyond it."""
    policy = calendar.policy
    return {
        "name": policy.name,
        "cluster": policy.cluster,
        "timeZone": policy.time_zone,
        "open": calendar.is_open,
        "suspended": policy.suspend,
        "nextEdge": rfc3339(calendar.next_edge) if calendar.next_edge else None,
        "expiresAt": _expiry(policy),
        "hoursPerWeek": round(calendar.minutes_per_week / _HOUR, 2),
        "intervals": [{"start": rfc3339(each.start), "end": rfc3339(each.end)} for each in calendar.within()],
        "remarks": [_remark(change) for change in calendar.changes],
    }


def _expiry(policy: Policy) -> str | None:
    return rfc3339(policy.expires_at) if policy.expires_at else None


def _remark(change: ClockChange) -> dict[str, Any]:
    return {
        "day": change.day.isoformat(),
        "seconds": int(change.by.total_seconds()),
        "text": change_sentence(change),
    }
