"""Many streams through one proxier, and what is left of them when another one is killed."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import StartCluster
from tests.integration.proxier.station import Station, stationed
from tests.integration.proxier.talking import KINDS, Talk, talked

MIB = 1024 * 1024
STREAMS = 200
UNFINISHED = ("fast reader", "echo")  # whose bytes cannot all be under way yet


@pytest.fixture(scope="module")
def station(start_cluster: StartCluster, state_folder: Path) -> Iterator[Station]:
    folder = state_folder / "station"
    folder.mkdir()
    with stationed(start_cluster(controller_manager=False, scheduler=False), folder) as made:
        yield made


async def test_two_hundred_streams_keep_every_byte_in_little_memory(station: Station) -> None:
    await asyncio.to_thread(station.start, 0)
    whole, grown = await talked(station, STREAMS, seconds=6)
    assert all(whole)
    assert grown <= STREAMS * 8 * MIB


@pytest.mark.slow
async def test_they_do_for_a_minute(station: Station) -> None:
    await asyncio.to_thread(station.start, 0)
    whole, grown = await talked(station, STREAMS, seconds=60)
    assert all(whole)
    assert grown <= STREAMS * 8 * MIB


async def test_a_killed_replica_takes_only_its_own_streams_along(station: Station) -> None:
    for replica in (0, 1):
        await asyncio.to_thread(station.start, replica)
    tls = station.tls
    before = len(station.worker.opened)
    lost = [asyncio.create_task(Talk(kind, seed, 8).hold(station, 0, tls)) for seed in range(10) for kind in UNFINISHED]
    kept = [asyncio.create_task(Talk(kind, seed, 8).hold(station, 1, tls)) for seed in range(5) for kind in KINDS]
    async with asyncio.timeout(20):
        while len(station.worker.opened) < before + len(lost) + len(kept):
            await asyncio.sleep(0.05)
    await asyncio.to_thread(station.program(0).stop, signal.SIGKILL)
    ended = await asyncio.gather(*lost, return_exceptions=True)
    assert not any(each is True for each in ended)
    assert all(await asyncio.gather(*kept))
