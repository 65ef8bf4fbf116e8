"""The kubelet API of one node, for its API server only: what `kubectl logs` needs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from aiohttp import web

from oceanctl.sandbox.hollow.logs import BadOptionError, LogOptions, read
from oceanctl.sandbox.hollow.worker import PodWorker

API_SERVER_IDENTITY: Final = "kube-apiserver-kubelet-client"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pods(Protocol):
    """The pods of the node."""

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """The pod of that name that is there now."""
        ...


def application_for(pods: Pods) -> web.Application:
    """All routes, closed to everybody but the API server."""
    application = web.Application(middlewares=[_only_for_the_api_server])
    application.add_routes(
        [
            web.get("/healthz", _healthz),
            web.get("/containerLogs/{namespace}/{pod}/{container}", _container_logs_of(pods)),
        ]
    )
    return application


@web.middleware
async def _only_for_the_api_server(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handshake has proved that the certificate is the cluster's; here it is whose."""
    if request.transport is None or not is_api_server(request.transport):
        raise web.HTTPForbidden(text=f"only {API_SERVER_IDENTITY} may use the kubelet API\n")
    return await handler(request)


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
    names = {spec.name for spec in (*pod.spec.init_containers, *pod.spec.containers)}
    quoted = f'container "{container}" in pod "{pod.metadata.name}"'
    if container not in names:
        return f"{quoted} does not exist\n"
    return f"previous terminated {quoted} not found\n" if options.previous else f"{quoted} is waiting to start\n"
