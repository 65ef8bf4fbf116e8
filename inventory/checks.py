"""What the tables of kinds.py cannot say by shape alone: texts that mean something, and fields that depend on each other."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from inventory import names
from inventory.codes import Code
from inventory.errors import InvalidValueError, Severity
from inventory.fields import Complaint
from inventory.model import Limit, NodeSelector, Requirement, SelectorTerm
from inventory.selectors import expression_flaw, field_flaw
from inventory.windows import longest_opening, parse_days, zone_for
from inventory.words import meant

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NATIVE: Final = ("cpu", "memory", "ephemeral-storage", "pods")  # resources of a node without a domain of their own
_NATIVE_FAMILIES: Final = ("hugepages-", "attachable-volumes-")


def instant(text: str) -> datetime:
    """The instant that an RFC 3339 text names, in aware UTC."""
    hint = "write an instant with its zone, like 2026-12-31T18:00:00Z"
    if _RFC3339.fullmatch(text) is None:
        raise InvalidValueError(text, "is not an RFC 3339 instant", hint)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValueError(text, "is not an instant of the calendar", hint) from error


def rfc3339(moment: datetime) -> str:
    """The inverse of `instant`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seconds(count: int) -> timedelta:
    """A duration from a field whose name ends in `Seconds`."""
    return timedelta(seconds=count)


def whole_seconds(duration: timedelta) -> int:
    """The inverse of `seconds`."""
    return duration // timedelta(seconds=1)


def zone_name(text: str) -> str:
    """The name of a zone, as it is, once it is known to exist."""
    zone_for(text)
    return text


def day(text: str) -> int:
    """The number of one weekday, Monday = 0."""
    (number,) = parse_days((text,))
    return number


def check_expression(requirement: Requirement) -> Iterator[Complaint]:
    """A requirement on labels that Kubernetes would not accept would make its term match nothing."""
    flaw = expression_flaw(requirement)
    if flaw is not None:
        yield Complaint(flaw)


def check_field(requirement: Requirement) -> Iterator[Complaint]:
    """As `check_expression`, for a requirement on fields."""
    flaw = field_flaw(requirement)
    if flaw is not None:
        yield Complaint(flaw)


def check_term(term: SelectorTerm) -> Iterator[Complaint]:
    """An empty term is legal and matches nothing, which is rarely meant."""
    if not term.expressions and not term.fields:
        yield _idle("a term without requirements matches no node", "remove the term, or say what it matches")


def check_selector(selector: NodeSelector) -> Iterator[Complaint]:
    """A selector without terms matches every node here, unlike in a pod's affinity."""
    if not selector.terms:
        yield _idle("a selector without terms matches every node", "leave nodeSelector out to say so")


def check_limit(limit: Limit) -> Iterator[Complaint]:
    """A limit should limit something that nodes have."""
    if limit.quantity is None and limit.percent is None:
        yield _idle(f"the limit of {limit.resource} limits nothing", "give it a quantity, a percent, or both")
    if "/" not in limit.resource and not limit.resource.startswith(_NATIVE_FAMILIES) and limit.resource not in _NATIVE:
        hint = meant(limit.resource, _NATIVE) or "devices have a domain, like nvidia.com/gpu"
        yield _idle(f"no node has a resource '{limit.resource}'", hint, "resource")


def check_policy(spec: Mapping[str, Any]) -> Iterator[Complaint]:
    """A policy that closes should take new pods before the notice of its close begins."""
    longest = longest_opening(spec.get("windows", ()))
    if longest is not None and spec.get("notice", timedelta()) >= longest:
        message = "a notice as long as the longest window leaves no time in which new pods are taken"
        yield _idle(message, f"make it shorter than {whole_seconds(longest)} s", "noticeSeconds")


def check_binding(spec: Mapping[str, Any]) -> Iterator[Complaint]:
    """What is mirrored never mixes with the worker's own machinery."""
    if spec["mount_namespace"].startswith("kube-"):
        hint = "use a namespace of its own, like kubeocean-worker"
        yield Complaint("namespaces that begin with 'kube-' belong to Kubernetes", hint, ("mountNamespace",))


def check_metadata(metadata: Mapping[str, Any]) -> Iterator[Complaint]:
    """Marks that the inventory sets itself, and marks whose value would do nothing."""
    if names.INVENTORY_ID in metadata.get("labels", {}):
        hint = "remove it: apply adds it with the id of ocean.yaml"
        yield Complaint(f"the label {names.INVENTORY_ID} is the inventory's own", hint, ("labels", names.INVENTORY_ID))
    prune = metadata.get("annotations", {}).get(names.PRUNE, names.PRUNE_DISABLED)
    if prune != names.PRUNE_DISABLED:
        message = f"{names.PRUNE}: {prune!r} means nothing"
        yield _idle(message, f"write {names.PRUNE_DISABLED}, or remove it", "annotations", names.PRUNE)


def _idle(message: str, hint: str, *path: str) -> Complaint:
    return Complaint(message, hint, path, Code.NO_EFFECT, Severity.WARNING)
