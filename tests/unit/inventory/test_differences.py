from typing import Any

import pytest

from inventory.differences import differences
from inventory.errors import Position
from inventory.names import INVENTORY_ID
from tests.unit.inventory.live import applied, edited

Summary = tuple[str, str, Any, Any]


def manifest(labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "p"} if labels is None else {"name": "p", "labels": labels}
    return {"kind": "ResourceLeasingPolicy", "metadata": metadata, "spec": {"cluster": "w", **spec}}


def marked(wanted: dict[str, Any]) -> dict[str, Any]:
    labels = wanted["metadata"].get("labels", {})
    return {**wanted, "metadata": {**wanted["metadata"], "labels": {**labels, INVENTORY_ID: "prod"}}}


def changes(live: dict[str, Any], wanted: dict[str, Any]) -> list[Summary]:
    return [(each.op, each.field, each.before, each.after) for each in differences(live, marked(wanted), {})]


def window(start: str, end: str) -> dict[str, str]:
    return {"start": start, "end": end}


def limit(resource: str, **amounts: Any) -> dict[str, Any]:
    return {"resource": resource, **amounts}


RICH = manifest(
    {"team": "a"},
    priority=5,
    nodeSelector={"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]},
    timeWindows=[window("08:00", "09:00"), window("10:00", "11:00")],
    resourceLimits=[limit("cpu", percent=50), limit("memory", quantity="1Gi")],
)


@pytest.mark.parametrize("wanted", [manifest(), RICH, manifest(timeWindows=[])], ids=["minimal", "rich", "empty list"])
def test_what_was_applied_has_no_differences(wanted: dict[str, Any]) -> None:
    assert changes(applied(wanted), wanted) == []


def test_a_declared_value_that_differs_is_replaced() -> None:
    assert changes(applied(manifest(priority=5)), manifest(priority=6)) == [("replace", "spec.priority", 5, 6)]


def test_declaring_what_is_the_default_already_is_no_change() -> None:
    assert changes(applied(manifest()), manifest(drainSeconds=60)) == []


def test_a_new_declaration_is_added() -> None:
    assert changes(applied(manifest()), manifest(noticeSeconds=3)) == [("add", "spec.noticeSeconds", None, 3)]


def test_a_declaration_that_left_the_file_is_unset() -> None:
    assert changes(applied(manifest(noticeSeconds=3)), manifest()) == [("remove", "spec.noticeSeconds", 3, None)]


def test_a_field_that_somebody_else_owns_too_stays() -> None:
    live = applied(manifest(noticeSeconds=3))
    shared = {"manager": "tuner", "operation": "Apply", "fieldsV1": {"f:spec": {"f:noticeSeconds": {}}}}
    live["metadata"]["managedFields"].append(shared)

    assert changes(live, manifest()) == []


def test_defaults_and_fields_of_others_are_no_differences() -> None:
    live = edited(applied(manifest()), drainSeconds=5)
    live["metadata"]["labels"]["theirs"] = "x"
    live["metadata"]["annotations"] = {"theirs": "x"}
    live["status"] = {"phase": "Active"}

    assert changes(live, manifest()) == []


def test_without_managers_a_field_that_left_the_file_cannot_be_told_from_others() -> None:
    live = applied(manifest(noticeSeconds=3))
    del live["metadata"]["managedFields"]

    assert changes(live, manifest()) == []


def test_labels_and_annotations_count_one_by_one() -> None:
    live = applied(manifest({"team": "a", "old": "x"}))
    live["metadata"]["labels"]["theirs"] = "y"

    assert sorted(changes(live, manifest({"team": "b", "a.b/new": "z"}))) == [
        ("add", "metadata.labels[a.b/new]", None, "z"),
        ("remove", "metadata.labels.old", "x", None),
        ("replace", "metadata.labels.team", "a", "b"),
    ]


def test_an_object_without_our_label_gets_it() -> None:
    live = {"kind": "ResourceLeasingPolicy", "metadata": {"name": "p"}, "spec": {"cluster": "w"}}

    assert changes(live, manifest()) == [("add", "metadata.labels", None, {INVENTORY_ID: "prod"})]


def test_windows_are_compared_one_by_one() -> None:
    live = applied(manifest(timeWindows=[window("08:00", "09:00"), window("10:00", "11:00")]))

    assert changes(live, manifest(timeWindows=[window("08:00", "09:00"), window("10:00", "12:00")])) == [
        ("replace", "spec.timeWindows[1].end", "11:00", "12:00")
    ]


def test_limits_are_known_by_their_resource() -> None:
    live = applied(
        manifest(resourceLimits=[limit("cpu", percent=50), limit("memory", percent=20), limit("pods", quantity=5)])
    )
    wanted = manifest(
        resourceLimits=[limit("memory", percent=30), limit("nvidia.com/gpu", quantity=1), limit("pods", quantity=5)]
    )

    assert sorted(changes(live, wanted)) == [
        ("add", "spec.resourceLimits[nvidia.com/gpu]", None, limit("nvidia.com/gpu", quantity=1)),
        ("remove", "spec.resourceLimits[cpu]", limit("cpu", percent=50), None),
        ("replace", "spec.resourceLimits[memory].percent", 20, 30),
    ]


def test_limits_in_another_order_are_the_same_limits() -> None:
    live = applied(manifest(resourceLimits=[limit("cpu", percent=50), limit("memory", percent=20)]))

    assert changes(live, manifest(resourceLimits=[limit("memory", percent=20), limit("cpu", percent=50)])) == []


def test_all_limits_at_once_are_a_list() -> None:
    limits = [limit("cpu", percent=50)]

    assert changes(applied(manifest()), manifest(resourceLimits=limits)) == [
        ("add", "spec.resourceLimits", None, limits)
    ]
    assert changes(applied(manifest(resourceLimits=limits)), manifest()) == [
        ("remove", "spec.resourceLimits", limits, None)
    ]


def test_limits_that_name_a_resource_twice_are_compared_as_they_stand() -> None:
    live = applied(manifest(resourceLimits=[limit("cpu", percent=50), limit("cpu", percent=40)]))

    assert changes(live, manifest(resourceLimits=[limit("cpu", percent=50)])) == [
        ("remove", "spec.resourceLimits[1]", limit("cpu", percent=40), None)
    ]


def test_a_value_that_moved_is_one_removed_and_one_added() -> None:
    assert sorted(
        changes(applied(manifest(noticeSeconds=7)), manifest(priority=0, gracefulReclaimPeriodSeconds=7))
    ) == [
        ("add", "spec.gracefulReclaimPeriodSeconds", None, 7),
        ("remove", "spec.noticeSeconds", 7, None),
    ]


def test_true_is_not_one() -> None:
    assert changes(applied(manifest(priority=1)), manifest(priority=True)) == [("replace", "spec.priority", 1, True)]


def test_a_selector_that_left_the_file_is_unset_on_servers_that_track_its_inside() -> None:
    before = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}

    assert changes(applied(manifest(nodeSelector=before)), manifest()) == [
        ("remove", "spec.nodeSelector", before, None)
    ]


