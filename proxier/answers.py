"""Answers of our own, and the worker's refusals in the words of the computing cluster."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from proxier.heads import Headers, rendered

_REASONS: Final[Mapping[int, str]] = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    429: "TooManyRequests",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class _Status(msgspec.Struct):
    message: str = ""


def text_answer(status: int, text: str, headers: Headers = ()) -> bytes:
    """A plain text, as kubelets answer; the connection ends with it."""
    return _answer(status, ((b"content-type", b"text/plain; charset=utf-8"), *headers), text.encode() + b"\n")


def content_answer(media_type: str, content: bytes) -> bytes:
    """Content as it is."""
    return _answer(200, ((b"content-type", media_type.encode()),), content)


def status_answer(status: int, message: str) -> bytes:
    """A Status object, for what is wrong beyond the request itself."""
    content = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(status, "InternalError"),
        "code": status,
    }
    return _answer(status, ((b"content-type", b"application/json"),), json.dumps(content).encode())


def phrase(status: int) -> str:
    """The words that go with a status, also with one that Python does not know."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def refusal_text(body: bytes, renamed: Mapping[str, str]) -> str:
    """What a worker's refusal says, as text, with the names of its pods replaced by those that the client knows."""
    try:
        text = msgspec.json.decode(body, type=_Status).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body.decode("utf-8", "replace")
    for theirs, ours in renamed.items():
        text = text.replace(theirs, ours)
    return text.strip()


def _answer(status: int, headers: Headers, body: bytes) -> bytes:
    hint = ((b"retry-after", b"1"),) if status == HTTPStatus.TOO_MANY_REQUESTS else ()
    framing = ((b"content-length", b"%d" % len(body)), (b"connection", b"close"))
    return rendered(status, phrase(status).encode(), (*headers, *hint, *framing)) + body
