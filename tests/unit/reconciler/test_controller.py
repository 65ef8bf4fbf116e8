import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from reconciler.clock import Clock
from reconciler.controller import Controller, Reconciler, Shell
from reconciler.decision import Action, Decision, Delete, Emit, Evict, Patch, Side, Target
from reconciler.kube.errors import ConflictError, KubeError, RejectedError, TransientError
from reconciler.kube.resources import PODS
from reconciler.metrics import ControllerMetrics
from reconciler.perform import Performer, Written
from reconciler.wakeups import Wakeups

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POD = Target(Side.COMPUTING, PODS, "web", "default", uid="1")
DEADLINE_SECONDS = 5


class StoppedClock:
    def now(self) -> datetime:
        return NOW


@dataclass
class SetClock:
    instant: datetime

    def now(self) -> datetime:
        return self.instant


@dataclass
class FakePerformer:
    """Records what it is asked to do; an action listed in `fails` raises, each error once."""

    fails: dict[str, list[KubeError]] = field(default_factory=dict)
    performed: list[Action] = field(default_factory=list)

    async def perform(self, action: Action, _because: str) -> Written | None:
        await asyncio.sleep(0)
        if errors := self.fails.get(type(action).__name__):
            raise errors.pop(0)
        self.performed.append(action)
        return None if isinstance(action, Emit) else Written(action.target, "7")


@dataclass
class Rig:
    performer: FakePerformer
    seen: list[Written]
    controller: Controller[str]
    registry: CollectorRegistry
    wakeups: Wakeups

    def outcomes(self, label: str) -> float:
        return (
            self.registry.get_sample_value("kubeocean_syncer_reconcile_total", {"controller": "test", "outcome": label})
            or 0.0
        )


Decide = Callable[[str, datetime], Decision]


async def known(key: str, _now: datetime) -> str | None:
    return key


def rig(
    decide: Decide,
    performer: FakePerformer | None = None,
    refused: Callable[[str, str, datetime], Decision] | None = None,
    observe: Callable[[str, datetime], Awaitable[str | None]] = known,
    clock: Clock | None = None,
) -> Rig:
    performer = performer or FakePerformer()
    seen: list[Written] = []
    registry = CollectorRegistry()

    async def wait_seen(written: Written, timeout_seconds: float) -> None:
        assert timeout_seconds > 0
        seen.append(written)

    reconciler = Reconciler(observe, decide, refused)
    clock = clock or StoppedClock()
    shell = Shell(cast("Performer", performer), wait_seen, clock, ControllerMetrics(registry), Wakeups(clock))
    controller = Controller("test", reconciler, shell)
    return Rig(performer, seen, controller, registry, shell.wakeups)


def always(*actions: Action, wake_at: datetime | None = None) -> Decide:
    return lambda _view, _now: Decision("because", actions, wake_at)


async def run_until(controller: Controller[str], condition: Callable[[], bool]) -> None:
    task = asyncio.create_task(controller.run(2))
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                await asyncio.sleep(0)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_was_written_is_waited_for_before_the_key_is_done() -> None:
    patch = Patch(POD, {})
    it = rig(always(patch))
    assert await it.controller.reconcile("default/web") is None
    assert it.performer.performed == [patch]
    assert it.seen == [Written(POD, "7")]


async def test_a_key_without_a_view_is_left_alone() -> None:
    async def unknown(_key: str, _now: datetime) -> None:
        return None

    def never(_view: str, _now: datetime) -> Decision:
        raise AssertionError

    it = rig(never, observe=unknown)
    assert await it.controller.reconcile("gone") is None


async def test_a_decision_may_ask_to_be_woken() -> None:
    it = rig(always(wake_at=NOW + timedelta(seconds=12)))
    assert await it.controller.reconcile("key") == NOW + timedelta(seconds=12)


async def test_a_key_that_asked_to_be_woken_is_looked_at_again() -> None:
    """At an instant that has passed, at once; and again for as long as it asks."""
    it = rig(always(wake_at=NOW - timedelta(seconds=12)))
    it.wakeups.start()
    it.controller.queue.add("key")
    await run_until(it.controller, lambda: it.outcomes("ok") >= 3)
    it.wakeups.stop()


