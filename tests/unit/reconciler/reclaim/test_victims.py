"""Whom a lease that has become too small sends away."""

from datetime import timedelta
from typing import Any

import pytest

from reconciler.bottomup.capacity import requests_of
from reconciler.reclaim.victims import Tenant, victims_among
from tests.leasing import MONDAY_NOON, pod

ROOM = {"cpu": 2000, "memory": 4 * 1024**3 * 1000, "pods": 110_000}


def tenant(name: str, cpu: str = "1", *, age: int = 0, priority: int = 0, memory: str = "0", gpu: str = "0") -> Tenant:
    """A pod that is so many seconds old."""
    metadata: dict[str, Any] = {"creation_timestamp": MONDAY_NOON - timedelta(seconds=age)}
    made = pod(name, requests={"cpu": cpu, "memory": memory, "nvidia.com/gpu": gpu}, priority=priority, **metadata)
    return Tenant(made, requests_of(made))


@pytest.mark.parametrize(
    ("staying", "room", "victims"),
    [
        pytest.param((), ROOM, "", id="nobody-is-there"),
        pytest.param((tenant("a"), tenant("b")), ROOM, "", id="everybody-fits-exactly"),
        pytest.param(
            (tenant("old", age=9), tenant("young", age=1), tenant("middle", age=5)), ROOM, "young", id="youngest"
        ),
        pytest.param(
            (tenant("low", age=9, priority=-1), tenant("high", age=1), tenant("higher", priority=5)),
            ROOM,
            "low",
            id="priority-before-age",
        ),
        pytest.param((tenant("a"), tenant("b"), tenant("c")), ROOM, "a", id="name-decides-among-equals"),
        pytest.param(
            (tenant("small", "100m"), tenant("big", "2", age=9)), ROOM, "small", id="the-first-that-is-enough"
        ),
        pytest.param(
            (tenant("small", "100m"), tenant("big", "2500m", age=9)),
            ROOM,
            "big",
            id="spared-when-the-next-is-enough-alone",
        ),
        pytest.param(
            (tenant("idle", "0"), tenant("busy", "3", age=9)), ROOM, "busy", id="one-that-does-not-help-is-never-chosen"
        ),
        pytest.param(
            (tenant("a", "1", memory="3Gi"), tenant("b", "2", age=9, memory="1Gi"), tenant("c", "0", memory="2Gi")),
            ROOM,
            "a",
            id="one-that-helps-twice",
        ),
        pytest.param(
            (tenant("cpu", "3", age=9), tenant("memory", "0", memory="5Gi")), ROOM, "cpu memory", id="every-resource"
        ),
        pytest.param((tenant("gpu", "0", gpu="1"),), ROOM, "gpu", id="a-resource-that-is-gone"),
        pytest.param(
            (
                tenant("low", priority=-1),
                tenant("middle"),
                tenant("gpu", gpu="1", priority=1),
                tenant("calm", "1", priority=2),
            ),
            ROOM,
            "gpu low",
            id="of-those-that-are-not-needed-the-more-important-is-spared",
        ),
        pytest.param((tenant("a", "0"), tenant("b", "0")), {"cpu": 0, "pods": 1000}, "a", id="number-of-pods"),
        pytest.param((tenant("a"), tenant("b")), {"cpu": 0, "pods": 0}, "a b", id="nothing-is-lent"),
    ],
)
def test_just_enough_of_the_least_important_go(staying: tuple[Tenant, ...], room: dict[str, int], victims: str) -> None:
    assert [each.metadata.name for each in victims_among(staying, room)] == victims.split()


def test_one_of_unknown_age_counts_as_the_oldest() -> None:
    ageless = pod("ageless", requests={"cpu": "1"})
    staying = (Tenant(ageless, requests_of(ageless)), tenant("a", age=10**6), tenant("b", age=10**6))
    assert [each.metadata.name for each in victims_among(staying, ROOM)] == ["a"]
