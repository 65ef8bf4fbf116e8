"""The first head of a connection decides who goes on with it: our streams, or aiohttp, which knows no upgrade to SPDY."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from oceanctl.sandbox.hollow.routes import Pods, is_api_server
from oceanctl.sandbox.hollow.streams import PREFIXES, Conversation, RefusedError, StreamRequest, switch_for
from oceanctl.sandbox.hollow.worker import PodWorker

log = logging.getLogger(__name__)

_END: Final = b"\r\n\r\n"
_MOST_HEAD_BYTES: Final = 256 * 1024


class Front(asyncio.Protocol):
    """One connection until its first head is complete."""

    def __init__(self, pods: Pods, others: Callable[[], asyncio.Protocol], tasks: asyncio.TaskGroup) -> None:
        self._pods = pods
        self._others = others
        self._tasks = tasks
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """As asyncio calls it."""
        assert self._transport is not None
        self._received += data
        head, end, glued = self._received.partition(_END)
        if not end:
            if len(self._received) > _MOST_HEAD_BYTES:
                self._transport.close()
            return
        path = head.split(b" ", 2)[1:2]
        if path and path[0].decode("latin-1").startswith(PREFIXES):
            self._switch(self._transport, head, glued)
        else:
            _hand_over(self._transport, self._others(), self._received)

    def _switch(self, transport: asyncio.Transport, head: bytes, glued: bytes) -> None:
        try:
            request = StreamRequest.parse(head)
            conversation = Conversation(request, self._worker_for(request, transport))
            switch = switch_for(request)
        except RefusedError as error:
            transport.write(_refusal(error))
            transport.close()
            return
        transport.write(switch)
        _hand_over(transport, conversation.session, glued)
        self._tasks.create_task(_held(conversation), name=f"{request.kind} {'/'.join(request.names)}")

    def _worker_for(self, request: StreamRequest, transport: asyncio.Transport) -> PodWorker:
        if not is_api_server(transport):
            raise RefusedError(403, "only the API server may use the kubelet API")
        if len(request.names) < 2 + (request.kind != "portForward"):
            raise RefusedError(404, "namespace, pod and container are expected")
        namespace, pod = request.names[:2]
        worker = self._pods.find(namespace, pod)
        if worker is None:
            raise RefusedError(404, f'pod "{namespace}/{pod}" not found')
        if request.kind != "portForward" and not worker.is_running(request.names[-1]):
            raise RefusedError(404, f'container not found ("{request.names[-1]}")')
        return worker


async def _held(conversation: Conversation) -> None:
    try:
        await conversation.hold()
    except TimeoutError:
        pass  # the client did not open its streams, or did not close them: the connection is closed now
    except Exception:  # the supervisor of one connection: the node's pods and other connections go on
        log.exception("stream failed")


def _hand_over(transport: asyncio.Transport, protocol: asyncio.Protocol, received: bytes) -> None:
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    if received:
        protocol.data_received(received)


def _refusal(error: RefusedError) -> bytes:
    body = f"{error}\n".encode()
    head = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
