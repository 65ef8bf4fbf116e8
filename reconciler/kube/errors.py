"""Errors of the Kubernetes API, by what the caller should do.

KubeError
├── TransientError       try again later: network, 429, 5xx, timeouts  (`retry_after_seconds` is the server's hint)
├── RejectedError        the request is wrong or not allowed: 400, 401, 403, 405, 422; trying the same again is useless
│   └── ForbiddenError   401, 403: a permission or credential is missing
├── ConflictError        409: look again and decide anew
│   └── AlreadyExistsError
├── NotFoundError        404
└── GoneError            410: the resourceVersion is too old, list again
"""

from inventory.errors import OceanError


class KubeError(OceanError):
    """An API request that did not succeed.

    `status` is the HTTP status, 0 when there was no answer; `reason` is the Status object's reason. The text never holds request or response bodies of Secrets.
    """

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class TransientError(KubeError):
    """Try again later."""


class RejectedError(KubeError):
    """The same request will be refused again until something changes."""


class ForbiddenError(RejectedError):
    """A credential or permission is missing."""


class ConflictError(KubeError):
    """Somebody else wrote first: observe and decide anew."""


class AlreadyExistsError(ConflictError):
    """The name is taken; check whose it is."""


class NotFoundError(KubeError):
    """The object, or the resource itself, is not there."""


class GoneError(KubeError):
    """The resourceVersion is too old: list again."""
