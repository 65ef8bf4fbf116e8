"""exec, attach and port-forward of a hollow kubelet: SPDY/3.1 only, as all API servers speak it to nodes; WebSocket is refused, and clients fall back."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from oceanctl.sandbox.hollow.commands import Console, run
from oceanctl.sandbox.hollow.logs import LogOptions, read
from oceanctl.sandbox.hollow.spdy import Session, Stream
from oceanctl.sandbox.hollow.worker import PodWorker

PREFIXES: Final = ("/exec/", "/attach/", "/portForward/")
_CHANNELS: Final = "v4.channel.k8s.io"
_PORT_FORWARD: Final = "portforward.k8s.io"
_STREAMS_SECONDS: Final = 30.0  # for the client to open all of them, as kubelets have it
_GOODBYE_SECONDS: Final = 5.0  # for the client to close first, so that nothing of the end is lost


class RefusedError(Exception):
    """The request is refused; `status` and the text are the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """A request to switch to streams."""

    kind: str
    names: Sequence[str]  # namespace, pod, perhaps a UID, and the container except for port-forward
    query: dict[str, list[str]]
    headers: dict[str, list[str]]

    @classmethod
    def parse(cls, head: bytes) -> "StreamRequest":
        """From a request's head."""
        first, *lines = head.decode("latin-1").split("\r\n")
        parts = urlsplit(first.split(" ")[1])
        kind, *names = parts.path.strip("/").split("/")
        headers: dict[str, list[str]] = {}
        for line in filter(None, lines):
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        return cls(kind, names, parse_qs(parts.query, keep_blank_values=True), headers)

    def asks_for(self, flag: str) -> bool:
        """Whether a flag is set in the query."""
        return self.query.get(flag) == ["1"]

    @property
    def protocol(self) -> str:
        """The stream protocol that both sides speak; RefusedError when there is none."""
        if [value.lower() for value in self.headers.get("upgrade", ())] != ["spdy/3.1"]:
            raise RefusedError(400, "unable to upgrade: only SPDY/3.1 is spoken here")
        wanted = _PORT_FORWARD if self.kind == "portForward" else _CHANNELS
        offered = ",".join(self.headers.get("x-stream-protocol-version", ())).split(",")
        if wanted not in [each.strip() for each in offered]:
            raise RefusedError(403, f"unable to upgrade: {wanted} is spoken here")
        return wanted

    @property
    def wanted_streams(self) -> set[str]:
        """Types of the streams that the client will open."""
        has_terminal = self.asks_for("tty")
        optional = {"stdin": self.asks_for("input"), "stdout": self.asks_for("output"), "resize": has_terminal}
        optional["stderr"] = self.asks_for("error") and not has_terminal
        return {"error"} | {name for name, is_wanted in optional.items() if is_wanted}


def switch_for(request: StreamRequest) -> bytes:
    """The answer that begins the streams."""
    lines = ("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: SPDY/3.1")
    return "\r\n".join((*lines, f"X-Stream-Protocol-Version: {request.protocol}", "", "")).encode()


class Conversation:
    """The streams of one connection, from the switch to the end."""

    def __init__(self, request: StreamRequest, worker: PodWorker) -> None:
        self.session = Session(self._take)
        self._request = request
        self._worker = worker
        self._streams: asyncio.Queue[Stream] = asyncio.Queue()

    def _take(self, stream: Stream) -> None:
        self._streams.put_nowait(stream)

    async def hold(self) -> None:
        """Do what was asked, then end the connection."""
        try:
            if self._request.kind == "portForward":
                await self._forward()
            else:
                await self._command()
        finally:
            self.session.close()

    async def _command(self) -> None:
        streams: dict[str, Stream] = {}
        async with asyncio.timeout(_STREAMS_SECONDS):
            while streams.keys() != self._request.wanted_streams:
                stream = await self._streams.get()
                streams[stream.headers.get("streamtype", "")] = stream
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(self.session.ended.wait(), name="client")]
            work = tasks.create_task(self._work(streams, tasks, helpers), name=self._request.kind)
            await asyncio.wait((work, helpers[0]), return_when=asyncio.FIRST_COMPLETED)
            for task in (work, *helpers):
                task.cancel()

    async def _work(
        self, streams: dict[str, Stream], tasks: asyncio.TaskGroup, helpers: list[asyncio.Task[Any]]
    ) -> None:
        console = self._console(streams)
        if "resize" in streams:
            await _first_size(streams["resize"], console)
            helpers.append(tasks.create_task(_follow_sizes(streams["resize"], console), name="resize"))
        if self._request.kind == "exec":
            code = await run(self._request.query.get("command", ["true"]), console)
        else:
            code = await self._attach(console)
        await streams["error"].write(json.dumps(_status_of(code)).encode())
        for stream in streams.values():
            await stream.close()
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await self.session.ended.wait()

    def _console(self, streams: dict[str, Stream]) -> Console:
        stdout = streams["stdout"].write if "stdout" in streams else _nowhere
        stderr = streams["stderr"].write if "stderr" in streams else stdout
        stdin = streams["stdin"].chunks() if "stdin" in streams else _nothing()
        environment = {"HOSTNAME": self._worker.pod.metadata.name, "PATH": "/bin"}
        return Console(stdin, stdout, stderr, self._request.asks_for("tty"), environment)

    async def _attach(self, console: Console) -> int:
        """With a terminal what is typed comes back; without one there is what the container says, to its end."""
        if self._request.asks_for("tty"):
            return await run(["cat"], console)
        container, worker = self._request.names[-1], self._worker
        file = worker.logs.file(container, worker.logs.latest(container))
        options = LogOptions(tail_lines=0, follow=True)
        async for chunk in read(file, options, lambda: worker.is_running(container)):
            await console.stdout(chunk)
        return 0

    async def _forward(self) -> None:
        """Every port says back what it is told."""
        async with asyncio.TaskGroup() as tasks:
            accepting = tasks.create_task(self._accept(tasks), name="accept")
            await self.session.ended.wait()
            accepting.cancel()

    async def _accept(self, tasks: asyncio.TaskGroup) -> None:
        errors: dict[str, Stream] = {}
        while True:
            stream = await self._streams.get()
            request = stream.headers.get("requestid", "")
            if stream.headers.get("streamtype") == "error":
                errors[request] = stream
            else:
                tasks.create_task(_say_back(stream, errors.pop(request, None)), name=f"forward {request}")


async def _say_back(data: Stream, error: Stream | None) -> None:
    async for chunk in data.chunks():
        await data.write(chunk)
    await data.close()
    if error is not None:
        await error.close()


async def _first_size(resize: Stream, console: Console) -> None:
    """Clients tell the size at once, but need not."""
    try:
        async with asyncio.timeout(1):
            async for chunk in resize.chunks():
                _note_size(chunk, console)
                return
    except TimeoutError:
        return


async def _follow_sizes(resize: Stream, console: Console) -> None:
    async for chunk in resize.chunks():
        _note_size(chunk, console)


def _note_size(chunk: bytes, console: Console) -> None:
    size = json.loads(chunk.splitlines()[-1])
    console.size = (int(size["Height"]), int(size["Width"]))


def _status_of(code: int) -> dict[str, Any]:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: error executing command, exit code {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def _nowhere(_data: bytes) -> None:
    pass


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk
