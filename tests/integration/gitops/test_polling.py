"""The loop by itself: woken by its timer, ended by cancelling."""

import asyncio
from contextlib import suppress

from tests.integration.gitops.conftest import Fleet

DEADLINE_SECONDS = 60


async def test_a_push_is_found_by_polling(fleet: Fleet) -> None:
    fleet.restart(git_poll_seconds=0.2)
    running = asyncio.create_task(fleet.loop.run(), name="gitops")
    commit = fleet.repository.commit("Say the same again")
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await fleet.record()).state.revision != commit:
            assert not running.done()
            await asyncio.sleep(0.05)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "gitops"] == []


async def test_an_outage_in_between_is_survived(fleet: Fleet) -> None:
    away = fleet.repository.folder.with_name("away")
    fleet.restart(git_poll_seconds=0.2)
    running = asyncio.create_task(fleet.loop.run(), name="gitops")
    fleet.repository.folder.rename(away)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await fleet.ready())[1] != "GitUnreachable":
            await asyncio.sleep(0.05)
    away.rename(fleet.repository.folder)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await fleet.ready())[1] != "Applied":
            await asyncio.sleep(0.05)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
