"""Counting requests where they arrive: the API server's own audit log."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITE_VERBS = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True)
class Request:
    """One finished request."""

    verb: str
    user: str
    resource: str
    subresource: str
    namespace: str
    name: str
    status: int
    user_agent: str
    uri: str

    @property
    def is_write(self) -> bool:
        return self.verb in WRITE_VERBS

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Request":
        target = event.get("objectRef", {})
        return cls(
            verb=event["verb"],
            user=event["user"]["username"],
            resource=target.get("resource", ""),
            subresource=target.get("subresource", ""),
            namespace=target.get("namespace", ""),
            name=target.get("name", ""),
            status=event.get("responseStatus", {}).get("code", 0),
            user_agent=event.get("userAgent", ""),
            uri=event["requestURI"],
        )


class AuditLog:
    """Reads what was appended since the mark; a new one starts at the log's present end.

    Watches and other long requests appear when they end, everything else when it is answered.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = file.stat().st_size

    def mark(self) -> None:
        """Forget everything up to now."""
        self._offset = self._file.stat().st_size

    def requests(self) -> list[Request]:
        """All requests that ended since the mark; the mark stays."""
        return [Request.of(event) for event in self._events() if event["stage"] == "ResponseComplete"]

    def writes(self, *, by: str = "") -> list[Request]:
        """The write requests among them, of users whose name starts with `by`."""
        return [request for request in self.requests() if request.is_write and request.user.startswith(by)]

    def _events(self) -> Iterator[dict[str, Any]]:
        with self._file.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if line.endswith(b"\n"):  # the last one may be half written
                    yield json.loads(line)
