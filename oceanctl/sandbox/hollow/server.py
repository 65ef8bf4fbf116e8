"""Serving a node's kubelet API over TLS on loopback; whoever shows no certificate of the cluster needs a token."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from oceanctl.sandbox.hollow.config import NodeConfig
from oceanctl.sandbox.hollow.front import Front
from oceanctl.sandbox.hollow.routes import Pods, application_for
from oceanctl.sandbox.hollow.status import HOST_ADDRESS

_SHUTDOWN_SECONDS = 1.0  # followers of logs would wait for ever


@asynccontextmanager
async def serving(pods: Pods, node: NodeConfig, client_authority: Path) -> AsyncIterator[None]:
    """Serve while the context is open."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_authority)
    tls.verify_mode = ssl.CERT_OPTIONAL
    tls.load_cert_chain(node.certificate, node.key)
    runner = web.AppRunner(application_for(pods), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    others = runner.server
    assert others is not None
    try:
        async with asyncio.TaskGroup() as tasks:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: Front(pods, others, tasks), HOST_ADDRESS, node.port, ssl=tls)
            try:
                yield
            finally:
                server.close()
    finally:
        await runner.cleanup()
