"""Rounds of attempts on a proxier's server; after each one everything has to be as it was before."""

import asyncio
import gc
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch

from proxier import conversation, server, tls, upstream
from proxier.errors import RefusalError
from proxier.heads import END, MOST_HEAD_BYTES, request_in
from proxier.routes import target_for
from tests.fuzz.attempts import Who, attempt, head
from tests.fuzz.client import Contexts, HangingError, tried
from tests.fuzz.judgement import wrong_with_answer
from tests.fuzz.worker import Worker
from tests.unit.proxier.stage import Stage, staged

AT_ONCE: Final = 48
WARM_UP_ROUNDS: Final = 2  # before sizes are compared: caches and pools fill
SETTLE_SECONDS: Final = 20.0
MOST_NEW_OBJECTS: Final = 2000  # of some 300,000, over any number of rounds
MOST_NEW_MEMORY: Final = 48 * 1024 * 1024  # fragments included: heads of 1 MiB come and go by the thousand
HEADS_PER_ATTEMPT: Final = 10  # that are only read, without a connection

# Waiting for its own sake would make rounds long, so the proxier's patience is short here.
_PATIENCE: Final = (
    (conversation, "HEAD_SECONDS", 1.5),
    (server, "HANDSHAKE_SECONDS", 2.0),
    (tls, "LINGER_SECONDS", 1.0),
    (upstream, "_REFUSAL_SECONDS", 0.5),
)


@dataclass(frozen=True, slots=True)
class Size:
    """What a leak would show in."""

    tasks: int
    descriptors: int
    objects: int
    memory: int


@dataclass
class Findings:
    """What came of it; `wrong` is what must not have been, with the number of the attempt."""

    seed: int
    attempts: int = 0
    rounds: int = 0
    seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    questions: int = 0
    switches: int = 0
    wrong: list[str] = field(default_factory=list)
    begun: Size | None = None
    ended: Size | None = None

    @property
    def document(self) -> dict[str, Any]:
        sizes = {"begun": self.begun, "ended": self.ended}
        told = {
            name: {each: getattr(size, each) for each in Size.__slots__} if size else None
            for name, size in sizes.items()
        }
        figures = {
            name: getattr(self, name) for name in ("seed", "attempts", "rounds", "questions", "switches", "wrong")
        }
        return {**figures, "seconds": round(self.seconds, 1), "answers": dict(sorted(self.answers.items())), **told}


async def fuzz(folder: Path, seed: int, seconds: float, of_round: int = 300) -> Findings:
    """Rounds of so many attempts for so long, at least three, or until something is wrong."""
    found = Findings(seed)
    started = time.monotonic()
    with _impatience(), _complaints(found):
        async with staged(folder) as stage:
            worker = Worker(found.wrong.append)
            stage.play = worker.play
            stage.api.forbidden = (Who.FORBIDDEN.value,)
            contexts = _contexts_for(stage)
            at_rest = await _settled(stage)
            while not found.wrong and (found.rounds <= WARM_UP_ROUNDS or time.monotonic() - started < seconds):
                await _round(stage, contexts, found, of_round)
                size = await _settled(stage, at_rest)
                _compare(found, at_rest, size)
            found.questions, found.switches = worker.questions, worker.switches
    found.seconds = time.monotonic() - started
    return found


def _contexts_for(stage: Stage) -> Contexts:
    anonymous = stage.client_tls()
    return {
        Who.KNOWN: stage.client_tls(stage.certificate()),
        Who.FORBIDDEN: stage.client_tls(stage.certificate(Who.FORBIDDEN.value)),
        Who.TOKEN: anonymous,
        Who.WRONG_TOKEN: anonymous,
        Who.NOBODY: anonymous,
        Who.PLAIN: None,
    }


async def _round(stage: Stage, contexts: Contexts, found: Findings, count: int) -> None:
    numbers = iter(range(found.attempts, found.attempts + count))

    async def keep_trying() -> None:
        for number in numbers:
            await _try(stage, contexts, found, number)
            _read_heads(found, number)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(keep_trying())
    found.attempts += count
    found.rounds += 1
    stage.heads.clear()
    stage.api.asked.clear()


