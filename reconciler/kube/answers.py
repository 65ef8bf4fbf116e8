"""From an API server's answer to the error it means, without quoting what might be secret."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from reconciler.kube.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    GoneError,
    KubeError,
    NotFoundError,
    RejectedError,
    TransientError,
)

_TRANSIENT: Final = frozenset({408, 425, 429})
_NO_PERMISSION: Final = re.compile(r'\b(?:user|node) "', re.IGNORECASE)
_BY_CODE: Final[Mapping[int, type[KubeError]]] = {401: ForbiddenError, 404: NotFoundError}
_PLAIN: Final = frozenset({401, 404, 409, 410, 429})  # messages made of names only, never of what was sent


class _Cause(msgspec.Struct, gc=False):
    reason: str | None = None
    field: str | None = None


class _Details(msgspec.Struct, rename="camel"):
    causes: list[_Cause] | None = None
    retry_after_seconds: float | None = None


class Status(msgspec.Struct, rename="camel"):
    """The `Status` object that every refusal of an API server carries."""

    message: str | None = None
    reason: str | None = None
    code: int | None = None
    details: _Details | None = None


_status = msgspec.json.Decoder(Status)


def status_of(body: bytes | memoryview) -> Status:
    """The Status in a body; an empty one where a proxy or a crash answered with something else."""
    try:
        return _status.decode(body)
    except msgspec.DecodeError:
        return Status()


def error_for(call: str, code: int, body: bytes | memoryview, retry_after: str = "") -> KubeError:
    """The error that an answer other than 2xx means.

    `call` is the method and path, `code` the HTTP status, `retry_after` the header of that name. What the server says about a Secret is left out where it
    might quote the request.
    """
    status = status_of(body)
    kind = _class_for(code, status)
    return kind(
        f"{call}: {code} {_message_of(call, code, status, kind)}".rstrip(),
        status=code,
        reason=status.reason or "",
        retry_after_seconds=_hint_of(status, retry_after),
    )


def _class_for(code: int, status: Status) -> type[KubeError]:
    if code == HTTPStatus.GONE or "ResourceVersionTooLarge" in _cause_reasons(status):
        return GoneError
    if code in _TRANSIENT or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TransientError
    if code == HTTPStatus.CONFLICT:
        return AlreadyExistsError if status.reason == "AlreadyExists" else ConflictError
    if code == HTTPStatus.FORBIDDEN:
        return RejectedError if _is_admission(status) else ForbiddenError
    return _BY_CODE.get(code, RejectedError)


def _is_admission(status: Status) -> bool:
    """Whether a 403 is about the object (quota, limits, policy, a terminating namespace) and not about who asks.

    Authorizers write `… is forbidden: User "x" cannot …`, admission plugins `… is forbidden: exceeded quota …`.
    """
    _, forbidden, why = (status.message or "").partition(" is forbidden: ")
    webhook = "admission webhook" in (status.message or "")
    return webhook or (bool(forbidden) and _NO_PERMISSION.match(why) is None)


def _message_of(call: str, code: int, status: Status, kind: type[KubeError]) -> str:
    if "/secrets" not in call or code in _PLAIN or kind is ForbiddenError:
        return status.message or status.reason or ""
    fields = ", ".join(cause.field for cause in _causes(status) if cause.field)
    return f"{status.reason or ''} {fields}".strip()


def _hint_of(status: Status, retry_after: str) -> float | None:
    if retry_after.isdecimal():
        return float(retry_after)
    return status.details.retry_after_seconds if status.details else None


def _causes(status: Status) -> list[_Cause]:
    return (status.details.causes if status.details else None) or []


def _cause_reasons(status: Status) -> frozenset[str | None]:
    return frozenset(cause.reason for cause in _causes(status))
