"""Between the model and custom resources: what a live object means, and the manifest that says what a model object says."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any, assert_never

from inventory import kinds, names
from inventory.errors import InvalidInventoryError, Position, Problem, Severity
from inventory.fields import Amount, Block, Flag, ListOf, MapOf, Text, Type, Whole, shown
from inventory.model import Binding, NodeSelector, Policy
from inventory.quantity import canonical
from inventory.schema import Finding, Reader, Unknown

Manifest = Mapping[str, Any]
"""A Kubernetes object as JSON; never mutated."""


def binding_from(manifest: Manifest) -> Binding:
    """The binding that a live ClusterBinding means. Keys that this version does not know are passed over.

    Raises InvalidInventoryError with every problem of the spec; the texts name the fields.
    """
    name, spec = _name_and_spec(manifest)
    return binding_of(name, spec)


def policy_from(manifest: Manifest) -> Policy:
    """The policy that a live ResourceLeasingPolicy means; as `binding_from`."""
    name, spec = _name_and_spec(manifest)
    created = manifest["metadata"].get("creationTimestamp")
    return policy_of(name, spec, datetime.fromisoformat(created).astimezone(UTC) if created else None)


def binding_of(name: str, spec: Manifest) -> Binding:
    """As `binding_from`, for a name and a spec."""
    return Binding(name=name, **_read(kinds.BINDING, name, spec))


def policy_of(name: str, spec: Manifest, created_at: datetime | None = None) -> Policy:
    """As `policy_from`, for a name, a spec and the instant of creation."""
    return Policy(name=name, created_at=created_at, **_read(kinds.POLICY, name, spec))


def selector_of(spec: Manifest) -> NodeSelector | None:
    """The selector of a spec whose other fields may be invalid; None, which is every node, when it cannot be read itself.

    So a policy that failed still vetoes the nodes it was meant for, and all of them if nobody can tell.
    """
    reader = Reader(Unknown.TOLERATED)
    selector = reader.read(kinds.NODE_SELECTOR, spec["nodeSelector"]) if "nodeSelector" in spec else None
    return selector if reader.is_valid() else None


def declared_manifest(written: Manifest) -> dict[str, Any]:
    """What a valid file wants of the cluster, field by field as it is written, without the keys that have no effect."""
    metadata = {key: value for key, value in written["metadata"].items() if key in kinds.METADATA.fields}
    return {
        "apiVersion": written["apiVersion"],
        "kind": written["kind"],
        "metadata": metadata,
        "spec": written["spec"],
    }


def manifest_for(value: Binding | Policy) -> dict[str, Any]:
    """A manifest that says no more than the object: fields that have their default are left out."""
    kind = kinds.BINDING if isinstance(value, Binding) else kinds.POLICY
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind.name,
        "metadata": {"name": value.name},
        "spec": _written_block(kind.spec, value),
    }


def _name_and_spec(manifest: Manifest) -> tuple[str, Manifest]:
    spec = manifest.get("spec")
    return manifest["metadata"]["name"], {} if spec is None else spec


def _read(kind: kinds.Kind, name: str, spec: Manifest) -> dict[str, Any]:
    reader = Reader(Unknown.TOLERATED)
    arguments: dict[str, Any] = reader.read(kind.spec, spec, ("spec",))
    if not reader.is_valid():
        errors = (finding for finding in reader.findings if finding.severity is Severity.ERROR)
        raise InvalidInventoryError([_problem(finding, f"{kind.name}/{name}") for finding in errors])
    return arguments


def _written_block(block: Block, value: Any) -> dict[str, Any]:
    defaults = {each.name: each.default for each in fields(value) if each.default is not MISSING}
    given = ((key, known, getattr(value, known.attribute)) for key, known in block.fields.items())
    return {
        key: _written(known.type, held)
        for key, known, held in given
        if known.required or held != defaults[known.attribute]
    }


def _written(type_: Type, value: Any) -> Any:
    match type_:
        case Text() | Whole():
            return type_.show(value)
        case Amount():
            return canonical("", value)
        case ListOf():
            return [_written(type_.item, item) for item in (sorted(value) if isinstance(value, frozenset) else value)]
        case Block():
            return _written_block(type_, value)
        case Flag() | MapOf():
            return value
        case _:
            assert_never(type_)


def _problem(finding: Finding, live_object: str) -> Problem:
    return Problem(
        finding.code,
        f"{shown(finding.path)}: {finding.message}",
        Position(live_object),
        finding.severity,
        finding.hint,
    )
