"""What a request to a kubelet asks for: path and query → Target, pure and strict.

Names of Kubernetes need no escapes, so a path that holds one, or an empty or dotted segment, is an attempt to be two things at once and is refused
instead of being cleaned up.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, urlencode

from proxier.errors import RouteError

Query = tuple[tuple[str, str], ...]

_MOST_FIELDS: Final = 4096  # of a query: a command line has one per argument
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_PATH: Final = re.compile(r"(/[A-Za-z0-9][-A-Za-z0-9._]*)+", re.ASCII)
_QUERY: Final = re.compile(r"[!-~]*", re.ASCII)
_STREAM_FLAGS: Final = {"input": "stdin", "output": "stdout", "error": "stderr", "tty": "tty"}
_LOG_OPTIONS: Final = (
    "follow",
    "limitBytes",
    "previous",
    "sinceSeconds",
    "sinceTime",
    "stream",
    "tailLines",
    "timestamps",
)


class Endpoint(StrEnum):
    """What of a kubelet is asked for; the value is the first segment of its path."""

    LOGS = "containerLogs"
    EXEC = "exec"
    ATTACH = "attach"
    PORT_FORWARD = "portForward"
    HEALTHZ = "healthz"

    @property
    def is_stream(self) -> bool:
        """Whether the connection is upgraded and carries bytes both ways."""
        return self in (Endpoint.EXEC, Endpoint.ATTACH, Endpoint.PORT_FORWARD)


@dataclass(frozen=True, slots=True)
class Target:
    """A request for one pod in the computing cluster's words, its query in the API's words; node-level endpoints name no pod."""

    endpoint: Endpoint
    namespace: str = ""
    pod: str = ""
    uid: str | None = None
    container: str | None = None
    query: Query = ()


def target_for(method: str, request_target: str) -> Target:
    """The target of a request line.

    Raises:
        RouteError: 400 for a path that plays tricks, 404 for one that kubelets do not have, 405 for a method that they do not take there.

    """
    path, _, query = request_target.partition("?")
    if path == "/":
        raise RouteError(404, "there is no / here")
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
        raise RouteError(400, "the path is none of a kubelet")
    first, *rest = path[1:].split("/")
    try:
        endpoint = Endpoint(first)
    except ValueError:
        raise RouteError(404, f"there is no /{first} here") from None
    if method not in _methods(endpoint):
        raise RouteError(405, f"{method} is not allowed on /{first}")
    return _SHAPES[endpoint](endpoint, rest, _fields(query))


def worker_path(target: Target, namespace: str, pod: str) -> str:
    """Path and query with which the worker's API server is asked for the same, on a pod of its own."""
    subresource = _SUBRESOURCES[target.endpoint]
    container = (("container", target.container),) if target.container else ()
    query = urlencode((*container, *target.query))
    return f"/api/v1/namespaces/{namespace}/pods/{pod}/{subresource}" + (f"?{query}" if query else "")


_SUBRESOURCES: Final[Mapping[Endpoint, str]] = {
    Endpoint.LOGS: "log",
    Endpoint.EXEC: "exec",
    Endpoint.ATTACH: "attach",
    Endpoint.PORT_FORWARD: "portforward",
}


def _methods(endpoint: Endpoint) -> tuple[str, ...]:
    return ("GET", "POST") if endpoint.is_stream else ("GET",)  # WebSocket is a GET, SPDY a POST


def _fields(query: str) -> Query:
    try:
        return tuple(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise RouteError(400, "the query cannot be read") from None


def _logs(endpoint: Endpoint, rest: Sequence[str], fields: Query) -> Target:
    namespace, pod, container = _names(rest, (3,))
    return Target(endpoint, namespace, pod, None, container, tuple(each for each in fields if each[0] in _LOG_OPTIONS))


def _streams(endpoint: Endpoint, rest: Sequence[str], fields: Query) -> Target:
    namespace, pod, *uid, container = _names(rest, (3, 4))
    flags = tuple((_STREAM_FLAGS[name], "true") for name, value in fields if name in _STREAM_FLAGS and value == "1")
    command = tuple(each for each in fields if each[0] == "command") if endpoint is Endpoint.EXEC else ()
    return Target(endpoint, namespace, pod, uid[0] if uid else None, container, flags + command)


def _port_forward(endpoint: Endpoint, rest: Sequence[str], fields: Query) -> Target:
    namespace, pod, *uid = _names(rest, (2, 3))
    ports = tuple(("ports", port) for name, value in fields if name == "port" for port in value.split(","))
    return Target(endpoint, namespace, pod, uid[0] if uid else None, None, ports)


def _of_node(endpoint: Endpoint, rest: Sequence[str], _fields: Query) -> Target:
    if rest:
        raise RouteError(404, f"there is nothing below /{endpoint.value}")
    return Target(endpoint)


def _names(rest: Sequence[str], counts: tuple[int, ...]) -> Sequence[str]:
    if len(rest) not in counts:
        raise RouteError(404, "the path names no namespace, pod and container")
    if not all(_NAME.fullmatch(name) for name in rest):
        raise RouteError(400, "the path holds something that is no name")
    return rest


_SHAPES: Final[Mapping[Endpoint, Callable[[Endpoint, Sequence[str], Query], Target]]] = {
    Endpoint.LOGS: _logs,
    Endpoint.EXEC: _streams,
    Endpoint.ATTACH: _streams,
    Endpoint.PORT_FORWARD: _port_forward,
    Endpoint.HEALTHZ: _of_node,
}
