"""Containers' logs as files, one per start, in the format of container runtimes: they outlive the kubelet."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_POLL_SECONDS = 0.2  # how late a follower sees a line


class BadOptionError(ValueError):
    """A query parameter that is not what kubelets take."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What a reader wants of a log; the names are those of the kubelet API."""

    tail_lines: int | None = None
    since: datetime | None = None
    limit_bytes: int | None = None
    timestamps: bool = False
    follow: bool = False
    previous: bool = False

    @classmethod
    def parse(cls, query: Mapping[str, str], now: datetime) -> "LogOptions":
        """From query parameters; BadOptionError names the wrong one."""
        seconds = _count(query, "sinceSeconds")
        return cls(
            tail_lines=_count(query, "tailLines"),
            since=_instant(query, "sinceTime") if seconds is None else now - timedelta(seconds=seconds),
            limit_bytes=_count(query, "limitBytes"),
            timestamps=_flag(query, "timestamps"),
            follow=_flag(query, "follow"),
            previous=_flag(query, "previous"),
        )


class PodLogs:
    """The logs of one pod's containers, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, container: str, start: int, lines: Iterable[str], now: datetime) -> None:
        """Add lines to the log of the container's start number `start`, counted from 1."""
        file = self.file(container, start)
        file.parent.mkdir(parents=True, exist_ok=True)
        stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        with file.open("a") as log:
            log.writelines(f"{stamp} stdout F {line}\n" for line in lines)

    def file(self, container: str, start: int) -> Path:
        """Where that log is, or will be."""
        return self._folder / container / f"{start}.log"

    def latest(self, container: str) -> int:
        """The number of the container's latest start that wrote something, 0 before the first."""
        return max((int(file.stem) for file in (self._folder / container).glob("*.log")), default=0)

    def remove(self) -> None:
        """Delete all of it, as with the pod's sandbox."""
        shutil.rmtree(self._folder, ignore_errors=True)


async def read(file: Path, options: LogOptions, is_growing: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The log's chunks as a client sees them; with `follow`, until it grows no more."""
    left = options.limit_bytes
    text, position = _lines_from(file, 0)
    chunk = _rendered(_selected(text, options), options)
    while True:
        piece = chunk if left is None else chunk[:left]
        if piece:
            yield piece
        left = None if left is None else left - len(piece)
        if left == 0 or (not options.follow):
            return
        was_growing = is_growing()  # asked first: what is written before the end must be read after it
        text, position = _lines_from(file, position)
        chunk = _rendered(text, options)
        if not (chunk or was_growing):
            return
        if not chunk:
            await asyncio.sleep(_POLL_SECONDS)


def _lines_from(file: Path, position: int) -> tuple[list[str], int]:
    """Complete lines from a position on, and the position after them."""
    try:
        with file.open("rb") as log:
            log.seek(position)
            content = log.read()
    except FileNotFoundError:
        return [], position
    complete = content[: content.rfind(b"\n") + 1]
    return complete.decode().splitlines(), position + len(complete)


def _selected(lines: list[str], options: LogOptions) -> list[str]:
    if options.since is not None:
        since = options.since
        lines = [line for line in lines if datetime.fromisoformat(line.partition(" ")[0]) >= since]
    return lines if options.tail_lines is None else lines[len(lines) - min(options.tail_lines, len(lines)) :]


def _rendered(lines: Iterable[str], options: LogOptions) -> bytes:
    return "".join(_client_lines(lines, timestamps=options.timestamps)).encode()


def _client_lines(lines: Iterable[str], *, timestamps: bool) -> Iterator[str]:
    for line in lines:
        stamp, _stream, _flags, text = line.split(" ", maxsplit=3)
        yield f"{stamp} {text}\n" if timestamps else f"{text}\n"


def _count(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise BadOptionError(f"{name}: {text!r} is not a number")
    return int(text)


def _instant(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise BadOptionError(f"{name}: {text!r} is not a time") from None


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "false") in ("true", "1")
