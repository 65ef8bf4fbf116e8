"""The kubelet API of one node, apart from streams: logs for its API server, metrics for whoever may read them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from aiohttp import web

from oceanctl.sandbox.hollow.access import Door
from oceanctl.sandbox.hollow.logs import BadOptionError, LogOptions, read
from oceanctl.sandbox.hollow.usage import Load, cadvisor_metrics, kubelet_metrics, resource_metrics, summary
from oceanctl.sandbox.hollow.worker import PodWorker

API_SERVER_IDENTITY: Final = "kube-apiserver-kubelet-client"
READABLE: Final = ("metrics", "stats")  # also by others than the API server

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pods(Protocol):
    """The node and its pods."""

    name: str
    started_at: datetime
    door: Door

    def loads(self) -> list[Load]:
        """What its containers use."""
        ...

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """The pod of that name that is there now."""
        ...


def application_for(pods: Pods) -> web.Application:
    """All routes, closed to everybody but the API server and, for metrics, who may read them."""
    application = web.Application(middlewares=[_door_of(pods)])
    application.add_routes(
        [
            web.get("/healthz", _healthz),
            web.get("/containerLogs/{namespace}/{pod}/{container}", _container_logs_of(pods)),
            web.get("/metrics", _told(lambda: kubelet_metrics(pods.loads()))),
            web.get("/metrics/cadvisor", _told(lambda: cadvisor_metrics(pods.loads(), *_times(pods)))),
            web.get("/metrics/probes", _told(lambda: "")),
            web.get("/metrics/resource", _told(lambda: resource_metrics(pods.loads(), *_times(pods)))),
            web.get("/stats/summary", _summary_of(pods)),
        ]
    )
    return application


def _door_of(pods: Pods) -> Any:
    @web.middleware
    async def only_who_may(request: web.Request, handler: Handler) -> web.StreamResponse:
        """The handshake has proved that a certificate is the cluster's; here it is whose."""
        if request.transport is not None and is_api_server(request.transport):
            return await handler(request)
        subresource = request.path.strip("/").partition("/")[0]
        if subresource not in READABLE:
            raise web.HTTPForbidden(text=f"only {API_SERVER_IDENTITY} may do that\n")
        if (refusal := await pods.door.why_not(request, subresource)) is not None:
            return web.Response(status=refusal, text=f"{refusal.phrase}\n")
        return await handler(request)

    return only_who_may


def _times(pods: Pods) -> tuple[timedelta, datetime]:
    now = datetime.now(UTC)
    return now - pods.started_at, now


def _told(text: Callable[[], str]) -> Handler:
    async def tell(_request: web.Request) -> web.Response:
        return web.Response(text=text())

    return tell


def _summary_of(pods: Pods) -> Handler:
    async def tell(_request: web.Request) -> web.Response:
        return web.json_response(summary(pods.name, pods.loads(), pods.started_at, datetime.now(UTC)))

    return tell


def is_api_server(transport: asyncio.BaseTransport) -> bool:
    """Whose certificate the handshake has verified."""
    certificate = transport.get_extra_info("peercert") or {}
    subject = {key: value for part in certificate.get("subject", ()) for key, value in part}
    return subject.get("commonName") == API_SERVER_IDENTITY


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


def _container_logs_of(pods: Pods) -> Handler:
    async def container_logs(request: web.Request) -> web.StreamResponse:
        found = request.match_info
        worker = pods.find(found["namespace"], found["pod"])
        if worker is None:
            raise web.HTTPNotFound(text=f'pod "{found["namespace"]}/{found["pod"]}" not found\n')
        return await _send_log(request, worker, found["container"])

    return container_logs


async def _send_log(request: web.Request, worker: PodWorker, container: str) -> web.StreamResponse:
    try:
        options = LogOptions.parse(request.query, datetime.now(UTC))
    except BadOptionError as error:
        raise web.HTTPUnprocessableEntity(text=f"{error}\n") from error
    start = worker.logs.latest(container) - options.previous
    if start < 1:
        raise web.HTTPBadRequest(text=_why_no_log(worker, container, options))
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    async for chunk in read(worker.logs.file(container, start), options, lambda: worker.is_running(container)):
        await response.write(chunk)
    return response


def _why_no_log(worker: PodWorker, container: str, options: LogOptions) -> str:
    pod = worker.pod
    names = {spec.name for spec in pod.spec.every_container}
    quoted = f'container "{container}" in pod "{pod.metadata.name}"'
    if container not in names:
        return f"{quoted} does not exist\n"
    return f"previous terminated {quoted} not found\n" if options.previous else f"{quoted} is waiting to start\n"