async def _try(stage: Stage, contexts: Contexts, found: Findings, number: int) -> None:
    tried_now = attempt(found.seed, number)
    try:
        came = await tried(tried_now, stage.port, contexts)
    except HangingError:
        found.wrong.append(f"attempt {number}: it hangs: {tried_now.sent[:500]!r}")
        return
    found.answers["none" if not came else came[9:12].decode("latin-1")] += 1
    if came and tried_now.who is not Who.PLAIN and (wrong := wrong_with_answer(tried_now.sent, came)):
        found.wrong.append(f"attempt {number}: {wrong}: {came[:500]!r} to {tried_now.sent[:500]!r}")
    if came and not tried_now.who.is_let_in and came[9:10] in (b"1", b"2"):
        found.wrong.append(f"attempt {number}: {tried_now.who.value} was served: {came[:500]!r}")


def _read_heads(found: Findings, number: int) -> None:
    for each in range(HEADS_PER_ATTEMPT):
        content = head(Random(f"{found.seed}/{number}/{each}"))[:MOST_HEAD_BYTES]
        try:
            request = request_in(content.partition(END)[0] + END)
            target_for(request.method, request.target)
        except RefusalError:
            pass
        except Exception as error:  # that is what is looked for
            error.add_note(f"attempt {number}, head {each}: {content[:500]!r}")
            raise


async def _settled(stage: Stage, at_rest: Size | None = None) -> Size:
    """The size once all connections have ended, or when that takes too long."""
    give_up_at = time.monotonic() + SETTLE_SECONDS
    while True:
        gc.collect()
        size = _size()
        is_back = at_rest is None or (size.tasks, size.descriptors) == (at_rest.tasks, at_rest.descriptors)
        if (is_back and not stage.counted("connections")) or time.monotonic() > give_up_at:
            return size
        await asyncio.sleep(0.05)


def _size() -> Size:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return Size(len(asyncio.all_tasks()), descriptors, len(gc.get_objects()), pages * os.sysconf("SC_PAGE_SIZE"))


def _compare(found: Findings, at_rest: Size, now: Size) -> None:
    if now.tasks > at_rest.tasks:
        found.wrong += [f"round {found.rounds}: still there: {_place_of(task)}" for task in asyncio.all_tasks()]
    for what in ("tasks", "descriptors"):
        if getattr(now, what) > getattr(at_rest, what):
            found.wrong.append(f"round {found.rounds}: {what}: {getattr(now, what)} after {getattr(at_rest, what)}")
    if found.rounds == WARM_UP_ROUNDS:
        found.begun = now
    found.ended = now
    if found.begun is None:
        return
    if (more := now.objects - found.begun.objects) > MOST_NEW_OBJECTS:
        found.wrong.append(f"round {found.rounds}: {more} more objects than after the warm-up")
    if (grown := now.memory - found.begun.memory) > MOST_NEW_MEMORY:
        found.wrong.append(f"round {found.rounds}: {grown} bytes more memory than after the warm-up")


def _place_of(task: asyncio.Task[object]) -> str:
    """Its name, and where it waits."""
    frames = [f"{frame.f_code.co_name}:{frame.f_lineno}" for frame in task.get_stack()]
    return f"{task.get_name()} in {' in '.join(frames)}"


@contextmanager
def _impatience() -> Iterator[None]:
    with ExitStack() as stack:
        for module, name, seconds in _PATIENCE:
            stack.enter_context(patch.object(module, name, seconds))
        yield


class _Complaints(logging.Handler):
    """Whatever a program that is well never logs."""

    def __init__(self, found: Findings) -> None:
        super().__init__(logging.WARNING)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        text = logging.Formatter("%(name)s: %(message)s").format(record)
        self._found.wrong.append(f"near attempt {self._found.attempts}: logged: {text}")


@contextmanager
def _complaints(found: Findings) -> Iterator[None]:
    """Take down warnings and errors that are logged, asyncio's among them, and exceptions that nobody caught."""
    handler = _Complaints(found)
    root = logging.getLogger()
    root.addHandler(handler)
    with patch.object(sys, "unraisablehook", lambda seen: found.wrong.append(f"unraisable: {seen.exc_value!r}")):
        try:
            yield
        finally:
            root.removeHandler(handler)
