"""From JSON to events: what is kept of an object, what is only known to be there, and what is none of our business."""

import logging
from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from reconciler.kube.answers import error_for, status_of
from reconciler.kube.errors import TransientError
from reconciler.kube.lines import identity_of, opened, opened_with_care
from reconciler.kube.projections import Decode, P
from reconciler.kube.transport import BROKEN
from reconciler.kube.watch_events import Added, Bookmark, Deleted, Modified, Occurrence, Page

log = logging.getLogger(__name__)


def page_of(items: Sequence[msgspec.Raw], decode: Decode[P], resource: str) -> Page[P]:
    """The objects of one slice of a list; `resource` is for the log."""
    kept: list[P] = []
    unreadable: list[str] = []
    for item in items:
        raw = memoryview(item)
        try:
            found = decode(raw)
        except msgspec.DecodeError as problem:
            unreadable.append(_unreadable(raw, problem, resource)[0])
            continue
        if found is not None:
            kept.append(found)
    return Page(tuple(kept), tuple(unreadable))


def event_of(line: bytes, decode: Decode[P], resource: str) -> Occurrence[P] | None:
    """What a line tells; None for a kind of event that is not known. An ERROR event is raised as the KubeError it means."""
    try:
        return _decoded(*opened(line), decode, resource)
    except msgspec.DecodeError:
        kind, raw = opened_with_care(line)
    try:
        return _decoded(kind, raw, decode, resource)
    except msgspec.DecodeError as problem:
        return Bookmark(_unreadable(raw, problem, resource)[1])


def _decoded(kind: str, raw: memoryview, decode: Decode[P], resource: str) -> Occurrence[P] | None:
    match kind:
        case "ADDED" | "MODIFIED":
            found = decode(raw)
            if found is None:
                return Deleted(*identity_of(raw))
            return Added(found) if kind == "ADDED" else Modified(found)
        case "DELETED":
            return Deleted(*identity_of(raw))
        case "BOOKMARK":
            return Bookmark(identity_of(raw)[1])
        case "ERROR":
            status = status_of(raw)
            raise error_for(f"watch {resource}", status.code or HTTPStatus.INTERNAL_SERVER_ERROR, raw)
        case _:
            log.warning("a watch brought an unknown kind of event", extra={"resource": resource, "event": kind})
            return None


def _unreadable(raw: memoryview, problem: msgspec.DecodeError, resource: str) -> tuple[str, str]:
    """Key and resourceVersion of an object that exists, but not as its projection says it should be."""
    try:
        key, version = identity_of(raw)
    except msgspec.DecodeError as error:
        raise TransientError(f"watch {resource}: an object without metadata", reason=BROKEN) from error
    log.warning(
        "an object cannot be read; what was known of it is kept",
        extra={"resource": resource, "key": key, "error": str(problem)},
    )
    return key, version
