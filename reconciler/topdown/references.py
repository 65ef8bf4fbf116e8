"""Which ConfigMaps and Secrets a pod names, decoded straight from its bytes: this feeds a cache index, so it must be quick."""

from collections.abc import Iterator
from typing import Any

import msgspec

from reconciler import names
from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource
from reconciler.topdown.view import Reference

Mention = tuple[Resource, str, bool]


class _Wire(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Base of the fragments below: everything else of a pod is skipped while decoding."""


class _Named(_Wire, frozen=True):
    name: str | None = None
    optional: bool | None = None


class _SecretVolume(_Wire, frozen=True):
    secret_name: str | None = None
    optional: bool | None = None


class _Holder(_Wire, frozen=True):
    """A volume plugin with a reference to a Secret; drivers name the field in one of two ways."""

    secret_ref: _Named | None = None
    node_publish_secret_ref: _Named | None = None


class _Source(_Wire, frozen=True):
    config_map: _Named | None = None
    secret: _Named | None = None
    service_account_token: dict[str, Any] | None = None


class _Projected(_Wire, frozen=True):
    sources: tuple[_Source, ...] | None = None


class _Volume(_Wire, frozen=True):
    name: str = ""
    config_map: _Named | None = None
    secret: _SecretVolume | None = None
    azure_file: _SecretVolume | None = None
    projected: _Projected | None = None
    cephfs: _Holder | None = None
    cinder: _Holder | None = None
    csi: _Holder | None = None
    flex_volume: _Holder | None = None
    iscsi: _Holder | None = None
    rbd: _Holder | None = None
    scale_io: _Holder | None = msgspec.field(default=None, name="scaleIO")
    storageos: _Holder | None = None

    @property
    def holders(self) -> Iterator[_Holder]:
        plugins = (
            self.cephfs,
            self.cinder,
            self.csi,
            self.flex_volume,
            self.iscsi,
            self.rbd,
            self.scale_io,
            self.storageos,
        )
        return (plugin for plugin in plugins if plugin is not None)


class _ValueFrom(_Wire, frozen=True):
    config_map_key_ref: _Named | None = None
    secret_key_ref: _Named | None = None


class _Variable(_Wire, frozen=True):
    value_from: _ValueFrom | None = None


class _Variables(_Wire, frozen=True):
    config_map_ref: _Named | None = None
    secret_ref: _Named | None = None


class _Container(_Wire, frozen=True):
    env: tuple[_Variable, ...] | None = None
    env_from: tuple[_Variables, ...] | None = None


class _Spec(_Wire, frozen=True):
    volumes: tuple[_Volume, ...] | None = None
    containers: tuple[_Container, ...] | None = None
    init_containers: tuple[_Container, ...] | None = None
    ephemeral_containers: tuple[_Container, ...] | None = None
    image_pull_secrets: tuple[_Named, ...] | None = None


class _Pod(_Wire, frozen=True):
    spec: _Spec = _Spec()


_POD = msgspec.json.Decoder(_Pod)


def references_of(raw_pod: bytes) -> tuple[Reference, ...]:
    """Every ConfigMap and Secret that a pod (JSON) names, once each, in a fixed order; optional only if every mention is."""
    optional: dict[tuple[Resource, str], bool] = {}
    for resource, name, is_optional in _mentions(_POD.decode(raw_pod).spec):
        if name:
            optional[resource, name] = optional.get((resource, name), True) and is_optional
    found = sorted(optional.items(), key=lambda item: (item[0][0].kind, item[0][1]))
    return tuple(Reference(resource, name, is_optional) for (resource, name), is_optional in found)


def _mentions(spec: _Spec) -> Iterator[Mention]:
    for volume in spec.volumes or ():
        yield from _of_volume(volume)
    for containers in (spec.containers, spec.init_containers, spec.ephemeral_containers):
        for container in containers or ():
            yield from _of_container(container)
    for pull_secret in spec.image_pull_secrets or ():
        yield SECRETS, pull_secret.name or "", True  # a kubelet without it pulls anonymously


def _of_volume(volume: _Volume) -> Iterator[Mention]:
    yield from _named(CONFIGMAPS, volume.config_map)
    for mount in (volume.secret, volume.azure_file):
        if mount is not None:
            yield SECRETS, mount.secret_name or "", bool(mount.optional)
    for plugin in volume.holders:
        yield from _named(SECRETS, plugin.secret_ref)
        yield from _named(SECRETS, plugin.node_publish_secret_ref)
    if volume.projected is not None:
        yield from _of_projection(volume.name, volume.projected.sources or ())


def _of_projection(volume_name: str, sources: tuple[_Source, ...]) -> Iterator[Mention]:
    has_token = any(source.service_account_token is not None for source in sources)
    if has_token and volume_name.startswith(names.API_ACCESS_VOLUME_PREFIX):
        return  # becomes an empty mount, see credentials.py
    for source in sources:
        yield from _named(CONFIGMAPS, source.config_map)
        yield from _named(SECRETS, source.secret)


def _of_container(container: _Container) -> Iterator[Mention]:
    for variable in container.env or ():
        if variable.value_from is not None:
            yield from _named(CONFIGMAPS, variable.value_from.config_map_key_ref)
            yield from _named(SECRETS, variable.value_from.secret_key_ref)
    for variables in container.env_from or ():
        yield from _named(CONFIGMAPS, variables.config_map_ref)
        yield from _named(SECRETS, variables.secret_ref)


def _named(resource: Resource, named: _Named | None) -> Iterator[Mention]:
    if named is not None:
        yield resource, named.name or "", bool(named.optional)
