import pytest

from oceanctl.sandbox.hollow.admission import Refusal, why_refused

CAPACITY = {"cpu": "4", "memory": "8Gi", "pods": "2", "nvidia.com/gpu": "1"}
MILLI = 1000


def test_a_pod_that_just_fits_is_admitted() -> None:
    assert why_refused({"cpu": 3000, "pods": MILLI}, [{"cpu": 1000, "pods": MILLI}], CAPACITY) is None


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (
            {"cpu": 3001},
            Refusal("OutOfcpu", "Node didn't have enough resource: cpu, requested: 3001, used: 1000, capacity: 4000"),
        ),
        (
            {"memory": (8 << 30) * MILLI + MILLI},
            Refusal(
                "OutOfmemory",
                "Node didn't have enough resource: memory, requested: 8589934593, used: 0, capacity: 8589934592",
            ),
        ),
        (
            {"nvidia.com/gpu": 2 * MILLI},
            Refusal(
                "OutOfnvidia.com/gpu",
                "Node didn't have enough resource: nvidia.com/gpu, requested: 2, used: 0, capacity: 1",
            ),
        ),
    ],
    ids=["cpu", "memory", "gpu"],
)
def test_a_pod_that_does_not_fit_is_refused_for_what_is_short(wanted: dict[str, int], refusal: Refusal) -> None:
    assert why_refused({**wanted, "pods": MILLI}, [{"cpu": 1000, "pods": MILLI}], CAPACITY) == refusal


def test_a_node_takes_so_many_pods() -> None:
    refusal = why_refused({"pods": MILLI}, [{"pods": MILLI}, {"pods": MILLI}], CAPACITY)
    assert refusal is not None
    assert refusal.reason == "OutOfpods"


def test_a_pod_that_asks_for_nothing_short_fits_on_an_overfull_node() -> None:
    assert why_refused({"memory": 1}, [{"cpu": 9000}], CAPACITY) is None


def test_a_resource_that_the_node_does_not_know_is_not_looked_at() -> None:
    assert why_refused({"example.com/fpga": MILLI}, [], CAPACITY) is None
