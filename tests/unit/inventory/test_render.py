import json
from typing import Any

from inventory.plan import Plan, plan
from inventory.render import to_json, to_text
from tests.unit.inventory.live import edited
from tests.unit.inventory.repository import binding, policy
from tests.unit.inventory.test_plan import FILES, inventory, live_of, planned, without

LIMITS = "  resourceLimits: [{resource: cpu, percent: 40}]\n"
BEFORE = {**FILES, "policies/a-1.yaml": policy("a-1", "a", "  priority: 1\n" + LIMITS)}
AFTER = {
    **without(FILES, "policies/b-1.yaml"),
    "policies/a-1.yaml": policy("a-1", "a", "  priority: 2\n" + LIMITS),
    "policies/new.yaml": policy("new", "b"),
}


def mixed_plan() -> Plan:
    """A creation, an update with drift, and a deletion."""
    drifted = [{"resource": "cpu", "percent": 80}]
    live = [
        edited(each, resourceLimits=drifted) if each["metadata"]["name"] == "a-1" else each for each in live_of(BEFORE)
    ]
    return planned(AFTER, live)


def test_a_plan_reads_line_by_line() -> None:
    made = mixed_plan()

    assert to_text(made).splitlines() == [
        "  ~ ResourceLeasingPolicy/a-1                       policies/a-1.yaml",
        "      ~ spec.priority   1 -> 2   policies/a-1.yaml:7:13",
        "      ! spec.resourceLimits[cpu].percent   live 80 -> 40   set by kubectl-edit",
        "  + ResourceLeasingPolicy/new                       policies/new.yaml",
        "  - ResourceLeasingPolicy/b-1                       not in the inventory any more",
        "Guards   delete 1/4 (25 %, max 20 % from 10 objects on) ok",
        f"Plan: 1 create, 1 update, 1 delete, 1 drift revert, 2 unchanged. {made.digest}",
    ]


def test_a_plan_without_changes_is_short() -> None:
    made = planned(FILES, live_of(FILES))

    assert to_text(made).splitlines() == [
        "Guards   delete 0/4 (0 %, max 20 % from 10 objects on) ok",
        f"Plan: 0 create, 0 update, 0 delete, 0 drift revert, 4 unchanged. {made.digest}",
    ]


def test_held_deletions_say_why_and_how_to_approve_them() -> None:
    strict = inventory({**without(FILES, "policies/b-1.yaml"), "ocean.yaml": "guards: {maxDelete: 0}\n"})
    made = plan(strict, live_of(FILES), inventory_id="prod")

    lines = to_text(made).splitlines()

    assert "  - ResourceLeasingPolicy/b-1                       deletion held" in lines
    assert (
        "Guards   delete 1/4 (25 %, max 20 % from 10 objects on, max 0) HELD: more than 0 deletions at once; "
        f"approve with {made.guard.token}"
    ) in lines
    assert "1 delete (held)" in lines[-1]


def test_what_cannot_be_approved_offers_no_token() -> None:
    made = planned({"README.md": ""}, live_of(FILES))

    guard = to_text(made).splitlines()[-2]
    assert guard.endswith("HELD: the inventory is empty, and nothing is ever deleted for that")


def test_conflicts_objects_that_go_and_protected_ones_are_marked() -> None:
    live = live_of(BEFORE)
    by_name = {each["metadata"]["name"]: each for each in live}
    by_name["b"]["metadata"]["deletionTimestamp"] = "2026-01-05T12:00:00Z"
    by_name["b-1"]["metadata"]["annotations"] = {"kubeocean.io/prune": "disabled"}
    changed = {
        **without(BEFORE, "policies/b-1.yaml"),
        "bindings/a.yaml": binding("a").replace("clusterID: a", "clusterID: x"),
    }

    lines = to_text(planned(changed, live)).splitlines()

    assert [line[:4] for line in lines[:-3] if not line.startswith("      ")] == ["  x ", "  ? ", "  # "]
    assert lines[-3].startswith("  bindings/a.yaml:6:14: error OE4102 spec.clusterID")
    assert lines[-1].startswith(
        "Plan: 0 create, 0 update, 0 delete, 0 drift revert, 1 unchanged, 1 protected, 1 going, 1 conflict."
    )


def test_a_long_value_is_cut() -> None:
    windows = ", ".join(f'{{start: "{hour:02}:00", end: "{hour:02}:30"}}' for hour in range(24))
    made = planned({**FILES, "policies/b-1.yaml": policy("b-1", "b", f"  timeWindows: [{windows}]\n")}, live_of(FILES))

    assert max(len(line) for line in to_text(made).splitlines()) < 320


def test_json_holds_all_that_carrying_out_the_plan_needs() -> None:
    made = mixed_plan()
    data: dict[str, Any] = json.loads(json.dumps(to_json(made)))
    update, create, *_, delete = (change for change in data["changes"] if change["action"] != "unchanged")

    assert data["formatVersion"] == "1.0"
    assert (data["inventory"], data["digest"]) == ("prod", made.digest)
    assert data["summary"] == {
        "create": 1,
        "update": 1,
        "delete": 1,
        "unchanged": 2,
        "protected": 0,
        "going": 0,
        "conflict": 0,
        "driftedFields": 1,
    }
    assert update["fields"][0] == {
        "op": "replace",
        "path": "/spec/priority",
        "field": "spec.priority",
        "before": 1,
        "after": 2,
        "origin": {"file": "policies/a-1.yaml", "line": 7, "column": 13},
        "driftBy": None,
    }
    assert update["manifest"]["metadata"]["labels"] == {"kubeocean.io/inventory": "prod"}
    assert (create["uid"], create["manifest"]["metadata"]["name"]) == (None, "new")
    assert (delete["uid"], delete["manifest"]) == ("uid-b-1", None)
    assert data["guards"]["held"] is False


def test_json_tells_problems_and_held_objects() -> None:
    made = planned({"README.md": ""}, live_of(FILES))

    guards = to_json(made)["guards"]

    assert (guards["held"], guards["token"]) == (True, None)
    assert sorted(guards["heldObjects"]) == [
        "ClusterBinding/a",
        "ClusterBinding/b",
        "ResourceLeasingPolicy/a-1",
        "ResourceLeasingPolicy/b-1",
    ]
