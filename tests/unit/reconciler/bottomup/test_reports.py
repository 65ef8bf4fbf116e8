from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from inventory.errors import Position, Problem
from inventory.model import Policy, Window
from reconciler import names
from reconciler.bottomup.reports import BindingReportView, PolicyView, decide_binding_report, decide_policy
from reconciler.decision import Decision, Patch
from reconciler.kube.projections import CustomObject, Node, NodeStatus, ObjectMeta

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
MORNING = Window(8 * 60, 12 * 60 + 29)
EVENING = Window(18 * 60, 20 * 60 - 1)


def policy_view(policy: Policy | None, lends: int = 2, status: dict[str, Any] | None = None) -> PolicyView:
    seen = CustomObject(
        ObjectMeta("night", uid="u", resource_version="1", generation=3), {"cluster": "eu"}, status or {}
    )
    return PolicyView(seen, policy, () if policy else (Problem("OE2", "percent is 150", Position("x")),), 5, lends)


def status_of(decision: Decision) -> dict[str, Any]:
    (patch,) = decision.actions
    assert isinstance(patch, Patch)
    status: dict[str, Any] = patch.patch["status"]
    return status


OPEN = Policy("night", "eu", windows=(MORNING,))
ROWS = [
    (OPEN, "Active", "ActiveTimeWindow", {"at": "2026-03-02T12:30:00Z", "direction": "Close"}),
    (
        Policy("night", "eu", windows=(EVENING,)),
        "Inactive",
        "InactiveTimeWindow",
        {"at": "2026-03-02T18:00:00Z", "direction": "Open"},
    ),
    (Policy("night", "eu"), "Active", "ActiveTimeWindow", None),
    (
        replace(OPEN, expires_at=NOW + timedelta(minutes=1)),
        "Active",
        "ActiveTimeWindow",
        {"at": "2026-03-02T12:01:00Z", "direction": "Close"},
    ),
    (
        Policy("night", "eu", windows=(EVENING,), expires_at=NOW + timedelta(minutes=1)),
        "Inactive",
        "InactiveTimeWindow",
        None,
    ),
    (replace(OPEN, expires_at=NOW), "Inactive", "Expired", None),
    (replace(OPEN, suspend=True), "Active", "Suspended", {"at": "2026-03-02T12:30:00Z", "direction": "Close"}),
    (None, "Failed", "ValidationError", None),
]
IDS = [
    "open",
    "closed",
    "always",
    "expires before it closes",
    "expires before it opens",
    "expired",
    "suspended",
    "invalid",
]


@pytest.mark.parametrize(
    ("policy", "phase", "reason", "transition"),
    ROWS,
    ids=IDS,
)
def test_a_policy_s_status_says_what_holds_now_and_next(
    policy: Policy | None, phase: str, reason: str, transition: dict[str, str] | None
) -> None:
    status = status_of(decide_policy(policy_view(policy), NOW))
    active = next(condition for condition in status["conditions"] if condition["type"] == "Active")
    assert (status["phase"], active["reason"], status.get("nextTransition")) == (phase, reason, transition)
    assert status["observedGeneration"] == 3
    assert status["nodes"] == {"matched": 5, "leased": 2}
    assert status["lastAppliedTime"] == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize("policy", [row[0] for row in ROWS], ids=IDS)
def test_a_second_look_writes_nothing(policy: Policy | None) -> None:
    status = {
        key: value for key, value in status_of(decide_policy(policy_view(policy), NOW)).items() if value is not None
    }
    assert decide_policy(policy_view(policy, status=status), NOW + timedelta(seconds=1)).actions == ()


def test_a_policy_asks_to_be_looked_at_when_it_changes() -> None:
    assert decide_policy(policy_view(OPEN), NOW).wake_at == datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    assert decide_policy(policy_view(None), NOW).wake_at is None


def vnode(name: str, cpu: str, **annotations: str) -> Node:
    return Node(ObjectMeta(name, annotations=annotations), status=NodeStatus(allocatable={"cpu": cpu, "memory": "1Gi"}))


CLOSED = vnode("c", "8", **{names.WINDOW_CLOSED_AT: "2026-03-02T11:00:00Z"})


def report_view(*vnodes: Node, status: dict[str, Any] | None = None) -> BindingReportView:
    return BindingReportView(CustomObject(ObjectMeta("eu", uid="u"), {}, status or {}), vnodes)


def test_only_open_vnodes_count_as_leased() -> None:
    status = status_of(decide_binding_report(report_view(vnode("a", "1500m"), vnode("b", "2"), CLOSED), NOW))
    assert status["nodes"] == {"matched": 3, "leased": 2}
    assert status["leased"] == {"cpu": "3500m", "memory": "2Gi"}
    assert status["lastSyncTime"] == "2026-03-02T12:00:00Z"


def test_the_sync_time_never_moves_alone() -> None:
    first = report_view(vnode("a", "1"))
    status = status_of(decide_binding_report(first, NOW))
    again = replace(first, seen=msgspec.structs.replace(first.seen, status=status))
    assert decide_binding_report(again, NOW + timedelta(hours=1)).actions == ()


def test_a_resource_that_is_leased_no_more_is_removed() -> None:
    status = status_of(
        decide_binding_report(
            report_view(CLOSED, status={"leased": {"cpu": "1"}, "nodes": {"matched": 1, "leased": 1}}), NOW
        )
    )
    assert status["leased"] == {"cpu": None}
