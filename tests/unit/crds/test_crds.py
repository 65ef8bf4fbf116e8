"""The CRDs against the tables that validate inventories: one API, written down twice."""

from collections.abc import Iterator, Mapping
from typing import Any, assert_never

import pytest

import crds
from inventory import kinds, names
from inventory.fields import Amount, Block, Flag, ListOf, MapOf, Text, Type, Whole
from inventory.manifests import binding_from, policy_from

Schema = dict[str, Any]


def definition(kind: str) -> Mapping[str, Any]:
    (found,) = (each for each in crds.load() if each["spec"]["names"]["kind"] == kind)
    return found


def version(kind: str) -> Schema:
    only: Schema
    (only,) = definition(kind)["spec"]["versions"]
    return only


def schema(kind: str) -> Schema:
    properties: Schema = version(kind)["schema"]["openAPIV3Schema"]["properties"]
    return properties


def differences(type_: Type, declared: Schema, path: str) -> Iterator[str]:
    """Where a table and a CRD do not say the same."""
    expected = _expected(type_)
    seen = {key: declared.get(key) for key in expected}
    if seen != expected:
        yield f"{path}: {seen} is not {expected}"
    match type_:
        case Block():
            yield from _block_differences(type_, declared, path)
        case ListOf():
            yield from differences(type_.item, declared["items"], f"{path}[]")
        case Text() | Flag() | Whole() | Amount() | MapOf():
            return
        case _:
            assert_never(type_)


def _block_differences(block: Block, declared: Schema, path: str) -> Iterator[str]:
    properties = declared["properties"]
    if set(properties) != set(block.fields):
        yield f"{path}: {sorted(set(properties) ^ set(block.fields))} stand on one side only"
    required = {key for key, known in block.fields.items() if known.required}
    if set(declared.get("required", ())) != required:
        yield f"{path}: required are {sorted(required)}"
    for key in set(properties) & set(block.fields):
        yield from differences(block.fields[key].type, properties[key], f"{path}.{key}")


def _expected(type_: Type) -> dict[str, object]:
    match type_:
        case Text():
            return {
                "type": "string",
                "pattern": type_.pattern,
                "maxLength": type_.max_length,
                "enum": list(type_.choices) or None,
            }
        case Flag():
            return {"type": "boolean"}
        case Whole():
            return {"type": "integer", "format": "int32", "minimum": type_.minimum, "maximum": type_.maximum}
        case Amount():
            return {"x-kubernetes-int-or-string": True, "minimum": 0, "type": None}
        case ListOf():
            return {"type": "array", "maxItems": type_.max_items}
        case Block() | MapOf():
            return {"type": "object"}
        case _:
            assert_never(type_)


def blocks(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        yield path, node
        for key, child in node.items():
            yield from blocks(child, (*path, key))


@pytest.mark.parametrize("kind", kinds.KINDS.values(), ids=lambda kind: kind.name)
def test_a_crd_and_the_table_of_its_kind_say_the_same(kind: kinds.Kind) -> None:
    assert list(differences(kind.spec, schema(kind.name)["spec"], "spec")) == []


@pytest.mark.parametrize("kind", kinds.KINDS.values(), ids=lambda kind: kind.name)
def test_a_table_that_says_more_than_its_crd_is_found_out(kind: kinds.Kind) -> None:
    wider = Block({**kind.spec.fields, "novelty": next(iter(kind.spec.fields.values()))}, dict)

    assert any("novelty" in difference for difference in differences(wider, schema(kind.name)["spec"], "spec"))


def test_defaults_of_the_binding_are_those_of_the_model() -> None:
    spec = {"clusterID": "w", "secretRef": {"name": "s", "namespace": "n"}, "mountNamespace": "m"}

    assert binding_from(live(spec | defaults_of("ClusterBinding"))) == binding_from(live(spec))


def test_defaults_of_the_policy_are_those_of_the_model() -> None:
    assert policy_from(live({"cluster": "w"} | defaults_of("ResourceLeasingPolicy"))) == policy_from(
        live({"cluster": "w"})
    )


def live(spec: Mapping[str, object]) -> dict[str, object]:
    return {"metadata": {"name": "x"}, "spec": spec}


def defaults_of(kind: str) -> dict[str, object]:
    fields = schema(kind)["spec"]["properties"].items()
    found = {key: field["default"] for key, field in fields if "default" in field}
    assert found
    return found


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("ClusterBinding", {("clusterID", "self == oldSelf"), ("mountNamespace", "self == oldSelf")}),
        (
            "ResourceLeasingPolicy",
            {("resourceLimits", "self.all(limit, self.exists_one(other, other.resource == limit.resource))")},
        ),
    ],
)
def test_what_a_schema_cannot_say_is_a_rule(kind: str, rules: set[tuple[str, str]]) -> None:
    found = {
        (path[-1], rule["rule"])
        for path, block in blocks(schema(kind))
        for rule in block.get("x-kubernetes-validations", ())
    }

    assert found == rules


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_crd_is_cluster_scoped_and_prunes_what_it_does_not_know(kind: str) -> None:
    spec = definition(kind)["spec"]

    assert (spec["group"], version(kind)["name"]) == (names.GROUP, names.VERSION)
    assert (spec["scope"], spec["preserveUnknownFields"]) == ("Cluster", False)
    assert version(kind)["subresources"] == {"status": {}}


@pytest.mark.parametrize("file", crds.FILES)
def test_a_crd_is_readable_as_package_data(file: str) -> None:
    assert crds.text(file).startswith("# One ")
