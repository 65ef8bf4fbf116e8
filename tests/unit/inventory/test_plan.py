from dataclasses import replace
from typing import Any

import pytest

from inventory.errors import Position
from inventory.model import Guards, Inventory
from inventory.names import INVENTORY_ID, PRUNE
from inventory.plan import Action, Plan, plan
from tests.unit.inventory.live import applied, edited
from tests.unit.inventory.repository import binding, policy, read

FILES = {
    "bindings/a.yaml": binding("a"),
    "bindings/b.yaml": binding("b"),
    "policies/a-1.yaml": policy("a-1", "a", "  priority: 1\n"),
    "policies/b-1.yaml": policy("b-1", "b"),
}


def inventory(files: dict[str, str]) -> Inventory:
    found, problems = read(files)
    assert found is not None, problems
    return found


def live_of(files: dict[str, str]) -> list[dict[str, Any]]:
    """What the cluster holds after these files were applied."""
    wanted = inventory(files)
    bindings = [applied(each.manifest, uid=f"uid-{each.value.name}") for each in wanted.bindings]
    return bindings + [applied(each.manifest, uid=f"uid-{each.value.name}") for each in wanted.policies]


def planned(files: dict[str, str], live: list[dict[str, Any]], **options: Any) -> Plan:
    return plan(inventory(files), live, inventory_id="prod", **options)


def actions(made: Plan) -> dict[str, str]:
    return {change.name: change.action.value for change in made.changes}


def without(files: dict[str, str], *paths: str) -> dict[str, str]:
    return {path: content for path, content in files.items() if path not in paths}


def test_into_an_empty_cluster_everything_is_created_binding_by_binding() -> None:
    made = planned(FILES, [])

    assert [(change.action.value, change.kind, change.name) for change in made.changes] == [
        ("create", "ClusterBinding", "a"),
        ("create", "ResourceLeasingPolicy", "a-1"),
        ("create", "ClusterBinding", "b"),
        ("create", "ResourceLeasingPolicy", "b-1"),
    ]


def test_what_is_applied_says_what_the_file_says_and_whose_it_is() -> None:
    made = planned({"bindings/a.yaml": binding("a").replace("name: a\n", "name: a\n  labels: {team: x}\n", 1)}, [])

    (change,) = made.to_apply
    assert change.manifest == {
        "apiVersion": "cloud.tencent.com/v1beta1",
        "kind": "ClusterBinding",
        "metadata": {"name": "a", "labels": {"team": "x", INVENTORY_ID: "prod"}},
        "spec": {
            "clusterID": "a",
            "secretRef": {"name": "a-kubeconfig", "namespace": "kubeocean-system"},
            "mountNamespace": "kubeocean-worker",
        },
    }
    assert change.at == Position("bindings/a.yaml", 1, 1)


def test_a_second_plan_over_an_unchanged_world_does_nothing() -> None:
    made = planned(FILES, live_of(FILES))

    assert set(actions(made).values()) == {"unchanged"}
    assert (made.has_changes, made.to_apply, made.to_delete, made.problems) == (False, (), (), ())


def test_a_changed_file_is_an_update_of_its_fields() -> None:
    changed = {**FILES, "policies/a-1.yaml": policy("a-1", "a", "  priority: 2\n")}

    made = planned(changed, live_of(FILES))

    (change,) = made.to_apply
    (field,) = change.fields
    assert (change.action, change.name, change.uid, change.generation) == (Action.UPDATE, "a-1", "uid-a-1", 1)
    assert (field.field, field.before, field.after) == ("spec.priority", 1, 2)
    assert field.origin == Position("policies/a-1.yaml", 7, 13)


def test_a_renamed_file_is_no_change() -> None:
    renamed = {**without(FILES, "policies/a-1.yaml"), "policies/z.yaml": FILES["policies/a-1.yaml"]}

    made = planned(renamed, live_of(FILES))

    assert not made.has_changes
    assert made.digest == planned(FILES, live_of(FILES)).digest


def test_a_removed_policy_file_deletes_its_object() -> None:
    made = planned(without(FILES, "policies/a-1.yaml"), live_of(FILES))

    (change,) = made.to_delete
    assert (change.kind, change.name, change.uid) == ("ResourceLeasingPolicy", "a-1", "uid-a-1")


def test_a_removed_binding_goes_after_its_policies_and_after_all_that_is_applied() -> None:
    changed = {
        **without(FILES, "bindings/a.yaml", "policies/a-1.yaml"),
        "policies/b-2.yaml": policy("b-2", "b", "  priority: 2\n"),
    }

    made = planned(changed, live_of(FILES))

    assert [(change.action.value, change.name) for change in made.changes if change.action is not Action.UNCHANGED] == [
        ("create", "b-2"),
        ("delete", "a-1"),
        ("delete", "a"),
    ]


def test_an_emptied_repository_deletes_nothing() -> None:
    made = planned({"ocean.yaml": "inventory: {id: prod}\n"}, live_of(FILES))

    assert (made.has_changes, made.to_delete, len(made.held)) == (False, (), 4)
    assert made.guard.token is None


