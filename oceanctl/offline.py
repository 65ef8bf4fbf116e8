"""Nodes and pods as `kubectl get -o yaml` or `-o json` prints them, for commands that need no cluster.

A file may hold lists, single objects and several documents; objects of other kinds are passed over. It is read as kubectl writes it, in YAML 1.1.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from inventory.codes import Code
from inventory.errors import InvalidValueError, Problem
from inventory.model import Binding
from inventory.quantity import parse
from oceanctl.errors import InvalidFilesError
from oceanctl.manifests import Document, FlawError, Object, documents_of, objects_in
from reconciler import names
from reconciler.bottomup.load import LoadBook, foreign_pod_for
from reconciler.kube.projections import Node, Pod
from reconciler.marks import virtual_pod_key

_KindT = TypeVar("_KindT", Node, Pod)

_BYTE_ORDER_MARK: Final = "\ufeff"


def nodes_from(path: Path) -> tuple[Node, ...]:
    """The nodes that a file holds, in its order.

    Raises InvalidFilesError with every problem; OSError when there is no reading it.
    """
    return _read(path, Node)


def pods_from(path: Path) -> tuple[Pod, ...]:
    """The pods that a file holds, in its order; raises as `nodes_from`."""
    return _read(path, Pod)


def is_ours(pod: Pod, binding: Binding) -> bool:
    """Whether a worker's pod stands for one of the computing cluster.

    Files do not tell the UIDs that decide in a cluster, so our label and the binding's own namespace have to do.
    """
    metadata = pod.metadata
    is_marked = metadata.labels.get(names.MANAGED_BY) == names.MANAGED_BY_VALUE
    return is_marked and metadata.namespace == binding.mount_namespace and virtual_pod_key(metadata) is not None


def load_of(pods: Iterable[Pod], binding: Binding) -> LoadBook:
    """What the worker's own pods request, by node."""
    book = LoadBook()
    for pod in pods:
        if not is_ours(pod, binding):
            book.apply(None, foreign_pod_for(pod))
    return book


def _read(path: Path, kind: type[_KindT]) -> tuple[_KindT, ...]:
    reading = _Reading(path)
    found = list(reading.decoded(kind))
    if reading.problems:
        raise InvalidFilesError(reading.problems)
    return tuple(found)


class _Reading:
    """One pass over one file; `problems` are complete when everything was asked for."""

    def __init__(self, path: Path) -> None:
        self.problems: list[Problem] = []
        self._path = path
        self._first: dict[str, Object] = {}

    def decoded(self, kind: type[_KindT]) -> Iterator[_KindT]:
        """Every object of a kind that is what it should be."""
        others: set[str] = set()
        count = 0
        try:
            for found in self._objects():
                if found.kind != kind.__name__:
                    others.add(found.kind)
                    continue
                count += 1
                yield from self._decode(found, kind)
        except FlawError as flaw:
            self.problems.append(flaw.problem)
        if others and not count and not self.problems:
            held = ", ".join(sorted(others))
            self.problems.append(_problem_without(self._path, f"no {kind.__name__} in this file; it holds {held}"))

    def _objects(self) -> Iterator[Object]:
        data = self._path.read_bytes()
        try:
            text = data.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
        except UnicodeDecodeError as error:
            raise FlawError(_problem_without(self._path, "not UTF-8", Code.ENCODING)) from error
        if not text.strip():
            raise FlawError(_problem_without(self._path, "the file is empty", Code.MISSING))
        for document in documents_of(str(self._path), text):
            yield from objects_in(document)

    def _decode(self, found: Object, kind: type[_KindT]) -> Iterator[_KindT]:
        try:
            decoded: _KindT = msgspec.convert(found.data, kind)
        except msgspec.ValidationError as error:
            self.problems.append(found.problem_from(error))
            return
        flaws = [*_flaws(found), *self._duplicates(found, decoded.metadata.key)]
        self.problems.extend(flaws)
        if not flaws:
            yield decoded

    def _duplicates(self, found: Object, key: str) -> Iterator[Problem]:
        """Two clusters in one file, most likely; taking both would count everything twice."""
        first = self._first.setdefault(key, found)
        if first is not found:
            message = f"{found.kind} '{key}' is in this file twice"
            yield found.problem(Code.DUPLICATE_ENTRY, message, ("metadata", "name"), related=(first.position(),))


def _flaws(found: Object) -> Iterator[Problem]:
    """Quantities that are none: they are texts in a projection and read only when somebody adds them up."""
    for path, amounts in _amounts(found.data):
        for resource, text in amounts.items():
            try:
                parse(text)
            except InvalidValueError as error:
                yield found.problem(Code.INVALID_VALUE, error.message, (*path, resource), hint=error.hint)


def _amounts(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Every map of quantities that counts, with its path; the shapes are known to be right."""
    spec, status = data.get("spec") or {}, data.get("status") or {}
    yield ("status", "allocatable"), status.get("allocatable") or {}
    yield ("status", "capacity"), status.get("capacity") or {}
    yield ("spec", "overhead"), spec.get("overhead") or {}
    yield ("spec", "resources", "requests"), _requests(spec)
    yield ("status", "resources", "requests"), _requests(status)
    yield ("status", "allocatedResources"), status.get("allocatedResources") or {}
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield ("spec", field, index, "resources", "requests"), _requests(container)
    for field in ("containerStatuses", "initContainerStatuses"):
        for index, container in enumerate(status.get(field) or ()):
            yield ("status", field, index, "resources", "requests"), _requests(container)
            yield ("status", field, index, "allocatedResources"), container.get("allocatedResources") or {}


def _requests(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    return (holder.get("resources") or {}).get("requests") or {}


def _problem_without(path: Path, message: str, code: Code = Code.UNKNOWN_KIND) -> Problem:
    return Document.empty(str(path)).problem(code, message)
