"""`/run`: a command in a container whose output is the whole answer, as an exec over WebSocket on the worker's API server."""

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from proxier.errors import RefusalError, UpstreamError
from proxier.routes import Query
from proxier.upstream import Upstream

_PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _ERROR = 1, 2, 3  # channels: the first byte of every message
_SECONDS: Final = 120.0  # for the whole command: whoever asks waits for its end without a sign of life
_MOST_BYTES: Final = 16 * 1024 * 1024  # of output; container runtimes give no more either
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=4.0)


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""


class _Details(msgspec.Struct):
    causes: tuple[_Cause, ...] = ()


class _Status(msgspec.Struct):
    status: str = ""
    message: str = ""
    details: _Details | None = None


@dataclass(slots=True)
class _Heard:
    output: bytearray = field(default_factory=bytearray)
    status: bytearray = field(default_factory=bytearray)

    def take(self, message: bytes) -> None:
        channel, content = message[0], message[1:]
        if channel in (_STDOUT, _STDERR):
            self.output += content
        elif channel == _ERROR:
            self.status += content
        if len(self.output) + len(self.status) > _MOST_BYTES:
            raise UpstreamError(500, f"the command wrote more than {_MOST_BYTES >> 20} MiB")


async def output_of(upstream: Upstream, path: str, command: str) -> bytes:
    """What the command wrote, to stdout and stderr, in the order in which it came; `path` is that of the exec with its query.

    Raises:
        RefusalError: 500 with its output when it fails, as kubelets answer; 502 and 504 when the worker does not run it.

    """
    heard = _Heard()
    try:
        async with asyncio.timeout(_SECONDS):
            await _listen(upstream, path, heard)
    except TimeoutError as error:
        raise UpstreamError(504, f"the command did not end within {_SECONDS:g} s") from error
    except aiohttp.WSServerHandshakeError as error:
        raise _refused(upstream, error.status) from error
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamError(502, f'worker "{upstream.worker}" cannot be reached: {type(error).__name__}') from error
    return _judged(heard, command, upstream)


async def _listen(upstream: Upstream, path: str, heard: _Heard) -> None:
    connector = aiohttp.TCPConnector(ssl=upstream.access.tls)
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=_TIMEOUT) as session,
        session.ws_connect(
            URL(upstream.url_of(path), encoded=True),
            protocols=_PROTOCOLS,
            headers=await upstream.credential(),
            server_hostname=upstream.access.configuration.tls_server_name or None,
            max_msg_size=_MOST_BYTES,
        ) as socket,
    ):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY and message.data:
                heard.take(message.data)


def _judged(heard: _Heard, command: str, upstream: Upstream) -> bytes:
    try:
        status = msgspec.json.decode(bytes(heard.status), type=_Status)
    except msgspec.DecodeError as error:
        raise UpstreamError(502, f'worker "{upstream.worker}" did not tell how the command ended') from error
    if status.status == "Success":
        return bytes(heard.output)
    causes = status.details.causes if status.details is not None else ()
    code = next((each.message for each in causes if each.reason == "ExitCode"), "")
    said = heard.output.decode("utf-8", "replace").strip()
    raise RefusalError(500, f"command '{command}' exited with {code}: {said}" if code else status.message)


def _refused(upstream: Upstream, status: int) -> RefusalError:
    if status == HTTPStatus.NOT_FOUND:
        return RefusalError(404, "the container is not running")
    return UpstreamError(502, f'worker "{upstream.worker}" answered {status}')


def command_in(query: Query) -> str:
    """The command line that a path's query holds."""
    return " ".join(value for name, value in query if name == "command")
