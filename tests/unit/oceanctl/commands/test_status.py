from datetime import UTC, datetime, timedelta

import pytest

from oceanctl.commands.status import render, shown_amount, until
from oceanctl.fleet import Binding, Fleet, Policy, Vnode
from oceanctl.output import plain
from reconciler.gitops.state import State

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
READY = {"type": "Ready", "status": "True", "reason": "Applied"}
HELD = {"type": "Ready", "status": "False", "reason": "PruneHeld", "message": "12 deletions wait"}
EAST = Binding(
    "worker-1", "worker-1", "Ready", "True", 3, 2, {"cpu": "8", "memory": "32Gi"}, is_suspended=False, complaint=""
)


def rendered(fleet: Fleet) -> list[str]:
    return [plain(line) for line in render(fleet, NOW)]


def test_a_fleet_fits_into_eighty_columns() -> None:
    vnodes = [
        Vnode("vnode-worker-1-node-1", "worker-1", "Lent", "worker-1-nights", {"cpu": "3600m", "memory": "15Gi", "pods": "50"}, 4, NOW + timedelta(hours=18)),
        Vnode("vnode-worker-1-node-2", "worker-1", "Closed", "worker-1-nights", {"cpu": "3600m", "memory": "15Gi", "pods": "0"}, 2, NOW + timedelta(minutes=4)),
    ]  # fmt: skip
    policies = [Policy("worker-1-nights", "worker-1", "Active", 3, 2, NOW + timedelta(hours=18), "Close", "")]
    lines = rendered(
        Fleet(
            (State("quickstart", "4f2c9e1" + "0" * 33, conditions=(READY,)),), (EAST,), tuple(policies), tuple(vnodes)
        )
    )
    assert lines == [
        "inventory quickstart  4f2c9e100000  Ready",
        "",
        "binding worker-1  Ready  connected  2 of 3 nodes leased: 8 cpu, 32Gi memory",
        "VNODE                  STATE   POLICY           CPU  MEM   PODS  ENDS",
        "vnode-worker-1-node-1  Lent    worker-1-nights  3.6  15Gi  4/50  Tue 06:00Z",
        "vnode-worker-1-node-2  Closed  worker-1-nights  3.6  15Gi  2/0   in 4 min",
        "",
        "POLICY           BINDING   PHASE   LENT  NEXT",
        "worker-1-nights  worker-1  Active  2/3   closes Tue 06:00Z",
    ]

    assert max(map(len, lines)) <= 80


def test_what_stands_in_the_way_of_an_inventory_is_told() -> None:
    lines = rendered(Fleet((State("quick", conditions=(HELD,)),), (EAST,), (), ()))
    assert lines[:2] == ["inventory quick  nothing applied yet  PruneHeld", "  12 deletions wait"]


def test_an_empty_fleet_says_so() -> None:
    assert rendered(Fleet((), (), (), ())) == ["No bindings: nothing is lent to this cluster."]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        pytest.param(timedelta(seconds=90), "in 90 s", id="seconds"),
        pytest.param(timedelta(minutes=99), "in 99 min", id="minutes"),
        pytest.param(timedelta(minutes=100), "Mon 13:40Z", id="an hour of a day"),
        pytest.param(timedelta(days=5), "Sat 12:00Z", id="within a week"),
        pytest.param(timedelta(days=6), "2026-03-08", id="a date beyond"),
        pytest.param(timedelta(minutes=-5), "5 min ago", id="past"),
    ],
)
def test_an_instant_is_as_exact_as_it_is_near(left: timedelta, expected: str) -> None:
    assert until(NOW + left, NOW) == expected


def test_never_is_empty() -> None:
    assert until(None, NOW) == ""


@pytest.mark.parametrize(
    ("resource", "quantity", "expected"),
    [
        ("cpu", "1500m", "1.5"),
        ("cpu", "4", "4"),
        ("pods", "110", "110"),
        ("memory", "16384Mi", "16Gi"),
        ("memory", "1536Mi", "1.5Gi"),
        ("memory", "512000Ki", "500Mi"),
    ],
)
def test_amounts_are_short(resource: str, quantity: str, expected: str) -> None:
    assert shown_amount(resource, quantity) == expected
