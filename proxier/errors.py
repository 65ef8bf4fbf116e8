"""Refusals: every way in which a request ends without the worker's own answer.

RefusalError         `status` and the text are the answer, and the connection ends with it
├── HeadError        400, 408, 431: the head is none, or ambiguous
├── RouteError       400, 404, 405: kubelets have no such thing, or this vnode has no such pod
├── DeniedError      401, 403; 503 when nobody could say
├── BusyError        429: too many streams of this user or vnode
├── GoneError        499, in the log only: whoever asked did not wait for the answer
└── UpstreamError    502, 504: the worker did not answer
"""


class RefusalError(Exception):
    """The request is refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HeadError(RefusalError):
    """This is no request, or could be read as two."""


class RouteError(RefusalError):
    """There is no such thing here."""


class DeniedError(RefusalError):
    """Nobody knows who asks, or it is not allowed."""


class BusyError(RefusalError):
    """Too much at once."""


class GoneError(RefusalError):
    """Nobody waits for the answer any more."""


class UpstreamError(RefusalError):
    """The worker gave no answer that can be passed on."""
