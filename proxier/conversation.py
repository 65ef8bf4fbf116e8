"""One connection from its first byte to its last: who, what, whom to ask, then bytes both ways."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from proxier.answers import content_answer, phrase, refusal_text, status_answer, text_answer
from proxier.auth import Gate
from proxier.chunked import chunked_headers, send_chunks
from proxier.errors import GoneError, HeadError, RefusalError, UpstreamError
from proxier.heads import END, Head, headers_for_client, headers_for_worker, rendered, request_in
from proxier.limits import Limits
from proxier.metrics import ProxyMetrics
from proxier.node.answers import NodeAnswers
from proxier.routes import Endpoint, Target, target_for, worker_path
from proxier.running import command_in, output_of
from proxier.streams import Leg, there
from proxier.targets import WorkerAddress
from proxier.upstream import ANSWER_SECONDS, Question, Reply, Upstream

log = logging.getLogger(__name__)
access_log = logging.getLogger("proxier.access")

HEAD_SECONDS: Final = 10.0  # for a whole head, however slowly it is told
IDLE_SECONDS: Final = 4 * 3600.0  # a kubelet's; clients and servers ping far more often
LINGER_SECONDS: Final = 120.0  # for the last bytes, once the other side has ended; with TLS they commonly have 30 s
LOOK_SECONDS: Final = 5.0  # how late it is seen that nothing moves, or that a client has left that is not read
_REFUSALS: Final = range(400, 600)
_MOST_VERB: Final = 16  # letters of a method in the access log
_ACCEPTED_PROTOCOLS: Final = b"x-accepted-stream-protocol-versions"

Resolve = Callable[[Target, str], tuple[WorkerAddress, Upstream]]
"""The worker's pod behind a target on a vnode, and whom to ask for it; RefusalError when there is none."""


@dataclass(frozen=True, slots=True)
class Services:
    """What every conversation needs."""

    gate: Gate
    resolve: Resolve
    limits: Limits
    metrics: ProxyMetrics
    node: NodeAnswers


@dataclass(slots=True)
class Record:
    """What the access log says of one request; never its query, which holds command lines."""

    started: float
    verb: str = ""
    endpoint: str = "none"
    user: str = ""
    pod: str = ""
    status: int = 0
    from_worker: int = field(default=0)