def test_a_selector_that_left_the_file_is_unset_on_servers_that_own_it_whole() -> None:
    before = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}
    live = applied(manifest(nodeSelector=before))
    live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:nodeSelector"] = {}

    assert changes(live, manifest()) == [("remove", "spec.nodeSelector", before, None)]


def test_drift_names_who_set_the_field() -> None:
    live = edited(applied(manifest(priority=5, noticeSeconds=1)), priority=9)

    first, second = differences(live, marked(manifest(priority=5, noticeSeconds=2)), {})

    assert {(each.field, each.drift_by) for each in (first, second)} == {
        ("spec.priority", "kubectl-edit"),
        ("spec.noticeSeconds", None),
    }


def test_a_change_knows_its_line() -> None:
    limits = [limit("cpu", percent=50), limit("memory", percent=20)]
    live = applied(manifest(priority=1, noticeSeconds=1, resourceLimits=limits))
    wanted = marked(manifest(priority=2, resourceLimits=[limit("memory", percent=30)]))
    origins = {
        "/spec": Position("p.yaml", 5),
        "/spec/priority": Position("p.yaml", 6),
        "/spec/resourceLimits/0": Position("p.yaml", 8),
        "/spec/resourceLimits/0/percent": Position("p.yaml", 9),
    }

    found = {each.field: each.origin for each in differences(live, wanted, origins)}

    assert found == {
        "spec.priority": Position("p.yaml", 6),
        "spec.noticeSeconds": None,
        "spec.resourceLimits[cpu]": None,
        "spec.resourceLimits[memory].percent": Position("p.yaml", 9),
    }


def test_what_is_compared_is_not_changed() -> None:
    live, wanted = applied(RICH), marked(manifest(priority=1))
    before = repr((live, wanted))

    differences(live, wanted, {})

    assert repr((live, wanted)) == before
