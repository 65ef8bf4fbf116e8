"""Answers about a vnode itself: from the worker's kubelet what runs there, from the computing cluster what is meant to."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from proxier.errors import UpstreamError
from proxier.node.describing import running_pods_for
from proxier.node.exposition import LongLineError, Rewriter
from proxier.node.kubelets import Kubelets
from proxier.node.summary import summary_for
from proxier.node.tenants import Tenants
from proxier.routes import Endpoint, Target
from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError
from reconciler.kube.projections import Pod
from reconciler.kube.resources import PODS

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_JSON: Final = "application/json"
_IDLE_SECONDS: Final = 30.0  # between two pieces of a list of pods
_MOST_SUMMARY_BYTES: Final = 64 * 1024 * 1024
_METRICS: Final = frozenset(
    {Endpoint.METRICS, Endpoint.METRICS_CADVISOR, Endpoint.METRICS_PROBES, Endpoint.METRICS_RESOURCE}
)


@dataclass(frozen=True, slots=True)
class Content:
    """An answer as it comes."""

    media_type: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where answers come from; `kubelets` raises UpstreamError while the worker is unknown."""

    computing: Client
    tenants: Callable[[str], Tenants]
    running: Callable[[str], tuple[Pod, ...]]
    kubelets: Callable[[], Kubelets]
    configuration: Callable[[str], dict[str, Any]]


class NodeAnswers:
    """Answers the endpoints that name no pod."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    @asynccontextmanager
    async def open(self, target: Target, vnode: str) -> AsyncIterator[Content]:
        """The answer for a vnode.

        Raises:
            RefusalError: There is none, now or at all.

        """
        endpoint = target.endpoint
        if endpoint is Endpoint.HEALTHZ:
            yield Content("text/plain; charset=utf-8", _once(b"ok"))
        elif endpoint is Endpoint.CONFIGZ:
            yield Content(_JSON, _once(msgspec.json.encode(self._sources.configuration(vnode))))
        elif endpoint is Endpoint.RUNNING_PODS:
            yield Content(_JSON, _once(msgspec.json.encode(running_pods_for(self._sources.running(vnode)))))
        elif endpoint is Endpoint.PODS:
            async with self._pods_on(vnode) as content:
                yield content
        elif endpoint in _METRICS or endpoint is Endpoint.STATS_SUMMARY:
            async with self._of_kubelet(target, self._sources.tenants(vnode)) as content:
                yield content
        else:
            raise AssertionError(endpoint)

    @asynccontextmanager
    async def _pods_on(self, vnode: str) -> AsyncIterator[Content]:
        query = {"fieldSelector": f"spec.nodeName={vnode}"}
        try:
            async with self._sources.computing.stream(PODS.path(), query, idle_seconds=_IDLE_SECONDS) as stream:
                yield Content(_JSON, _read(stream.read))
        except KubeError as error:
            raise UpstreamError(503, "the computing cluster does not list its pods now") from error

    @asynccontextmanager
    async def _of_kubelet(self, target: Target, tenants: Tenants) -> AsyncIterator[Content]:
        kubelets = self._sources.kubelets()
        async with kubelets.open(tenants.node, target.endpoint.value, target.query) as chunks:
            if target.endpoint is Endpoint.STATS_SUMMARY:
                yield Content(_JSON, _once(_summary(await _whole(chunks), tenants)))
            else:
                yield Content(_TEXT, _rewritten(chunks, Rewriter(tenants)))


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _read(more: Any) -> AsyncIterator[bytes]:
    while chunk := await more():
        yield chunk


async def _rewritten(chunks: AsyncIterator[bytes], rewriter: Rewriter) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            yield rewriter.feed(chunk)
    except LongLineError as error:
        raise UpstreamError(502, "the worker's kubelet told no metrics") from error
    yield rewriter.end()


async def _whole(chunks: AsyncIterator[bytes]) -> bytes:
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > _MOST_SUMMARY_BYTES:
            raise UpstreamError(502, "the worker's kubelet told too much")
    return bytes(content)


def _summary(content: bytes, tenants: Tenants) -> bytes:
    try:
        return summary_for(content, tenants)
    except msgspec.DecodeError as error:
        raise UpstreamError(502, "the worker's kubelet told no statistics") from error
