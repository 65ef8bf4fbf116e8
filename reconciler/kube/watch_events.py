"""What a watch tells, one value per event."""

from enum import StrEnum
from typing import Generic

import msgspec

from reconciler.kube.errors import KubeError
from reconciler.kube.projections import P


class Cause(StrEnum):
    """Why a watch was interrupted."""

    ENDED = "ended"  # by the server, as agreed
    BROKEN = "broken"
    STALLED = "stalled"  # or only quiet; whether something is wrong shows when reconnecting
    EXPIRED = "expired"  # 410: a new list follows
    REFUSED = "refused"  # the server answered with an error
    UNREACHABLE = "unreachable"
    ASKED = "asked"  # by Control


class Listing(msgspec.Struct, frozen=True, gc=False):
    """A list begins; what an uncompleted one had shown does not count."""


class Page(msgspec.Struct, Generic[P], frozen=True, gc=False):
    """Up to 500 objects of the list; `unreadable` are keys of objects that exist but do not decode."""

    objects: tuple[P, ...]
    unreadable: tuple[str, ...] = ()


class Synced(msgspec.Struct, frozen=True, gc=False):
    """The list is complete: what it did not show is gone."""

    resource_version: str


class Following(msgspec.Struct, frozen=True, gc=False):
    """The server has accepted the watch."""


class Added(msgspec.Struct, Generic[P], frozen=True, gc=False):
    """An object was created, or has begun to match."""

    object: P


class Modified(msgspec.Struct, Generic[P], frozen=True, gc=False):
    """An object was changed."""

    object: P


class Deleted(msgspec.Struct, frozen=True, gc=False):
    """An object was deleted, or is not to be kept any more; perhaps it never was."""

    key: str
    resource_version: str


class Bookmark(msgspec.Struct, frozen=True, gc=False):
    """Everything up to this resourceVersion has been seen."""

    resource_version: str


class Interrupted(msgspec.Struct, frozen=True, gc=False):
    """The connection is gone; it goes on after `delay_seconds`. `error` is None where nothing was wrong."""

    cause: Cause
    error: KubeError | None
    delay_seconds: float


Occurrence = Added[P] | Modified[P] | Deleted | Bookmark
"""What one line of a watch tells."""

Event = Listing | Page[P] | Synced | Following | Occurrence[P] | Interrupted
"""What a watch tells."""
