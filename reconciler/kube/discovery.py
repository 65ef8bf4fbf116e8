"""What an API server can do: its version, its resources, and which Eviction API it has."""

import asyncio
import itertools
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from reconciler.kube.errors import NotFoundError, TransientError
from reconciler.kube.resources import Resource
from reconciler.kube.transport import Call, Transport

log = logging.getLogger(__name__)

_FRESH_SECONDS: Final = 300  # CRDs appear and API servers are upgraded while we run
_FRESH_NO_SECONDS: Final = 10  # somebody may be installing the CRD right now
_AT_ONCE: Final = 4  # of some 30 requests, each on a connection of its own
_EVICTION: Final = "pods/eviction"
_OLDEST_EVICTION: Final = "policy/v1beta1"

Served = frozenset[tuple[str, str, str]]
"""(group, version, plural) of every resource; the core group is `""`."""


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """A server's version; `minor` without the `+` that some vendors append."""

    major: int
    minor: int
    text: str


class _Version(msgspec.Struct, rename="camel"):
    major: str
    minor: str
    git_version: str


class _GroupVersion(msgspec.Struct, rename="camel"):
    group_version: str


class _Group(msgspec.Struct):
    versions: list[_GroupVersion]


class _Groups(msgspec.Struct):
    groups: list[_Group]


class _Resource(msgspec.Struct):
    name: str
    group: str = ""
    version: str = ""
    kind: str = ""


class _Resources(msgspec.Struct):
    resources: list[_Resource] | None = None


class Discovery:
    """Asks for what is needed, and remembers it for five minutes per group version."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._known: dict[str, tuple[float, tuple[_Resource, ...]]] = {}

    async def version(self) -> ServerVersion:
        """The server's version."""
        answer = await self._transport.fetch(_asking("/version"), _Version)
        return ServerVersion(_leading_number(answer.major), _leading_number(answer.minor), answer.git_version)

    async def discover(self) -> Served:
        """Every resource that is served now; a group whose extension server does not answer is left out and logged."""
        groups = (await self._transport.fetch(_asking("/apis"), _Groups)).groups
        versions = ["v1", *(version.group_version for group in groups for version in group.versions)]
        served = await asyncio.gather(*(self._resources_if_up(version) for version in versions))
        return frozenset(
            (*_split(version), resource.name)
            for version, resources in zip(versions, served, strict=True)
            for resource in resources
            if "/" not in resource.name
        )

    async def kind_of(self, resource: Resource, subresource: str = "") -> str | None:
        """The kind that a resource or its subresource takes, None where it is not served; a no is asked again after ten seconds."""
        name = f"{resource.plural}/{subresource}" if subresource else resource.plural
        for fresh_seconds in (_FRESH_SECONDS, _FRESH_NO_SECONDS):
            for found in await self._resources(resource.api_version, fresh_seconds):
                if found.name == name:
                    return found.kind
        return None

    async def eviction_api(self) -> str:
        """The apiVersion of Evictions: pods say it of their subresource (policy/v1 has no Eviction before 1.22)."""
        for resource in await self._resources("v1", _FRESH_SECONDS):
            if resource.name == _EVICTION and resource.group:
                return f"{resource.group}/{resource.version}"
        return _OLDEST_EVICTION

    async def _resources_if_up(self, api_version: str) -> Iterable[_Resource]:
        try:
            async with self._few:
                return await self._fetched(api_version)
        except TransientError as error:
            log.warning("an API group does not answer", extra={"api_version": api_version, "error": str(error)})
            return ()

    async def _resources(self, api_version: str, fresh_seconds: float) -> tuple[_Resource, ...]:
        asked_at, resources = self._known.get(api_version, (0.0, None))
        if resources is not None and self._loop.time() - asked_at < fresh_seconds:
            return resources
        return await self._fetched(api_version)

    async def _fetched(self, api_version: str) -> tuple[_Resource, ...]:
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            resources = tuple((await self._transport.fetch(_asking(path), _Resources)).resources or ())
        except NotFoundError:
            resources = ()
        self._known[api_version] = (self._loop.time(), resources)
        return resources


def _asking(path: str) -> Call:
    return Call("GET", path, verb="get", resource="discovery")


def _split(api_version: str) -> tuple[str, str]:
    group, _, version = api_version.rpartition("/")
    return group, version


def _leading_number(text: str) -> int:
    digits = "".join(itertools.takewhile(str.isdigit, text))
    return int(digits) if digits else 0
