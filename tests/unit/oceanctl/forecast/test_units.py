"""Units and round numbers."""

import pytest

from oceanctl.forecast.units import Unit, top_of, unit_for

GIB = 1000 << 30


@pytest.mark.parametrize(
    ("resource", "amount", "told"),
    [
        pytest.param("cpu", 55_600, "55.6 cores", id="cpu"),
        pytest.param("cpu", 2000, "2 cores", id="whole cores"),
        pytest.param("memory", 200 * GIB, "200 GiB", id="memory"),
        pytest.param("memory", 5 * 1024 * GIB, "5 TiB", id="much memory"),
        pytest.param("hugepages-2Mi", GIB, "1 GiB", id="huge pages"),
        pytest.param("nvidia.com/gpu", 4000, "4", id="devices"),
    ],
)
def test_amounts_are_told_in_a_unit_that_fits(resource: str, amount: int, told: str) -> None:
    assert unit_for(resource, amount).told(amount) == told


@pytest.mark.parametrize(
    ("unit", "peak", "top"),
    [
        pytest.param(Unit("cores", 1000), 55_600, 60, id="just above"),
        pytest.param(Unit("cores", 1000), 60_000, 60, id="exactly"),
        pytest.param(Unit("cores", 1000), 0, 1, id="nothing"),
        pytest.param(Unit("", 1000), 5000, 8, id="counted things in quarters"),
        pytest.param(Unit("", 1000), 9000, 12, id="over the next power"),
    ],
)
def test_an_axis_ends_at_a_round_number(unit: Unit, peak: int, top: float) -> None:
    assert top_of(unit, peak) == top
