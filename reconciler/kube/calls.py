"""What goes out: how a verb on a resource becomes a request."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from reconciler.kube.errors import RejectedError
from reconciler.kube.resources import Resource
from reconciler.kube.transport import JSON, Call

MERGE_PATCH: Final = "application/merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
PAGE: Final = 500  # objects per list request: what decodes in about 10 ms

_METHODS: Final = {"get": "GET", "patch": "PATCH", "apply": "PATCH", "delete": "DELETE", "evict": "POST"}
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][-A-Za-z0-9._:@]*")
_RESOURCE_IN_PATH: Final = re.compile(r"/apis?/(?:[^/]+/)?v\d[^/]*/(?:namespaces/[^/]+/)?(?P<plural>[^/]+)")


class Selection(msgspec.Struct, frozen=True):
    """Which objects a list or watch is about; an empty namespace means all."""

    resource: Resource
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False

    def query(self, **more: str) -> str:
        """The query string, with `more` parameters; empty ones are left out."""
        parameters = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector, **more}
        return urlencode({name: value for name, value in parameters.items() if value})

    def accept(self, shape: str) -> str:
        """The Accept header; `shape` is `PartialObjectMetadata` for watches and `PartialObjectMetadataList` for lists."""
        return f"{JSON};as={shape};g=meta.k8s.io;v=v1,{JSON}" if self.metadata_only else JSON


def page(selection: Selection, rest: str) -> Call:
    """The next page of a list; `rest` is the `continue` of the page before, empty for the first."""
    return Call(
        "GET",
        selection.resource.path(namespace=_segment(selection.namespace)),
        query=selection.query(limit=str(PAGE), **{"continue": rest}),
        accept=selection.accept("PartialObjectMetadataList"),
        verb="list",
        resource=selection.resource.plural,
    )


def watch(selection: Selection, resource_version: str, timeout_seconds: int) -> Call:
    """What happens after `resource_version`, until the server ends it after `timeout_seconds`."""
    return Call(
        "GET",
        selection.resource.path(namespace=_segment(selection.namespace)),
        query=selection.query(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=resource_version,
            timeoutSeconds=str(timeout_seconds),
        ),
        accept=selection.accept("PartialObjectMetadata"),
        verb="watch",
        resource=selection.resource.plural,
    )


def create(resource: Resource, manifest: Mapping[str, Any], namespace: str) -> Call:
    """The creation of an object."""
    path = resource.path(namespace=_segment(namespace))
    return Call("POST", path, body=_encode(manifest), verb="create", resource=resource.plural)


def on_object(verb: str, resource: Resource, name: str, namespace: str, *, subresource: str = "") -> Call:
    """A verb on one object. Without a name it would be on all of them, and is refused."""
    if not name:
        raise RejectedError(f"cannot {verb} one of {resource.plural} without a name")
    path = resource.path(_segment(name), _segment(namespace), subresource)
    label = f"{resource.plural}/{subresource}" if subresource else resource.plural
    return Call(_METHODS[verb], path, verb=verb, resource=label)


def on_path(method: str, path: str, query: Mapping[str, str]) -> Call:
    """A request by path, named after the resource in it."""
    found = _RESOURCE_IN_PATH.match(path)
    return Call(method, path, query=urlencode(query), verb=method.lower(), resource=found["plural"] if found else "")


def with_body(call: Call, body: Mapping[str, Any], content_type: str = JSON) -> Call:
    """The call with a JSON body."""
    return msgspec.structs.replace(call, body=_encode(body), content_type=content_type)


def delete_options(uid: str, grace_seconds: int | None = None, resource_version: str | None = None) -> dict[str, Any]:
    """DeleteOptions that fit exactly one object."""
    if not uid:
        raise RejectedError("nothing is deleted or evicted without a UID")
    versioned = {} if resource_version is None else {"resourceVersion": resource_version}
    graced = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
    return {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid, **versioned}, **graced}


def _segment(name: str) -> str:
    """The name as one segment of a path; what would reach into another path is refused."""
    if not name or _PLAIN_NAME.fullmatch(name):
        return name
    if name in (".", "..") or "/" in name or "%" in name:
        raise RejectedError(f"{name!r} cannot be the name of an object")
    return quote(name, safe="")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"{type(value).__name__} is not JSON")


_encode = msgspec.json.Encoder(enc_hook=_plain).encode
