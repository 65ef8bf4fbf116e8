"""Metrics of a worker's kubelet, line by line: which ones a vnode shows, and under which names. Pure, over Prometheus' text format 0.0.4.

A line is about a pod when a label says so; it is shown when the pod is one of the vnode's, and dropped otherwise. A line about no pod is about the node or its
kubelet, and shown as it is, but for control groups of the owner's other processes and for counts of all pods of the node. What cannot be read is dropped.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from proxier.node.tenants import Tenant, Tenants

Labels = dict[str, str]

MOST_LINE_BYTES: Final = 1024 * 1024  # no metric has such a line; memory would grow with it
_LABEL: Final = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_OF_ALL_PODS: Final = re.compile(
    r"kubelet_(active|desired|mirror|orphaned|restarted|running|started|static|working)_(runtime_)?(container|pod)"
)
_POD: Final = ("pod", "pod_name")  # the second until Kubernetes 1.15
_UID: Final = ("pod_uid", "uid")
_PROVES_A_POD: Final = (*_POD, *_UID, "namespace", "container", "container_id", "persistentvolumeclaim")
_CONTROL_GROUP: Final = "id"
_ROOT: Final = "/"  # the control group of the whole machine


class LongLineError(ValueError):
    """A line that is none of a metric."""


class Rewriter:
    """Turns the chunks of a kubelet's metrics into those of a vnode's."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """The lines that are complete now and are shown.

        Raises:
            LongLineError: A line is longer than any metric's.

        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MOST_LINE_BYTES:
            raise LongLineError
        return b"".join(self._shown(lines))

    def end(self) -> bytes:
        """The last line, if it was not ended."""
        rest, self._rest = self._rest, b""
        return b"".join(self._shown([rest])) if rest else b""

    def _shown(self, lines: list[bytes]) -> Iterator[bytes]:
        for line in lines:
            text = shown(line.decode("utf-8", "surrogateescape"), self._tenants)
            if text is not None:
                yield text.encode("utf-8", "surrogateescape") + b"\n"


def shown(line: str, tenants: Tenants) -> str | None:
    """The line as a vnode shows it; None when it shows nothing of it."""
    if line.startswith("#") or not line:
        return line
    name, brace, rest = line.partition("{")
    if _OF_ALL_PODS.match(name):
        return None
    if not brace:
        return line
    labels, end = _labels_in(rest)
    if end is None:
        return None
    told = _told(labels, tenants)
    if told is None:
        return None
    pairs = ",".join(f'{key}="{value}"' for key, value in told.items())
    return f"{name}{{{pairs}}}{rest[end:]}"


def _labels_in(rest: str) -> tuple[Labels, int | None]:
    """The labels after an opening brace, and where the closing one ends; None when this is no list of labels."""
    labels: Labels = {}
    at = 0
    while (found := _LABEL.match(rest, at)) is not None:
        key, value = found.groups()
        if key in labels:
            return labels, None
        labels[key] = value
        at = found.end()
        if rest[at : at + 1] == ",":
            at += 1
    return labels, at + 1 if rest[at : at + 1] == "}" else None


def _told(labels: Labels, tenants: Tenants) -> Labels | None:
    if any(labels.get(key) for key in _PROVES_A_POD):
        tenant = tenants.find(labels.get("namespace", ""), _first(labels, _POD), _first(labels, _UID))
        return _renamed(labels, tenant) if tenant is not None else None
    if labels.get(_CONTROL_GROUP, _ROOT) != _ROOT:
        return None
    return {key: tenants.vnode if value == tenants.node else value for key, value in labels.items()}


def _first(labels: Labels, keys: tuple[str, ...]) -> str:
    return next((labels[key] for key in keys if labels.get(key)), "")


def _renamed(labels: Labels, tenant: Tenant) -> Labels:
    ours, theirs = tenant.computing, tenant.worker

    def group_of(value: str) -> str:  # systemd writes a UID with underscores
        value = value.replace(theirs.uid, ours.uid)
        return value.replace(theirs.uid.replace("-", "_"), ours.uid.replace("-", "_"))

    def container_of(value: str) -> str:  # Docker's: k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT
        spelled = f"_{theirs.name}_{theirs.namespace}_{theirs.uid}_"
        return value.replace(spelled, f"_{ours.name}_{ours.namespace}_{ours.uid}_")

    renamings: dict[str, Callable[[str], str]] = {
        "namespace": lambda _value: ours.namespace,
        _CONTROL_GROUP: group_of,
        "name": container_of,
        **dict.fromkeys(_POD, lambda _value: ours.name),
        **dict.fromkeys(_UID, lambda _value: ours.uid),
    }
    return {key: renamings[key](value) if value and key in renamings else value for key, value in labels.items()}
