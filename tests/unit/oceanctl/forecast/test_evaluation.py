"""What is lent when, from policies and machines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from inventory.model import Limit, Policy, Window
from inventory.standing import Candidate
from oceanctl.forecast.evaluation import Forecast, forecast_of
from oceanctl.forecast.supply import Machine, Supply
from tests.leasing import BINDING

BEGIN = datetime(2026, 6, 1, 12, tzinfo=UTC)
NIGHTS = Policy("nights", BINDING.name, windows=(Window(22 * 60, 6 * 60 - 1),))
MACHINES = (Machine("n1", {}, {"cpu": "8"}, {"cpu": 2000}), Machine("n2", {}, {"cpu": "4"}, {}))


def forecast(*policies: Policy, supply: Supply | None = None, days: int = 1) -> Forecast:
    return forecast_of([supply or Supply(BINDING, MACHINES)], policies, BEGIN, BEGIN + timedelta(days=days))


def steps(found: Forecast) -> list[tuple[str, int, int]]:
    return [(f"{step.at:%d %H:%M}", step.nodes, step.capacity.get("cpu", 0)) for step in found.series[0].steps]


def test_steps_stand_where_windows_open_and_close() -> None:
    assert steps(forecast(NIGHTS)) == [("01 12:00", 0, 0), ("01 22:00", 2, 10_000), ("02 06:00", 0, 0)]


def test_another_policy_takes_over_where_the_first_one_closes() -> None:
    spare = Policy("spare", BINDING.name, limits=(Limit("cpu", 500),), priority=-1)
    assert steps(forecast(NIGHTS, spare)) == [("01 12:00", 2, 1000), ("01 22:00", 2, 10_000), ("02 06:00", 2, 1000)]


def test_edges_that_change_nothing_are_no_steps() -> None:
    other = replace(NIGHTS, name="other", windows=(Window(6 * 60, 22 * 60 - 1),))
    assert steps(forecast(NIGHTS, other)) == [("01 12:00", 2, 10_000)]


@pytest.mark.parametrize(
    ("policy", "supply"),
    [
        pytest.param(replace(NIGHTS, windows=(), suspend=True), Supply(BINDING, MACHINES), id="a suspended policy"),
        pytest.param(
            replace(NIGHTS, windows=()), Supply(replace(BINDING, suspend=True), MACHINES), id="a suspended binding"
        ),
        pytest.param(replace(NIGHTS, windows=(), cluster="other"), Supply(BINDING, MACHINES), id="of another cluster"),
        pytest.param(replace(NIGHTS, windows=()), Supply(BINDING), id="no machines"),
        pytest.param(replace(NIGHTS, windows=()), Supply(BINDING, MACHINES, worker=None), id="an unknown veto"),
    ],
)
def test_nothing_is_lent_by(policy: Policy, supply: Supply) -> None:
    assert steps(forecast(policy, supply=supply)) == [("01 12:00", 0, 0)]


def test_policies_of_the_worker_itself_count() -> None:
    veto = Candidate("veto", replace(NIGHTS, name="veto"))
    supply = Supply(BINDING, MACHINES, worker=(veto,))
    assert steps(forecast(replace(NIGHTS, windows=()), supply=supply)) == steps(forecast(NIGHTS))


def test_a_notice_does_not_end_a_lease() -> None:
    assert steps(forecast(replace(NIGHTS, notice=timedelta(hours=2)))) == steps(forecast(NIGHTS))
