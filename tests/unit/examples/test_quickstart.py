"""The example that `make demo` runs, and that people copy."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inventory.blobs import blobs_in
from inventory.cache import TextCache
from inventory.load import load
from inventory.model import Inventory, NodeSelector, Policy
from inventory.windows import is_open, zone_for

EXAMPLES = Path(__file__).parents[3] / "examples"
HOURS = tuple(datetime(2026, 1, 5, tzinfo=UTC) + timedelta(hours=hour) for hour in range(7 * 24))


def inventory_of(example: str) -> Inventory:
    inventory, problems = load(blobs_in(EXAMPLES / example), TextCache())
    assert problems == ()
    assert inventory is not None
    return inventory


@pytest.fixture
def policies() -> dict[str, Policy]:
    return {located.value.name: located.value for located in inventory_of("quickstart").policies}


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_an_example_is_valid_without_a_warning(example: str) -> None:
    assert inventory_of(example).id is not None


def test_two_workers_lend() -> None:
    bindings = [located.value for located in inventory_of("quickstart").bindings]

    assert [(each.name, each.secret_ref.name, each.mount_namespace) for each in bindings] == [
        ("worker-1", "worker-1-kubeconfig", "kubeocean-worker"),
        ("worker-2", "worker-2-kubeconfig", "kubeocean-worker"),
    ]


@pytest.mark.parametrize("worker", ["worker-1", "worker-2"])
def test_each_worker_lends_half_its_cpu_at_every_hour(policies: dict[str, Policy], worker: str) -> None:
    always = policies[f"{worker}-half-cpu"]

    assert (always.cluster, always.node_selector, always.windows) == (worker, None, ())
    assert [(limit.resource, limit.percent) for limit in always.limits] == [("cpu", 50)]


def test_one_policy_alone_opens_the_second_worker(policies: dict[str, Policy]) -> None:
    """So that the demo can close it by changing one file."""
    assert [policy.name for policy in policies.values() if policy.cluster == "worker-2"] == ["worker-2-half-cpu"]


def test_the_nights_policy_covers_weekday_nights_and_the_whole_weekend(policies: dict[str, Policy]) -> None:
    nights = policies["worker-1-nights"]
    berlin = zone_for("Europe/Berlin")

    for hour in HOURS:
        local = hour.astimezone(berlin)
        is_weekend = local.weekday() in (5, 6)
        is_night = local.hour >= 20 or local.hour < 6
        is_monday_morning = local.weekday() == 0 and local.hour < 6
        if (local.hour, local.minute) != (6, 0):
            assert is_open(nights.windows, berlin, hour) == (is_weekend or (is_night and not is_monday_morning)), local


def test_the_gpu_policy_covers_one_model_of_gpu(policies: dict[str, Policy]) -> None:
    selector = policies["worker-1-gpu"].node_selector

    assert isinstance(selector, NodeSelector)
    (term,) = selector.terms
    (requirement,) = term.expressions
    assert (requirement.key, requirement.operator) == ("nvidia.com/gpu.product", "In")


def test_where_several_policies_are_open_the_more_generous_one_wins(policies: dict[str, Policy]) -> None:
    by_priority = sorted((p for p in policies.values() if p.cluster == "worker-1"), key=lambda p: -p.priority)

    assert [policy.name for policy in by_priority] == ["worker-1-gpu", "worker-1-nights", "worker-1-half-cpu"]
