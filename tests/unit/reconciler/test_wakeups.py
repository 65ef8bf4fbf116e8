"""What wakes, and when."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from reconciler import wakeups as module
from reconciler.wakeups import Wakeups

DEADLINE_SECONDS = 10
SOON = timedelta(milliseconds=50)


class SettableClock:
    """The machine's clock, until it is set."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def wakeups(clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wakeups]:
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.05)
    made = Wakeups(clock)
    made.start()
    yield made
    made.stop()


class Bell:
    """Counts how often it rang."""

    def __init__(self) -> None:
        self.rings = 0

    def __call__(self) -> None:
        self.rings += 1

    async def until(self, count: int) -> None:
        await until(lambda: self.rings >= count)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


async def test_an_instant_wakes_once(wakeups: Wakeups) -> None:
    bell, later = Bell(), Bell()
    wakeups.at("bell", datetime.now(UTC) + SOON, bell)
    wakeups.at("later", datetime.now(UTC) + 3 * SOON, later)
    await later.until(1)
    assert bell.rings == 1


async def test_an_instant_that_has_passed_wakes_at_once(wakeups: Wakeups) -> None:
    bell = Bell()
    wakeups.at("bell", datetime.now(UTC) - timedelta(days=1), bell)
    await bell.until(1)


async def test_a_name_that_is_used_again_replaces_its_job(wakeups: Wakeups) -> None:
    first, second = Bell(), Bell()
    wakeups.at("bell", datetime.now(UTC) + SOON, first)
    wakeups.at("bell", datetime.now(UTC) + SOON, second)
    await second.until(1)
    assert first.rings == 0


async def test_an_interval_wakes_again_and_again_until_forgotten(wakeups: Wakeups) -> None:
    bell, other = Bell(), Bell()
    wakeups.every("bell", 0.02, bell)
    await bell.until(3)
    wakeups.forget("bell", "never there")
    rings = bell.rings
    wakeups.at("other", datetime.now(UTC) + 2 * SOON, other)
    await other.until(1)
    assert bell.rings == rings


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)], ids=["forward", "back"])
async def test_a_clock_that_is_set_wakes_everybody(wakeups: Wakeups, clock: SettableClock, step: timedelta) -> None:
    bell = Bell()
    wakeups.on_step("bell", bell)
    clock.offset = step
    await bell.until(1)


async def test_a_clock_that_is_corrected_a_little_wakes_nobody(wakeups: Wakeups, clock: SettableClock) -> None:
    bell, witness = Bell(), Bell()
    wakeups.on_step("bell", bell)
    clock.offset = timedelta(milliseconds=100)
    wakeups.at("witness", datetime.now(UTC) + 3 * SOON, witness)
    await witness.until(1)
    assert bell.rings == 0


async def test_a_wake_up_that_fails_does_not_end_the_others(wakeups: Wakeups, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ValueError

    bell = Bell()
    wakeups.at("broken", datetime.now(UTC), broken)
    wakeups.at("bell", datetime.now(UTC) + SOON, bell)
    await bell.until(1)
    assert any("wake-up failed" in record.message for record in caplog.records)
