"""Which ConfigMaps and Secrets a pod cannot start without, and what their content digests to."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oceanctl.sandbox.hollow.podspec import Container, KeyReference, Pod, Reference, Volume, VolumeContent
from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource


@dataclass(frozen=True, slots=True)
class Item:
    """One reference: some keys of an object, or all of them (`keys` None)."""

    resource: Resource
    name: str
    keys: tuple[str, ...] | None
    is_optional: bool

    @property
    def label(self) -> str:
        """`configmap "settings"`, as kubelets write it."""
        return f'{self.resource.kind.lower()} "{self.name}"'


@dataclass(frozen=True, slots=True)
class Digests:
    """What was read of one item: lines `Kind name/key sha256:…`."""

    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """What keeps a container from starting."""

    message: str


def items_of_volume(volume: Volume) -> tuple[Item, ...]:
    """The ConfigMaps and Secrets in one volume."""
    sources = volume.projected.sources if volume.projected else ()
    config_maps = [volume.config_map, *(source.config_map for source in sources)]
    secrets = [volume.secret, *(source.secret for source in sources)]
    return (
        *(_volume_item(CONFIGMAPS, content) for content in config_maps if content),
        *(_volume_item(SECRETS, content) for content in secrets if content),
    )


def items_of_environment(container: Container) -> tuple[Item, ...]:
    """The ConfigMaps and Secrets behind one container's variables."""
    return tuple(_environment_items(container))


def items_of_mounts(pod: Pod, container: Container) -> tuple[Item, ...]:
    """The ConfigMaps and Secrets that one container sees as files."""
    mounted = {mount.name for mount in container.volume_mounts}
    volumes = (volume for volume in pod.spec.volumes if volume.name in mounted)
    return tuple(item for volume in volumes for item in items_of_volume(volume))


def examine(item: Item, found: Mapping[str, Any] | None, namespace: str) -> Digests | Missing:
    """What `item` finds in the object `found` (None: there is none), decoded from the API's JSON."""
    if found is None:
        return Digests() if item.is_optional else Missing(f"{item.label} not found")
    content = _content_of(item.resource, found)
    wanted = sorted(content) if item.keys is None else item.keys
    absent = [key for key in wanted if key not in content]
    if absent and not item.is_optional:
        return Missing(f"couldn't find key {absent[0]} in {item.resource.kind} {namespace}/{item.name}")
    return Digests(tuple(_line(item, key, content[key]) for key in wanted if key in content))


def _volume_item(resource: Resource, content: VolumeContent) -> Item:
    keys = tuple(item.key for item in content.items) or None
    return Item(resource, content.secret_name or content.name, keys, content.optional)


def _environment_items(container: Container) -> Iterator[Item]:
    for variable in container.env:
        if source := variable.value_from:
            yield from _key_items(CONFIGMAPS, source.config_map_key_ref)
            yield from _key_items(SECRETS, source.secret_key_ref)
    for variables in container.env_from:
        yield from _whole_items(CONFIGMAPS, variables.config_map_ref)
        yield from _whole_items(SECRETS, variables.secret_ref)


def _key_items(resource: Resource, reference: KeyReference | None) -> Iterator[Item]:
    if reference:
        yield Item(resource, reference.name, (reference.key,), reference.optional)


def _whole_items(resource: Resource, reference: Reference | None) -> Iterator[Item]:
    if reference:
        yield Item(resource, reference.name, None, reference.optional)


def _content_of(resource: Resource, found: Mapping[str, Any]) -> dict[str, bytes]:
    plain, encoded = found.get("data") or {}, found.get("binaryData") or {}
    if resource is SECRETS:
        plain, encoded = {}, plain
    return {
        **{key: text.encode() for key, text in plain.items()},
        **{key: base64.b64decode(text) for key, text in encoded.items()},
    }


def _line(item: Item, key: str, content: bytes) -> str:
    return f"{item.resource.kind} {item.name}/{key} sha256:{hashlib.sha256(content).hexdigest()}"
