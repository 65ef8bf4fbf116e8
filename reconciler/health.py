"""Probes and metrics over HTTP: `/healthz` and `/readyz` name each check, `/metrics` is for Prometheus."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Check = Callable[[], bool]


@asynccontextmanager
async def served(app: web.Application, address: str, port: int) -> AsyncIterator[None]:
    """Serve an application while the context lasts; port 0 serves nothing."""
    if not port:
        yield
        return
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield
    finally:
        await runner.cleanup()


def probes(live: Mapping[str, Check], ready: Mapping[str, Check]) -> web.Application:
    """An application with `/healthz` and `/readyz`: 200 when every check holds, else 500; a line per check."""
    app = web.Application()
    app.router.add_get("/healthz", _answer_for(live))
    app.router.add_get("/readyz", _answer_for(ready))
    return app


def metrics(registry: CollectorRegistry) -> web.Application:
    """An application with `/metrics`."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", answer)
    return app


def _answer_for(checks: Mapping[str, Check]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        results = {name: check() for name, check in checks.items()}
        text = "".join(
            f"[{'+' if good else '-'}]{name} {'ok' if good else 'failed'}\n" for name, good in results.items()
        )
        return web.Response(text=text, status=200 if all(results.values()) else 500)

    return answer
