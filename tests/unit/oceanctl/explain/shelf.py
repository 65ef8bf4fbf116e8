"""An API server as a shelf of objects: what a Client reads, and nothing else."""

from collections import defaultdict
from contextlib import AsyncExitStack
from typing import Any, cast

import msgspec

from inventory.model import Binding
from oceanctl.explain.worker import UnreachableError
from reconciler import names
from reconciler.kube.calls import Selection
from reconciler.kube.client import Client, RawList
from reconciler.kube.errors import ForbiddenError, NotFoundError
from reconciler.kube.resources import CONFIGMAPS, NAMESPACES, NODES, PODS, Resource

Json = dict[str, Any]
MOUNT = "kubeocean-worker"


class Shelf:
    """Holds objects by resource; `refused` are those that may not be listed."""

    def __init__(self, uid: str, *objects: tuple[Resource, Json]) -> None:
        self.server = f"https://{uid}"
        self.refused: set[Resource] = set()
        self._objects: defaultdict[Resource, list[Json]] = defaultdict(list)
        self.put((NAMESPACES, {"metadata": {"name": "kube-system", "uid": uid}}), *objects)

    @property
    def client(self) -> Client:
        """As the code under test takes it."""
        return cast("Client", self)

    def put(self, *objects: tuple[Resource, Json]) -> None:
        for resource, each in objects:
            self._objects[resource].append(each)

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Json:
        for each in self._objects[resource]:
            if each["metadata"]["name"] == name and each["metadata"].get("namespace", "") == namespace:
                return each
        raise NotFoundError(f"{resource.plural} {name} not found", status=404)

    async def get_raw(self, resource: Resource, name: str, namespace: str = "") -> bytes:
        return msgspec.json.encode(await self.get(resource, name, namespace))

    async def has(self, resource: Resource) -> bool:
        return resource in self._objects or resource in self.refused

    async def list(self, resource: Resource, namespace: str = "", *, field_selector: str = "") -> list[Json]:
        page = await self.page(Selection(resource, namespace, field_selector=field_selector))
        return [msgspec.json.decode(each) for each in page.items or ()]

    async def page(self, selection: Selection, rest: str = "") -> RawList:
        assert not rest
        if selection.resource in self.refused:
            raise ForbiddenError(f"may not list {selection.resource.plural}", status=403)
        found = [each for each in self._objects[selection.resource] if _is_selected(each, selection)]
        return RawList(items=[msgspec.Raw(msgspec.json.encode(each)) for each in found])


def _is_selected(item: Json, selection: Selection) -> bool:
    metadata = item["metadata"]
    if selection.namespace and metadata.get("namespace") != selection.namespace:
        return False
    label, _, value = selection.label_selector.partition("=")
    if label and metadata.get("labels", {}).get(label) != value:
        return False
    return all(_holds(item, each) for each in selection.field_selector.split(",") if each)


def _holds(item: Json, requirement: str) -> bool:
    field, _, wanted = requirement.partition("=")
    if field.endswith("!"):
        return _field(item, field[:-1]) != wanted
    return _field(item, field) == wanted


def _field(item: Json, path: str) -> str:
    parent, _, key = path.partition(".")
    value: str = item.get(parent, {}).get(key, "")
    return value


class Workers:
    """Takes the place of the way to workers; those that are not here do not answer."""

    def __init__(self, **shelves: Shelf) -> None:
        self._shelves = shelves

    async def worker_of(
        self, _stack: AsyncExitStack, _computing: Client, binding: Binding, _pinned_uid: str | None
    ) -> Client:
        if binding.name not in self._shelves:
            raise UnreachableError("connection refused")
        return self._shelves[binding.name].client


def a_binding(name: str, **spec: Any) -> tuple[Resource, Json]:
    wanted = {"clusterID": name, "mountNamespace": MOUNT, "secretRef": {"name": name, "namespace": "kubeocean-system"}}
    return names.BINDINGS, {"metadata": {"name": name, "uid": f"{name}-uid"}, "spec": {**wanted, **spec}}


def a_policy(name: str, cluster: str, **spec: Any) -> tuple[Resource, Json]:
    metadata = {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return names.POLICIES, {"metadata": metadata, "spec": {"cluster": cluster, **spec}}


def a_node(name: str) -> tuple[Resource, Json]:
    amounts = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    return NODES, {"metadata": {"name": name}, "status": {"capacity": amounts, "allocatable": amounts}}


def a_vnode(binding: str, node: str) -> tuple[Resource, Json]:
    labels = {names.MANAGED_BY: names.MANAGED_BY_VALUE, names.CLUSTER_BINDING: binding}
    metadata = {"name": names.vnode_name(binding, node), "uid": f"{node}-vnode", "labels": labels}
    amounts = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    return NODES, {
        "metadata": metadata,
        "spec": {"providerID": names.provider_id(binding, node)},
        "status": {"capacity": amounts, "allocatable": amounts},
    }


def a_taker(name: str, node: str, *, of: str | None = None, cpu: str = "1") -> tuple[Resource, Json]:
    """A worker pod: the worker's own, or one that a binding made."""
    metadata: Json = {"name": name, "namespace": MOUNT}
    if of:
        metadata["labels"] = {names.MANAGED_BY: names.MANAGED_BY_VALUE}
        metadata["annotations"] = {names.BINDING_UID: f"{of}-uid", names.COMPUTING_CLUSTER_UID: "hub"}
    container = {"name": "main", "resources": {"requests": {"cpu": cpu}}}
    return PODS, {
        "metadata": metadata,
        "spec": {"nodeName": node, "containers": [container]},
        "status": {"phase": "Running"},
    }


def a_config(name: str, namespace: str, **annotations: str) -> tuple[Resource, Json]:
    metadata = {"name": name, "namespace": namespace, "uid": f"{name}-uid", "annotations": annotations}
    return CONFIGMAPS, {"metadata": metadata}
