"""Verbs on Kubernetes objects, as JSON: what comes in is what the server sent, what goes out is what the caller wrote.

Every method raises a KubeError for an answer other than 2xx. A create may have happened although it raised TransientError: creates need deterministic
names, and a retry that takes AlreadyExistsError for an answer.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import urlencode

import msgspec

from reconciler.kube import calls
from reconciler.kube.access import Access
from reconciler.kube.calls import Selection
from reconciler.kube.discovery import Discovery, Served, ServerVersion
from reconciler.kube.errors import TransientError
from reconciler.kube.resources import PODS, Resource
from reconciler.kube.transport import JSON, OnRequest, Stream, Transport

EVICTION_RETRY_SECONDS: Final = (
    5.0  # as kubectl drain; a server gives no hint while a budget is exhausted, only while it counts
)

Manifest = dict[str, Any]
Manifests = list[Manifest]


class _ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class RawList(msgspec.Struct):
    """One page of a list, its items undecoded."""

    metadata: _ListMeta = _ListMeta()
    items: list[msgspec.Raw] | None = None


async def connect(access: Access, *, timeout_seconds: float = 30, on_request: OnRequest = lambda *_: None) -> "Client":
    """A client for one API server; nothing is sent yet. `timeout_seconds` is for one whole request, streams apart."""
    return Client(Transport(access, timeout_seconds=timeout_seconds, on_request=on_request))


class Client:
    """One API server; close it when done, or use it as an async context manager."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovery = Discovery(transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    @property
    def server(self) -> str:
        """The server's address, fit for messages."""
        return self._transport.server

    @property
    def last_contact(self) -> float | None:
        """Loop time of the last answer of any kind, None before the first."""
        return self._transport.last_contact

    async def close(self) -> None:
        """Close all connections, watches included."""
        await self._transport.close()

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Manifest:
        """The object."""
        return await self._transport.fetch(calls.on_object("get", resource, name, namespace), Manifest)

    async def get_raw(self, resource: Resource, name: str, namespace: str = "") -> bytes:
        """The object's bytes."""
        return await self._transport.send(calls.on_object("get", resource, name, namespace))

    async def page(self, selection: Selection, rest: str = "") -> RawList:
        """One page of a consistent list; `rest` is the page before's `metadata.continue_`. GoneError when it is too old."""
        return await self._transport.fetch(calls.page(selection, rest), RawList)

    def watch(
        self, selection: Selection, resource_version: str, *, timeout_seconds: int, idle_seconds: float
    ) -> AbstractAsyncContextManager[Stream]:
        """The bytes of one watch request; watch.py makes events of them."""
        call = calls.watch(selection, resource_version, timeout_seconds)
        return self._transport.stream(call, idle_seconds=idle_seconds)

    async def create(self, resource: Resource, manifest: Mapping[str, Any], namespace: str = "") -> Manifest:
        """Create the object that the manifest names."""
        return await self._transport.fetch(calls.create(resource, manifest, namespace), Manifest)

    async def patch(
        self, resource: Resource, name: str, patch: Mapping[str, Any], namespace: str = "", *, subresource: str = ""
    ) -> Manifest:
        """Apply a JSON merge patch; with `metadata.resourceVersion` in it, ConflictError if somebody wrote in between."""
        call = calls.on_object("patch", resource, name, namespace, subresource=subresource)
        return await self._transport.fetch(calls.with_body(call, patch, calls.MERGE_PATCH), Manifest)

    async def apply(
        self,
        resource: Resource,
        name: str,
        manifest: Mapping[str, Any],
        namespace: str = "",
        *,
        field_manager: str,
        force: bool = True,
    ) -> Manifest:
        """Server-side apply of full intent; unless forced, ConflictError names the fields that others own."""
        call = calls.on_object("apply", resource, name, namespace)
        query = urlencode({"fieldManager": field_manager, "force": "true" if force else "false"})
        call = msgspec.structs.replace(call, query=query)
        return await self._transport.fetch(calls.with_body(call, manifest, calls.APPLY_PATCH), Manifest)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        uid: str,
        grace_seconds: int | None = None,
        resource_version: str | None = None,
    ) -> None:
        """Delete exactly the object with this UID (and resourceVersion); ConflictError if another has taken its name."""
        options = calls.delete_options(uid, grace_seconds, resource_version)
        call = calls.on_object("delete", resource, name, namespace)
        await self._transport.send(calls.with_body(call, options))

    async def evict(self, name: str, namespace: str, *, uid: str) -> None:
        """Ask for a pod's eviction; when a disruption budget forbids it now, TransientError says when to ask again."""
        api = await self._discovery.eviction_api()
        eviction = {
            "apiVersion": api,
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": calls.delete_options(uid),
        }
        call = calls.on_object("evict", PODS, name, namespace, subresource="eviction")
        try:
            await self._transport.send(calls.with_body(call, eviction))
        except TransientError as error:
            if error.status == HTTPStatus.TOO_MANY_REQUESTS and not error.retry_after_seconds:
                error.retry_after_seconds = EVICTION_RETRY_SECONDS
            raise

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
    ) -> bytes:
        """Any other request, by path; the answer's bytes."""
        call = calls.on_path(method, path, query or {})
        return await self._transport.send(call if body is None else calls.with_body(call, body, content_type))

    def stream(
        self, path: str, query: Mapping[str, str], *, idle_seconds: float
    ) -> AbstractAsyncContextManager[Stream]:
        """What a GET answers, as it comes."""
        return self._transport.stream(calls.on_path("GET", path, query), idle_seconds=idle_seconds)

    async def discover(self) -> Served:
        """(group, version, plural) of everything that the server serves now."""
        return await self._discovery.discover()

    async def has(self, resource: Resource) -> bool:
        """Whether the server serves the resource, as of five minutes ago at most."""
        return await self._discovery.kind_of(resource) is not None

    async def kind_of(self, resource: Resource, subresource: str) -> str | None:
        """The kind that a subresource takes, None where the server does not serve it; as of five minutes ago at most."""
        return await self._discovery.kind_of(resource, subresource)

    async def server_version(self) -> ServerVersion:
        """The server's version."""
        return await self._discovery.version()

    async def list(
        self, resource: Resource, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> Manifests:
        """All objects, listed in pages of 500; the items of a list carry neither apiVersion nor kind."""
        selection = Selection(resource, namespace, label_selector, field_selector)
        objects: Manifests = []
        rest = ""
        while True:
            page = await self.page(selection, rest)
            objects.extend(msgspec.json.decode(item, type=Manifest) for item in page.items or ())
            rest = page.metadata.continue_
            if not rest:
                return objects