class Conversation:
    """One connection of a client to a vnode; `certificate` is what the handshake has verified, `on_known` is called when the client is allowed in."""

    def __init__(
        self,
        leg: Leg,
        vnode: str,
        certificate: Mapping[str, Any] | None,
        services: Services,
        on_known: Callable[[], None],
    ) -> None:
        self._leg = leg
        self._on_known = on_known
        self._vnode = vnode
        self._certificate = certificate
        self._services = services
        self._loop = asyncio.get_running_loop()
        self._record = Record(self._loop.time())

    async def hold(self) -> None:
        """Answer the one request of the connection, and end it."""
        is_upgrade = False
        try:
            head, glued = await self._head()
            if head is None:
                return
            is_upgrade = head.upgrade is not None
            await self._answer(head, glued)
        except GoneError as error:
            self._record.status = error.status
        except RefusalError as error:
            self._refuse(error, as_status=is_upgrade or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR)
        finally:
            self._write_record()
        self._leg.finish()
        await asyncio.wait((self._leg.ended,), timeout=LINGER_SECONDS)

    async def _head(self) -> tuple[Head | None, bytes]:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head, glued = await self._leg.head()
        except TimeoutError as error:
            raise HeadError(408, "no request came in time") from error
        return (request_in(head), glued) if head else (None, b"")

    async def _answer(self, head: Head, glued: bytes) -> None:
        services, record = self._services, self._record
        record.verb = head.method[:_MOST_VERB]
        user = await services.gate.user_behind(self._certificate, head)
        record.user = user.name
        target = target_for(head.method, head.target)
        record.endpoint = target.endpoint.value
        record.pod = "" if target.endpoint.is_of_node else f"{target.namespace}/{target.pod}"
        await services.gate.admit(user, target.endpoint, self._vnode)
        self._on_known()
        _check_manner(head, target, glued)
        with services.limits.room_for(self._vnode, user.name):
            if target.endpoint.is_of_node:
                await self._tell(target)
            elif target.endpoint is Endpoint.RUN:
                await self._run(target)
            else:
                await self._pass_on(head, target, glued)

    async def _tell(self, target: Target) -> None:
        async with self._services.node.open(target, self._vnode) as content:
            first = await anext(content.chunks, b"")
            self._send_answer(200, rendered(200, b"OK", chunked_headers(content.media_type)))
            self._record.from_worker = await send_chunks(self._leg, first, content.chunks)

    async def _run(self, target: Target) -> None:
        address, upstream = self._services.resolve(target, self._vnode)
        path = worker_path(target, address.namespace, address.pod)
        async with there(self._leg):
            output = await output_of(upstream, path, command_in(target.query))
        self._record.from_worker = len(output)
        self._send_answer(200, content_answer("text/plain; charset=utf-8", output))

    async def _pass_on(self, head: Head, target: Target, glued: bytes) -> None:
        address, upstream = self._services.resolve(target, self._vnode)
        path = worker_path(target, address.namespace, address.pod)
        question = Question(head.method, path, headers_for_worker(head), _patience_for(target))
        async with there(self._leg):
            reply = await upstream.ask(question)
        try:
            if reply.is_switch:
                self._switch(head, reply, glued, upstream)
            elif head.upgrade is not None or reply.status >= HTTPStatus.MULTIPLE_CHOICES:
                await self._hand_on_refusal(reply, target, address, upstream)
                return
            else:
                self._pour(reply, target)
            await self._until_over(reply.leg)
        finally:
            self._record.from_worker = reply.leg.received
            reply.leg.abort()

    async def _until_over(self, worker: Leg) -> None:
        """Return when both legs have ended; a pair on which nothing moves for hours is cut, and one whose client has left."""
        legs = (self._leg, worker)
        seen, since = (-1, 0), 0.0
        while pending := [leg.ended for leg in legs if not leg.ended.done()]:
            if (now_seen := (sum(leg.received for leg in legs), len(pending))) != seen:
                seen, since = now_seen, self._loop.time()
            patience = IDLE_SECONDS if len(pending) == len(legs) else LINGER_SECONDS
            if self._loop.time() - since >= patience or self._leg.is_left:
                for leg in legs:
                    leg.abort()
            timeout = min(patience, LOOK_SECONDS)
            await asyncio.wait(pending, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    def _switch(self, head: Head, reply: Reply, glued: bytes, upstream: Upstream) -> None:
        switched_to = next((value for name, value in reply.headers if name == b"upgrade"), b"")
        if head.upgrade is None or switched_to.lower() != head.upgrade.lower():
            raise UpstreamError(502, f'worker "{upstream.worker}" switched to another protocol')
        self._send_head(reply)
        reply.leg.join(self._leg, reply.glued())
        self._leg.join(reply.leg, glued)

    def _pour(self, reply: Reply, target: Target) -> None:
        self._send_head(reply)
        pass_on = reply.leg.gather_for if _is_followed(target) else reply.leg.join
        pass_on(self._leg, reply.glued())
        self._leg.listen_for_the_end(reply.leg)

    async def _hand_on_refusal(self, reply: Reply, target: Target, address: WorkerAddress, upstream: Upstream) -> None:
        if reply.status not in _REFUSALS or reply.status == HTTPStatus.UNAUTHORIZED:
            raise UpstreamError(502, f'worker "{upstream.worker}" answered {reply.status} {phrase(reply.status)}')
        renamed = {address.pod: target.pod, address.namespace: target.namespace}
        text = refusal_text(await reply.body(), renamed) or phrase(reply.status)
        spoken = tuple(each for each in reply.headers if each[0] == _ACCEPTED_PROTOCOLS)
        self._send_answer(reply.status, text_answer(reply.status, text, spoken))

    def _send_head(self, reply: Reply) -> None:
        headers = headers_for_client(reply.headers, is_switch=reply.is_switch)
        self._send_answer(reply.status, rendered(reply.status, phrase(reply.status).encode(), headers))

    def _refuse(self, error: RefusalError, *, as_status: bool) -> None:
        text = str(error)
        if self._record.status:  # a head has been sent: cutting its body short is all that can be said
            log.warning("an answer was cut off", extra={"vnode": self._vnode, "error": text})
            self._record.status = error.status
            self._leg.abort()
            return
        answer = status_answer(error.status, text) if as_status else text_answer(error.status, text)
        self._send_answer(error.status, answer)

    def _send_answer(self, status: int, answer: bytes) -> None:
        self._record.status = status
        self._services.metrics.answered(self._record.endpoint, self._loop.time() - self._record.started)
        self._leg.write(answer.partition(END)[0] + END if self._record.verb == "HEAD" else answer)

    def _write_record(self) -> None:
        record = self._record
        if not record.status:
            return
        self._services.metrics.ended(record.endpoint, record.status, self._leg.received, record.from_worker)
        access_log.info(
            "served",
            extra={
                "vnode": self._vnode,
                "user": record.user,
                "verb": record.verb,
                "endpoint": record.endpoint,
                "pod": record.pod,
                "status": record.status,
                "bytes_from_client": self._leg.received,
                "bytes_from_worker": record.from_worker,
                "seconds": round(self._loop.time() - record.started, 3),
            },
        )


def _patience_for(target: Target) -> float:
    """A kubelet sends not even a head before the container of a follower says something."""
    return IDLE_SECONDS if _is_followed(target) else ANSWER_SECONDS


def _is_followed(target: Target) -> bool:
    return ("follow", "true") in target.query


def _check_manner(head: Head, target: Target, glued: bytes) -> None:
    if target.endpoint.is_stream and head.upgrade is None:
        raise HeadError(400, "unable to upgrade: missing upgrade headers in request")
    if head.upgrade is not None and not target.endpoint.is_stream:
        raise HeadError(400, f"/{target.endpoint.value} is no stream")
    if glued and head.upgrade is None:
        raise HeadError(400, "one request per connection")
