"""An API server of one's own making: objects by path, every write remembered, failures on demand."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from reconciler.kube.client import Client
from reconciler.kube.errors import AlreadyExistsError, KubeError, NotFoundError
from reconciler.kube.resources import Resource

Write = tuple[str, str, Mapping[str, Any]]
"""Verb, path and body."""


class FakeServer:
    """Takes the calls of a Client. `failures` are raised, first come first served, instead of taking a write; `on_get` hears of every read."""

    def __init__(self) -> None:
        self.objects: dict[str, Mapping[str, Any]] = {}
        self.writes: list[Write] = []
        self.failures: list[KubeError] = []
        self.on_get: Callable[[str], None] = lambda _path: None

    @property
    def client(self) -> Client:
        """This server, as what a kubelet holds."""
        return cast("Client", self)

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Mapping[str, Any]:
        path = resource.path(name, namespace)
        self.on_get(path)
        if path not in self.objects:
            raise NotFoundError(f"GET {path}: 404", status=404)
        return self.objects[path]

    async def get_raw(self, resource: Resource, name: str, namespace: str = "") -> bytes:
        return msgspec.json.encode(await self.get(resource, name, namespace))

    async def create(self, resource: Resource, manifest: Mapping[str, Any], namespace: str = "") -> None:
        path = resource.path(manifest["metadata"]["name"], namespace)
        if path in self.objects:
            raise AlreadyExistsError(f"POST {path}: 409", status=409)
        self._take("create", path, manifest)
        self.objects[path] = manifest

    async def patch(self, resource: Resource, name: str, patch: Mapping[str, Any], namespace: str = "") -> None:
        await self.get(resource, name, namespace)
        self._take("patch", resource.path(name, namespace), patch)

    async def request(self, method: str, path: str, *, body: Mapping[str, Any], content_type: str) -> None:
        assert content_type == "application/strategic-merge-patch+json"
        self._take(method.lower(), path, body)

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", *, uid: str, grace_seconds: int | None = None
    ) -> None:
        self._take("delete", resource.path(name, namespace), {"uid": uid, "grace_seconds": grace_seconds})

    def _take(self, verb: str, path: str, body: Mapping[str, Any]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.writes.append((verb, path, body))
