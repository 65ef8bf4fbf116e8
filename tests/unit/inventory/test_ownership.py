from typing import Any

from inventory.ownership import owners_of


def manifest(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}}


def entry(manager: str, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields}


def test_ours_is_what_was_applied_from_git() -> None:
    owners = owners_of(
        manifest(
            entry("kubeocean-gitops", "Apply", {"f:spec": {".": {}, "f:cluster": {}}}),
            entry("kubeocean-gitops", "Update", {"f:spec": {"f:priority": {}}}),
            entry("kubectl", "Apply", {"f:metadata": {"f:labels": {".": {}, "f:a.b/c": {}}}}),
        )
    )

    assert owners.ours == {("spec", "cluster")}
    assert owners.others == {("spec", "priority"): "kubeocean-gitops", ("metadata", "labels", "a.b/c"): "kubectl"}


def test_a_list_is_one_field_however_finely_it_is_tracked() -> None:
    tracked = {
        "f:spec": {"f:limits": {'k:{"resource":"cpu"}': {".": {}, "f:percent": {}}}, "f:days": {'v:"Monday"': {}}}
    }

    assert owners_of(manifest(entry("kubeocean-gitops", "Apply", tracked))).ours == {
        ("spec", "limits"),
        ("spec", "days"),
    }


def test_containers_of_which_nothing_is_owned_are_no_fields() -> None:
    emptied: dict[str, Any] = {"f:spec": {}, "f:metadata": {"f:labels": {".": {}}, "f:annotations": {}}}

    assert owners_of(manifest(entry("kubeocean-gitops", "Apply", emptied))).ours == frozenset()


def test_without_managers_nobody_owns_anything() -> None:
    owners = owners_of({"metadata": {}})

    assert (owners.ours, owners.others) == (frozenset(), {})


def test_drift_is_a_field_that_somebody_took() -> None:
    owners = owners_of(
        manifest(
            entry("kubeocean-gitops", "Apply", {"f:spec": {"f:cluster": {}}}),
            entry("kubectl-edit", "Update", {"f:spec": {"f:limits": {}}}),
        )
    )

    assert owners.drift(("spec", "limits", "cpu", "percent")) == "kubectl-edit"
    assert owners.drift(("spec", "cluster")) is None
    assert owners.drift(("spec", "priority")) is None


def test_there_is_no_drift_of_what_was_never_applied() -> None:
    owners = owners_of(manifest(entry("kubectl", "Update", {"f:spec": {"f:priority": {}}})))

    assert owners.drift(("spec", "priority")) is None
