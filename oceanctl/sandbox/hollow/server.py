"""Serving a node's kubelet API over TLS on loopback; a client without a certificate of the cluster does not get past the handshake."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from oceanctl.sandbox.hollow.config import NodeConfig
from oceanctl.sandbox.hollow.status import HOST_ADDRESS

_SHUTDOWN_SECONDS = 1.0  # followers of logs would wait for ever


@asynccontextmanager
async def serving(application: web.Application, node: NodeConfig, client_authority: Path) -> AsyncIterator[None]:
    """Serve while the context is open."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_authority)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(node.certificate, node.key)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST_ADDRESS, node.port, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()
