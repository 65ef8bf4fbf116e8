"""One event of a worker's own pod through a Bridge's books, beside decoding its 11 KB, on nodes with 100 and with 1,000 pods."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import process_time
from typing import Final

from reconciler.bridge.computing import decode_pod
from tests.bench.books import Books, opened
from tests.bench.figures import Figure, Pair, cpu_seconds
from tests.bench.samples import Side, Template, event

ROUNDS: Final = 7
EVENTS: Final = 2000
FEW: Final = 100
MANY: Final = 1000
EVENT_BOUND: Final = 5.0
GROWTH_BOUND: Final = 1.5
MICRO: Final = 1e6

Follow = Callable[[], Awaitable[None]]
"""What is done about the keys that an event has woken."""


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU microseconds per event; a pass is the event together with the look at its node."""

    decoding: float
    booking_few: float
    booking_many: float
    pass_few: float
    pass_many: float


def figures() -> Sequence[Figure]:
    rounds = asyncio.run(_rounds())
    booked = [Pair(each.booking_few, each.decoding) for each in rounds]
    booked_growth = [Pair(each.booking_many, each.booking_few) for each in rounds]
    passed = [Pair(each.pass_few, each.decoding) for each in rounds]
    passed_growth = [Pair(each.pass_many, each.pass_few) for each in rounds]
    booking, passing = "pod event into its node's load and the queue", "pod event and the pass over its node"
    few, many = f"{FEW} pods there, beside decoding", f"{MANY} pods there, beside {FEW}"
    return [
        Figure.of(f"{booking}, {few}", "µs", booked, bound=EVENT_BOUND),
        Figure.of(f"{booking}, {many}", "µs", booked_growth, bound=GROWTH_BOUND),
        Figure.of(f"{passing}, {few}", "µs", passed),
        Figure.of(f"{passing}, {many}", "µs", passed_growth, bound=GROWTH_BOUND),
    ]


async def _rounds() -> Sequence[Costs]:
    async with AsyncExitStack() as stack:
        few, many = [Node(await stack.enter_async_context(opened()), pods) for pods in (FEW, MANY)]
        return [
            Costs(_decoding(), await few.booking(), await many.booking(), await few.passing(), await many.passing())
            for _ in range(ROUNDS)
        ]


class Node:
    """A node with so many foreign pods, each of which requests a little more with one event and a little less with the next."""

    def __init__(self, books: Books, pods: int) -> None:
        self._books = books
        self._pods = pods
        self._templates = (Template(Side.FOREIGN, cpu="250m"), Template(Side.FOREIGN, cpu="300m"))
        self._turn = 0
        for line in self._next_lines(pods):
            books.take(line)

    async def booking(self) -> float:
        return await self._cost(self._books.skip)

    async def passing(self) -> float:
        return await self._cost(self._books.look)

    async def _cost(self, follow: Follow) -> float:
        lines = self._next_lines(EVENTS)
        gc.collect()
        begun = process_time()
        for line in lines:
            self._books.take(line)
            await follow()
        return (process_time() - begun) / EVENTS * MICRO

    def _next_lines(self, count: int) -> Sequence[bytes]:
        turns = range(self._turn, self._turn + count)
        self._turn += count
        return [event(b"MODIFIED", self._pod(turn)) for turn in turns]

    def _pod(self, turn: int) -> bytes:
        return self._templates[turn // self._pods % 2].pod(turn % self._pods, version=turn + 1)


def _decoding() -> float:
    template = Template(Side.FOREIGN)
    pods = [template.pod(number) for number in range(EVENTS)]

    def decode() -> None:
        for pod in pods:
            decode_pod(pod)

    return cpu_seconds(decode) / EVENTS * MICRO
