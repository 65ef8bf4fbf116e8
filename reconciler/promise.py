"""What a vnode remembers of its lease: facts that nobody can re-derive, written as annotations and read back after any restart."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler import names
from reconciler.conditions import rfc3339
from reconciler.decision import Reclaim, Shrink, Terms
from reconciler.kube.projections import Node

KEYS = (
    names.WINDOW_CLOSED_AT,
    names.LEASE_ENDS_AT,
    names.RECLAIM_TERMS,
    names.SHRUNK_AT,
    names.SHRINK_ENDS_AT,
    names.SHRINK_VICTIMS,
)
"""The annotations of a vnode that say how its lease ends, and how it shrinks."""

_TERMS = re.compile(r"grace=(?P<grace>[0-9]{1,10}),drain=(?P<drain>[0-9]{1,10}),force=(?P<force>true|false)")
_YEARS = range(1970, 9000)  # nothing can be counted from instants at the ends of the calendar


@dataclass(frozen=True, slots=True)
class Promise:
    """What a vnode remembers: when it was closed or shrank, on which terms it is taken back, and the policies that lent it last.

    What was edited into something unreadable counts as absent.
    """

    closed_at: datetime | None = None
    terms: Terms | None = None
    lenders: tuple[str, ...] = ()
    shrink: Shrink | None = None


def promise_of(vnode: Node | None) -> Promise:
    """What is written on a vnode; nothing where there is none."""
    annotations: Mapping[str, str] = vnode.metadata.annotations if vnode else {}
    return Promise(
        instant_from(annotations.get(names.WINDOW_CLOSED_AT, "")),
        terms_from(annotations.get(names.RECLAIM_TERMS, "")),
        _listed(annotations.get(names.POLICIES_APPLIED, "")),
        shrink_from(annotations),
    )


def shrink_from(annotations: Mapping[str, str]) -> Shrink | None:
    """What a vnode's annotations say of a shrink; None where there is none."""
    since = instant_from(annotations.get(names.SHRUNK_AT, ""))
    if since is None:
        return None
    ends_at = instant_from(annotations.get(names.SHRINK_ENDS_AT, ""))
    return Shrink(since, ends_at, _listed(annotations.get(names.SHRINK_VICTIMS, "")))


def yields_to(vnode: Node | None) -> tuple[str, ...]:
    """UIDs of the owner's pods that a lease gives way to."""
    return _listed(vnode.metadata.annotations.get(names.YIELDS_TO, "")) if vnode else ()


def annotations_for(reclaim: Reclaim) -> dict[str, str]:
    """What a vnode must carry of the verdict; of KEYS, those that are absent here must go."""
    written = {
        names.WINDOW_CLOSED_AT: rfc3339(reclaim.closed_at) if reclaim.closed_at else None,
        names.LEASE_ENDS_AT: rfc3339(reclaim.ends_at) if reclaim.ends_at else None,
        names.RECLAIM_TERMS: terms_text(reclaim.terms) if reclaim.terms else None,
        **_written(reclaim.shrink),
    }
    return {key: text for key, text in written.items() if text is not None}


def recorded_as(now: datetime) -> datetime:
    """The instant that is written for what happens now: annotations hold whole seconds, and nothing is ever backdated."""
    return now if now.microsecond == 0 else now.replace(microsecond=0) + timedelta(seconds=1)


def terms_text(terms: Terms) -> str:
    """Terms as an annotation, like `grace=300,drain=60,force=true`; durations in seconds."""
    force = "true" if terms.force else "false"
    return f"grace={terms.grace // timedelta(seconds=1)},drain={terms.drain // timedelta(seconds=1)},force={force}"


def terms_from(text: str) -> Terms | None:
    """The inverse of `terms_text`; None for anything else."""
    found = _TERMS.fullmatch(text)
    if found is None:
        return None
    return Terms(
        timedelta(seconds=int(found["grace"])), timedelta(seconds=int(found["drain"])), found["force"] == "true"
    )


def _written(shrink: Shrink | None) -> dict[str, str | None]:
    if shrink is None:
        return {}
    return {
        names.SHRUNK_AT: rfc3339(shrink.since),
        names.SHRINK_ENDS_AT: rfc3339(shrink.ends_at) if shrink.ends_at else None,
        names.SHRINK_VICTIMS: ",".join(shrink.victims) or None,
    }


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def instant_from(text: str) -> datetime | None:
    """An RFC 3339 instant in UTC; None for anything else."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo and instant.year in _YEARS else None