async def test_a_key_whose_pass_fails_is_still_woken_when_it_asked_to_be() -> None:
    """The deadline of a drain comes, however long evictions were refused and however rarely they are tried by then."""
    clock = SetClock(NOW)
    deadline = NOW + timedelta(seconds=60)
    performer = FakePerformer({"Evict": [RejectedError("denied", status=403)]})

    def decide(_view: str, now: datetime) -> Decision:
        actions: tuple[Action, ...] = (Delete(POD),) if now >= deadline else (Evict(POD),)
        return Decision("because", actions, None if now >= deadline else deadline)

    it = rig(decide, performer, clock=clock)
    it.wakeups.start()
    it.controller.queue.add("key")

    def is_over() -> bool:
        if it.outcomes("rejected"):
            clock.instant = deadline
        return performer.performed == [Delete(POD)]

    await run_until(it.controller, is_over)
    it.wakeups.stop()


async def test_a_pass_that_fails_is_not_repeated_at_once_because_its_instant_has_passed() -> None:
    it = rig(
        always(Patch(POD, {}), wake_at=NOW), FakePerformer({"Patch": [RejectedError("no", status=422) for _ in "ab"]})
    )
    it.wakeups.start()
    it.controller.queue.add("key")
    await run_until(it.controller, lambda: it.outcomes("rejected") == 1)
    assert len(it.controller.queue) == 0
    it.wakeups.stop()


async def test_what_may_be_tried_again_is_not_held_up_by_what_was_refused() -> None:
    """One pod whose eviction a webhook denies, one that a budget keeps for a while."""
    kept = TransientError("budget", status=429, retry_after_seconds=0.01)
    performer = FakePerformer({"Evict": [RejectedError("denied", status=403), kept]})
    it = rig(always(Evict(POD), Evict(POD)), performer)
    with pytest.raises(TransientError):
        await it.controller.reconcile("key")


async def test_a_blocked_eviction_does_not_shield_the_next_pod() -> None:
    other = Delete(Target(Side.COMPUTING, PODS, "other", "default", uid="2"))
    performer = FakePerformer({"Delete": [TransientError("blocked", status=429)]})
    it = rig(always(Delete(POD), other), performer)
    with pytest.raises(TransientError):
        await it.controller.reconcile("key")
    assert performer.performed == [other]


async def test_a_failed_patch_ends_the_pass() -> None:
    performer = FakePerformer({"Patch": [ConflictError("moved on", status=409)]})
    it = rig(always(Patch(POD, {}), Delete(POD)), performer)
    with pytest.raises(ConflictError):
        await it.controller.reconcile("key")
    assert performer.performed == []


async def test_a_refusal_is_shown_to_the_user_and_still_counts_as_one() -> None:
    performer = FakePerformer({"Patch": [RejectedError("quota", status=403)]})
    shown = Emit(POD, "Warning", "Refused", "quota")
    it = rig(always(Patch(POD, {})), performer, refused=lambda _view, error, _now: Decision(error, (shown,)))
    with pytest.raises(RejectedError):
        await it.controller.reconcile("key")
    assert performer.performed == [shown]


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (ConflictError("moved on"), "conflict"),
        (TransientError("away", retry_after_seconds=0.01), "transient"),
        (TransientError("away"), "transient"),
    ],
    ids=["conflict", "with the server's hint", "transient"],
)
async def test_what_may_succeed_later_is_tried_again(error: KubeError, label: str) -> None:
    it = rig(always(Patch(POD, {})), FakePerformer({"Patch": [error]}))
    it.controller.queue.add("key")
    await run_until(it.controller, lambda: it.outcomes("ok") == 1)
    assert it.outcomes(label) == 1


async def test_a_defect_in_one_key_does_not_stop_the_others() -> None:
    def decide(view: str, _now: datetime) -> Decision:
        if view == "bad":
            raise ValueError(view)
        return Decision("fine")

    it = rig(decide)
    it.controller.queue.add("bad")
    it.controller.queue.add("good")
    await run_until(it.controller, lambda: it.outcomes("ok") >= 1 and it.outcomes("defect") >= 1)


async def test_a_refused_key_waits_for_news() -> None:
    it = rig(always(Patch(POD, {})), FakePerformer({"Patch": [RejectedError("no", status=422)]}))
    it.controller.queue.add("key")
    await run_until(it.controller, lambda: it.outcomes("rejected") == 1)
    assert len(it.controller.queue) == 0
    it.controller.queue.add("key")
    await run_until(it.controller, lambda: it.outcomes("ok") == 1)


def test_fakes_match_the_real_performer() -> None:
    real: Any = Performer.perform
    fake: Any = FakePerformer.perform
    assert real.__code__.co_argcount == fake.__code__.co_argcount
