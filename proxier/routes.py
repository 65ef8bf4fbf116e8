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
_STATS_OPTIONS: Final = ("only_cpu_and_memory",)
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
    """What of a kubelet is asked for: the first segment of a path to a pod, or the whole path of what is about the node."""

    LOGS = "containerLogs"
    EXEC = "exec"
    ATTACH = "attach"
    PORT_FORWARD = "portForward"
    RUN = "run"
    HEALTHZ = "healthz"
    PODS = "pods"
    RUNNING_PODS = "runningpods"
    METRICS = "metrics"
    METRICS_CADVISOR = "metrics/cadvisor"
    METRICS_PROBES = "metrics/probes"
    METRICS_RESOURCE = "metrics/resource"
    STATS_SUMMARY = "stats/summary"
    CONFIGZ = "configz"

    @property
    def is_stream(self) -> bool:
        """Whether the connection is upgraded and carries bytes both ways."""
        return self in (Endpoint.EXEC, Endpoint.ATTACH, Endpoint.PORT_FORWARD)

    @property
    def is_of_node(self) -> bool:
        """Whether the path names no pod."""
        return self in _OF_NODE


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
    if path in _NODE_PATHS and _QUERY.fullmatch(query):
        return _of_node(method, _NODE_PATHS[path], _fields(query))
    if path == "/":
        raise RouteError(404, "there is no / here")
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
        raise RouteError(400, "the path is none of a kubelet")
    first, *rest = path[1:].split("/")
    endpoint = next((each for each in _SHAPES if each.value == first), None)
    if endpoint is None:
        raise RouteError(404, f"there is no {path} here")
    _check_method(method, endpoint)
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
    Endpoint.RUN: "exec",
}


def _check_method(method: str, endpoint: Endpoint) -> None:
    taken = ("GET", "POST") if endpoint.is_stream else ("POST",) if endpoint is Endpoint.RUN else ("GET",)
    if method not in taken:  # of a stream, WebSocket is a GET and SPDY a POST
        raise RouteError(405, f"{method} is not allowed on /{endpoint.value}")


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


def _run(endpoint: Endpoint, rest: Sequence[str], fields: Query) -> Target:
    """The command is one text, cut at spaces as kubelets do it; what it writes is the answer."""
    namespace, pod, *uid, container = _names(rest, (3, 4))
    command = next((value for name, value in fields if name == "cmd"), "")
    query = (*(("command", word) for word in command.split(" ")), ("stdout", "true"), ("stderr", "true"))
    return Target(endpoint, namespace, pod, uid[0] if uid else None, container, query)


def _of_node(method: str, endpoint: Endpoint, fields: Query) -> Target:
    _check_method(method, endpoint)
    return Target(endpoint, query=tuple(each for each in fields if each[0] in _STATS_OPTIONS))


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
    Endpoint.RUN: _run,
}
_OF_NODE: Final = frozenset(Endpoint) - frozenset(_SHAPES)
_NODE_PATHS: Final[Mapping[str, Endpoint]] = {f"/{each.value}": each for each in _OF_NODE} | {
    "/healthz/log": Endpoint.HEALTHZ,
    "/healthz/ping": Endpoint.HEALTHZ,
    "/healthz/syncloop": Endpoint.HEALTHZ,
    "/runningpods/": Endpoint.RUNNING_PODS,  # as kubelets write it
}
