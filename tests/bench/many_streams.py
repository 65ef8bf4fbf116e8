"""Two hundred streams through one proxier for a minute, fast and slow on either side: what they take of its memory, beside what is promised."""

import asyncio
from collections.abc import Sequence
from typing import Final

from tests.bench.figures import CannotRunError, Figure, Pair
from tests.bench.real import api_server
from tests.integration.proxier.station import stationed
from tests.integration.proxier.talking import talked

STREAMS: Final = 200
SECONDS: Final = 60.0
PROMISED_MIB: Final = 8.0
MIB: Final = 1024 * 1024


def figures() -> Sequence[Figure]:
    with api_server() as cluster:
        folder = cluster.folder / "station"
        folder.mkdir(exist_ok=True)
        with stationed(cluster, folder) as station:
            station.start(0)
            whole, grown = asyncio.run(talked(station, STREAMS, SECONDS))
    if not all(whole):
        raise CannotRunError(f"{whole.count(False)} of {STREAMS} streams lost bytes")
    pair = Pair(grown / STREAMS / MIB, PROMISED_MIB)
    return [Figure.of(f"memory per stream, {STREAMS} at once for {SECONDS:g} s", "MiB", [pair], bound=1.0)]