def test_too_many_deletions_are_held_while_all_else_is_applied() -> None:
    many = {**FILES, **{f"policies/b-{n}.yaml": policy(f"b-{n}", "b", f"  priority: {n}\n") for n in range(2, 10)}}
    fewer = {**FILES, "policies/new.yaml": policy("new", "a", "  priority: 7\n")}
    held = planned(fewer, live_of(many))

    assert [change.name for change in held.to_apply] == ["new"]
    assert (held.to_delete, len(held.held)) == ((), 8)
    approved = planned(fewer, live_of(many), approved=frozenset({held.guard.token}))
    assert len(approved.to_delete) == 8


def test_objects_of_others_are_never_deleted() -> None:
    live = live_of(FILES)
    by_hand = {"kind": "ResourceLeasingPolicy", "metadata": {"name": "by-hand"}, "spec": {"cluster": "a"}}
    foreign = applied({**by_hand, "metadata": {"name": "foreign"}}, inventory_id="test")

    made = planned(FILES, [*live, by_hand, foreign])

    assert not made.has_changes
    assert {"by-hand", "foreign"}.isdisjoint(actions(made))


def test_a_protected_object_stays() -> None:
    live = live_of(FILES)
    for each in live:
        each["metadata"]["annotations"] = {PRUNE: "disabled"}

    made = planned(without(FILES, "policies/a-1.yaml"), live)

    assert actions(made)["a-1"] == "protected"
    assert (made.has_changes, made.guard.deletions) == (False, 0)


def test_another_value_of_the_annotation_protects_nothing() -> None:
    live = live_of(FILES)
    for each in live:
        each["metadata"]["annotations"] = {PRUNE: "enabled"}

    assert actions(planned(without(FILES, "policies/a-1.yaml"), live))["a-1"] == "delete"


def test_an_object_that_nobody_marked_is_adopted() -> None:
    live = live_of(FILES)
    for each in live:
        del each["metadata"]["labels"]
        del each["metadata"]["managedFields"]

    made = planned(FILES, live)

    assert set(actions(made).values()) == {"update"}
    assert {field.after[INVENTORY_ID] for change in made.to_apply for field in change.fields} == {"prod"}


def test_an_object_of_another_inventory_is_a_conflict_and_left_alone() -> None:
    wanted = inventory(FILES)
    live = [applied(each.manifest, inventory_id="test") for each in wanted.bindings]

    made = planned(without(FILES, "bindings/b.yaml", "policies/b-1.yaml"), live)

    assert actions(made)["a"] == "conflict"
    (problem,) = made.problems
    assert (problem.code, problem.at.file) == ("OE4101", "bindings/a.yaml")
    assert "'test'" in problem.message
    assert [change.name for change in (*made.to_apply, *made.to_delete)] == ["a-1"]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [("clusterID: a", "clusterID: new", 6), ("mountNamespace: kubeocean-worker", "mountNamespace: new", 8)],
)
def test_a_field_that_cannot_change_is_a_conflict_at_its_line(before: str, after: str, line: int) -> None:
    changed = {**FILES, "bindings/a.yaml": binding("a").replace(before, after)}

    made = planned(changed, live_of(FILES))

    assert actions(made)["a"] == "conflict"
    (problem,) = made.problems
    assert (problem.code, problem.at.file, problem.at.line) == ("OE4102", "bindings/a.yaml", line)
    assert not made.has_changes


def test_an_object_that_is_being_deleted_is_waited_for() -> None:
    live = live_of(FILES)
    for each in live:
        each["metadata"]["deletionTimestamp"] = "2026-01-05T12:00:00Z"

    assert set(actions(planned(FILES, live)).values()) == {"going"}
    assert actions(planned({"bindings/c.yaml": binding("c")}, live)) == {"c": "create"}


def test_drift_is_an_update_that_names_who_changed_the_field() -> None:
    live = [edited(each, priority=9) if each["metadata"]["name"] == "a-1" else each for each in live_of(FILES)]

    made = planned(FILES, live)

    (change,) = made.to_apply
    assert (change.name, made.drifted) == ("a-1", 1)


def test_the_guards_of_the_inventory_count() -> None:
    strict = replace(inventory(without(FILES, "policies/a-1.yaml")), guards=Guards(max_delete=0))

    assert plan(strict, live_of(FILES), inventory_id="prod").guard.is_held


def test_plans_that_do_the_same_have_the_same_digest() -> None:
    changed = {**FILES, "policies/a-1.yaml": "# a comment\n" + policy("a-1", "a", "  priority: 2\n")}
    elsewhere = {**without(changed, "policies/a-1.yaml"), "x.yaml": changed["policies/a-1.yaml"]}

    assert planned(changed, live_of(FILES)).digest == planned(elsewhere, list(reversed(live_of(FILES)))).digest


@pytest.mark.parametrize(
    "other",
    [
        FILES,
        {**FILES, "policies/a-1.yaml": policy("a-1", "a", "  priority: 3\n")},
        {**FILES, "policies/a-2.yaml": policy("a-2", "a", "  priority: 2\n")},
        without(FILES, "policies/a-1.yaml"),
    ],
    ids=["nothing", "another value", "another object", "a deletion"],
)
def test_plans_that_do_something_else_have_another_digest(other: dict[str, str]) -> None:
    changed = {**FILES, "policies/a-1.yaml": policy("a-1", "a", "  priority: 2\n")}

    assert planned(changed, live_of(FILES)).digest != planned(other, live_of(FILES)).digest
