"""Forecasts against the reconciler's rules asked at single instants, machine by machine."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from inventory.model import Binding, Limit, NodeSelector, Policy, Requirement, SecretRef, SelectorTerm, Window
from inventory.standing import Candidate, Outcome, Sides, standing_of
from oceanctl.forecast.evaluation import forecast_of
from oceanctl.forecast.levels import amount_at, levels_of, resources_of, summary_of, total_of
from oceanctl.forecast.supply import Machine, Supply
from reconciler.bottomup.capacity import lease_of

BINDING = Binding("paris", "paris", SecretRef("s", "n"), "lent")
BEGIN = datetime(2026, 3, 27, tzinfo=UTC)
HORIZON = timedelta(days=5)
GPU_ONLY = NodeSelector((SelectorTerm((Requirement("gpu", "Exists"),)),))
MINUTES = st.integers(0, 1439)
OFFSETS = st.integers(0, int(HORIZON.total_seconds()) - 1)

WINDOWS = st.builds(Window, MINUTES, MINUTES, st.frozensets(st.integers(0, 6), max_size=3))
LIMITS = st.lists(
    st.builds(Limit, st.sampled_from(["cpu", "memory"]), st.none() | st.integers(0, 9000), st.integers(0, 100)),
    max_size=2,
    unique_by=lambda limit: limit.resource,
)
POLICIES = st.lists(
    st.builds(
        lambda windows, limits, selector, priority, expiry: Policy(
            f"p{priority}",
            "paris",
            selector,
            tuple(windows),
            "Europe/Paris",
            tuple(limits),
            priority=priority,
            expires_at=BEGIN + timedelta(seconds=expiry) if expiry else None,
        ),
        st.lists(WINDOWS, max_size=2),
        LIMITS,
        st.sampled_from([None, GPU_ONLY]),
        st.integers(0, 9),
        st.none() | OFFSETS,
    ),
    max_size=3,
    unique_by=lambda policy: policy.name,
)
MACHINES = st.lists(
    st.builds(
        lambda labels, cpu, load: Machine(
            "n", labels, {"cpu": str(cpu), "memory": f"{cpu}Gi", "pods": "9"}, {"cpu": load}
        ),
        st.sampled_from([{}, {"gpu": "a100"}, {"type": "virtual-kubelet"}]),
        st.integers(0, 64),
        st.integers(0, 20_000),
    ),
    max_size=4,
)


def asked(machines: list[Machine], policies: list[Policy], now: datetime) -> dict[str, int]:
    """What they lend at one instant."""
    total: Counter[str] = Counter()
    sides = Sides(tuple(Candidate(policy.name, policy) for policy in policies))
    for machine in machines:
        standing = standing_of(machine.labels, machine.name, BINDING, sides, now)
        if standing is not None and standing.outcome is Outcome.LENT:
            total.update(lease_of(machine.allocatable, machine.load, standing.lenders))
    return {name: amount for name, amount in total.items() if amount}


@given(MACHINES, POLICIES, OFFSETS)
def test_every_instant_has_what_the_rules_say_of_it(
    machines: list[Machine], policies: list[Policy], offset: int
) -> None:
    forecast = forecast_of([Supply(BINDING, tuple(machines))], policies, BEGIN, BEGIN + HORIZON)
    now = BEGIN + timedelta(seconds=offset)
    [series] = forecast.series
    found = {name: amount_at(levels_of(series, name, forecast.end), now) for name in resources_of(forecast)}
    assert {name: amount for name, amount in found.items() if amount} == asked(machines, policies, now)


@given(MACHINES, POLICIES, OFFSETS, st.integers(1, 86400))
def test_a_mean_lies_between_the_lowest_and_the_highest(
    machines: list[Machine], policies: list[Policy], offset: int, seconds: int
) -> None:
    forecast = forecast_of([Supply(BINDING, tuple(machines))], policies, BEGIN, BEGIN + HORIZON)
    start = BEGIN + timedelta(seconds=offset)
    found = summary_of(total_of(forecast, "cpu"), start, start + timedelta(seconds=seconds))
    assert found is not None
    assert found.lowest <= found.mean <= found.highest
