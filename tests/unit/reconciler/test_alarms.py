"""Keys that want to be woken at an instant."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from reconciler import wakeups as wakeups_module
from reconciler.alarms import Alarms
from reconciler.wakeups import Wakeups

DEADLINE_SECONDS = 10
SOON = timedelta(milliseconds=50)


class SettableClock:
    """The machine's clock, until it is set."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


class Rig:
    """Alarms, and the keys that they rang for."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.wakeups = Wakeups(self.clock)
        self.rung: list[str] = []
        self.alarms = Alarms("test", self.wakeups, self.clock, self.rung.append)

    def set(self, key: str, delay: timedelta) -> None:
        self.alarms.set(key, self.clock.now() + delay)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                await asyncio.sleep(0.005)

    async def until_rung(self, *keys: str) -> None:
        await self.until(lambda: set(keys) <= set(self.rung))


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(wakeups_module, "WATCH_SECONDS", 0.05)
    made = Rig()
    made.wakeups.start()
    made.alarms.start()
    yield made
    made.alarms.stop()
    made.wakeups.stop()


async def test_keys_ring_in_the_order_of_their_instants(rig: Rig) -> None:
    rig.set("late", 3 * SOON)
    rig.set("early", SOON)
    await rig.until_rung("late")
    assert rig.rung == ["early", "late"]


async def test_an_earlier_alarm_does_not_wait_for_a_later_one(rig: Rig) -> None:
    rig.set("tomorrow", timedelta(days=1))
    rig.set("soon", SOON)
    await rig.until_rung("soon")
    assert rig.rung == ["soon"]


async def test_all_keys_of_an_instant_ring_together_and_once(rig: Rig) -> None:
    instant = rig.clock.now() + SOON
    keys = {f"k{number}" for number in range(500)}
    for key in keys:
        rig.alarms.set(key, instant)
    await rig.until_rung(*keys)
    assert sorted(rig.rung) == sorted(keys)
    assert len(rig.alarms) == 0


async def test_a_key_has_one_alarm(rig: Rig) -> None:
    rig.set("moved", SOON)
    rig.set("moved", 3 * SOON)
    rig.set("witness", 2 * SOON)
    await rig.until_rung("witness")
    assert rig.rung == ["witness"]
    await rig.until_rung("moved")


async def test_an_alarm_that_is_taken_back_does_not_ring(rig: Rig) -> None:
    rig.set("taken back", SOON)
    rig.alarms.set("taken back", None)
    rig.set("witness", 2 * SOON)
    await rig.until_rung("witness")
    assert rig.rung == ["witness"]


async def test_an_instant_that_has_passed_rings_at_once(rig: Rig) -> None:
    rig.set("overdue", -timedelta(days=1))
    await rig.until_rung("overdue")


@pytest.mark.parametrize("step", [timedelta(hours=2), timedelta(hours=-2)], ids=["forward", "back"])
async def test_alarms_follow_a_clock_that_is_set(rig: Rig, step: timedelta) -> None:
    rig.alarms.set("due then", rig.clock.now() + step + 3 * SOON)
    rig.clock.offset = step
    await rig.until_rung("due then")


async def test_alarms_that_are_stopped_do_not_ring(rig: Rig) -> None:
    rig.set("stopped", SOON)
    rig.alarms.stop()
    other = Alarms("other", rig.wakeups, rig.clock, rig.rung.append)
    other.set("witness", rig.clock.now() + 2 * SOON)
    await rig.until_rung("witness")
    assert rig.rung == ["witness"]
