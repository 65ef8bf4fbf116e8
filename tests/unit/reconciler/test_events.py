import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from reconciler import events
from reconciler.decision import Emit, Side, Target
from reconciler.events import MOST_WAITING, EventRecorder, event_for
from reconciler.kube.backoff import Backoff
from reconciler.kube.client import Client
from reconciler.kube.errors import AlreadyExistsError, KubeError, NotFoundError, RejectedError, TransientError
from reconciler.kube.resources import EVENTS, NODES, PODS
from reconciler.metrics import EventMetrics

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POD = Target(Side.WORKER, PODS, "web", "mount", uid="u-1")


class StoppedClock:
    def now(self) -> datetime:
        return NOW


@dataclass
class Server:
    """Takes Events, after it has answered with `answers` first; hangs when it `hangs`."""

    answers: list[KubeError] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    hangs: bool = False

    async def create(self, resource: Any, manifest: dict[str, Any], namespace: str) -> None:
        assert (resource, namespace) == (EVENTS, manifest["metadata"]["namespace"])
        self.attempts.append(manifest["metadata"]["name"])
        if self.hangs:
            await asyncio.Event().wait()
        if self.answers:
            raise self.answers.pop(0)
        self.reasons.append(manifest["reason"])


class Rig:
    def __init__(self, *answers: KubeError, hangs: bool = False) -> None:
        self.server = Server(list(answers), hangs=hangs)
        self.registry = CollectorRegistry()
        self.recorder = EventRecorder(StoppedClock(), EventMetrics(self.registry), Backoff(0.0, 0.0))

    def record(self, reason: str) -> None:
        self.recorder.record(cast("Client", self.server), Emit(POD, "Normal", reason, "said so"))

    def count(self, outcome: str) -> float:
        return self.registry.get_sample_value("kubeocean_events_total", {"outcome": outcome}) or 0.0


async def test_events_are_written_in_their_order_by_somebody_else() -> None:
    rig = Rig()
    for reason in ("First", "Second", "Third"):
        rig.record(reason)
    assert rig.server.attempts == []
    running = asyncio.create_task(rig.recorder.run())
    async with asyncio.timeout(5):
        while rig.recorder.waiting:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert rig.server.reasons == ["First", "Second", "Third"]
    assert rig.count("written") == 3


async def test_what_waits_is_written_at_the_end() -> None:
    rig = Rig()
    running = asyncio.create_task(rig.recorder.run())
    await asyncio.sleep(0)
    rig.record("Last")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert rig.server.reasons == ["Last"]


async def test_a_server_that_hangs_does_not_keep_the_process_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "FLUSH_SECONDS", 0.01)
    rig = Rig(hangs=True)
    rig.record("Last")
    async with asyncio.timeout(5):
        await rig.recorder.flush()
    assert rig.recorder.waiting == 0


async def test_an_outage_is_waited_out_under_the_same_name() -> None:
    rig = Rig(TransientError("away", status=503), TransientError("away", status=503))
    rig.record("Patient")
    await rig.recorder.flush()
    assert rig.server.reasons == ["Patient"]
    assert len(rig.server.attempts) == 3
    assert len(set(rig.server.attempts)) == 1


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([RejectedError("no", status=403)], "refused"),
        ([NotFoundError("no namespace", status=404)], "moot"),
        ([AlreadyExistsError("lost answer", status=409)], "written"),
        ([TransientError("away", status=503)] * events.ATTEMPTS, "forgotten"),
    ],
    ids=["refused", "namespace gone", "written by an attempt before", "away for long"],
)
async def test_no_answer_keeps_the_next_event_from_being_written(answers: list[KubeError], outcome: str) -> None:
    rig = Rig(*answers)
    rig.record("Odd")
    rig.record("Next")
    await rig.recorder.flush()
    assert rig.server.reasons == ["Next"]
    assert rig.count(outcome) >= 1


async def test_the_oldest_go_when_too_many_wait() -> None:
    rig = Rig()
    for number in range(MOST_WAITING + 1):
        rig.record(f"N{number}")
    assert rig.recorder.waiting == MOST_WAITING
    assert rig.count("forgotten") == 1


def test_an_event_lands_in_the_namespace_of_its_object() -> None:
    manifest = event_for(Emit(POD, "Warning", "Odd", "x" * 5000), NOW, "1a")
    involved = {"apiVersion": "v1", "kind": "Pod", "name": "web", "uid": "u-1", "namespace": "mount"}
    assert manifest["involvedObject"] == involved
    assert manifest["metadata"] == {"name": "web.1a", "namespace": "mount"}
    assert len(manifest["message"]) == 1024
    assert manifest["firstTimestamp"] == "2026-03-01T12:00:00Z"


def test_an_event_about_a_cluster_scoped_object_lands_in_default() -> None:
    manifest = event_for(Emit(Target(Side.WORKER, NODES, "n", uid="u"), "Normal", "Fine", "well"), NOW, "1a")
    assert manifest["metadata"]["namespace"] == "default"
    assert "namespace" not in manifest["involvedObject"]
