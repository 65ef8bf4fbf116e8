import base64
import hashlib
from typing import Any

import msgspec
import pytest

from oceanctl.sandbox.hollow.dependents import (
    Digests,
    Item,
    Missing,
    examine,
    items_of_environment,
    items_of_mounts,
    items_of_volume,
)
from oceanctl.sandbox.hollow.podspec import Volume
from reconciler.kube.resources import CONFIGMAPS, SECRETS
from tests.unit.oceanctl.sandbox.hollow.pods import container, pod


def _volume(**source: Any) -> Volume:
    return msgspec.convert({"name": "v", **source}, type=Volume)


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.parametrize(
    ("source", "items"),
    [
        ({"configMap": {"name": "m"}}, (Item(CONFIGMAPS, "m", None, is_optional=False),)),
        (
            {"configMap": {"name": "m", "items": [{"key": "a", "path": "x"}], "optional": True}},
            (Item(CONFIGMAPS, "m", ("a",), is_optional=True),),
        ),
        ({"secret": {"secretName": "s"}}, (Item(SECRETS, "s", None, is_optional=False),)),
        (
            {"projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "m"}}, {"downwardAPI": {}}]}},
            (Item(CONFIGMAPS, "m", None, is_optional=False), Item(SECRETS, "s", None, is_optional=False)),
        ),
        ({"emptyDir": {}}, ()),
    ],
    ids=["config map", "chosen keys", "secret", "projected", "scratch"],
)
def test_the_objects_in_a_volume(source: dict[str, Any], items: tuple[Item, ...]) -> None:
    assert items_of_volume(_volume(**source)) == items


def test_the_objects_behind_variables() -> None:
    variables = [
        {"name": "PLAIN", "value": "1"},
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "a", "optional": True}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "b"}}},
        {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    sources = [{"configMapRef": {"name": "all"}}, {"prefix": "X", "secretRef": {"name": "more", "optional": True}}]
    made = pod(container("c", env=variables, envFrom=sources))
    assert items_of_environment(made.spec.containers[0]) == (
        Item(CONFIGMAPS, "m", ("a",), is_optional=True),
        Item(SECRETS, "s", ("b",), is_optional=False),
        Item(CONFIGMAPS, "all", None, is_optional=False),
        Item(SECRETS, "more", None, is_optional=True),
    )


def test_a_container_sees_the_volumes_it_mounts() -> None:
    volumes = [{"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "secret": {"secretName": "t"}}]
    made = pod(container("c", volumeMounts=[{"name": "w", "mountPath": "/w"}]), volumes=volumes)
    assert [item.name for item in items_of_mounts(made, made.spec.containers[0])] == ["t"]


def test_every_key_of_an_object_has_a_digest() -> None:
    found = {"data": {"b": "two", "a": "one"}, "binaryData": {"c": base64.b64encode(b"\xff").decode()}}
    assert examine(Item(CONFIGMAPS, "m", None, is_optional=False), found, "default") == Digests(
        (
            f"ConfigMap m/a {_sha256(b'one')}",
            f"ConfigMap m/b {_sha256(b'two')}",
            f"ConfigMap m/c {_sha256(bytes([255]))}",
        )
    )


def test_a_secrets_digest_is_that_of_its_content() -> None:
    found = {"data": {"password": base64.b64encode(b"hunter2").decode()}}
    assert examine(Item(SECRETS, "s", ("password",), is_optional=False), found, "default") == Digests(
        (f"Secret s/password {_sha256(b'hunter2')}",)
    )


@pytest.mark.parametrize(
    ("found", "message"),
    [(None, 'secret "s" not found'), ({}, "couldn't find key a in Secret default/s")],
    ids=["no object", "no key"],
)
def test_what_is_required_and_missing_is_named(found: dict[str, Any] | None, message: str) -> None:
    assert examine(Item(SECRETS, "s", ("a",), is_optional=False), found, "default") == Missing(message)


@pytest.mark.parametrize("found", [None, {}], ids=["no object", "no key"])
def test_what_is_optional_may_be_missing(found: dict[str, Any] | None) -> None:
    assert examine(Item(SECRETS, "s", ("a",), is_optional=True), found, "default") == Digests()
