"""Carrying out the operations of a difference gives an object that has no difference left."""

import copy
from typing import Any

import jsonpatch
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.differences import differences
from inventory.limits import by_resource
from tests.unit.inventory.live import applied

MODERATE = settings(max_examples=300, deadline=None)

resources = st.sampled_from(["cpu", "memory", "pods", "nvidia.com/gpu"])
limits = st.lists(
    st.fixed_dictionaries(
        {"resource": resources}, optional={"percent": st.integers(0, 3), "quantity": st.sampled_from(["1", 2])}
    ),
    unique_by=lambda limit: limit["resource"],
)
times = st.sampled_from(["08:00", "09:00", "10:00"])
windows = st.lists(st.fixed_dictionaries({"start": times, "end": times}), max_size=4)
keys = st.text("ab/~.", min_size=1, max_size=3)
marks = st.dictionaries(keys, st.sampled_from(["x", "y"]), max_size=3)
specs = st.fixed_dictionaries(
    {"cluster": st.just("w")},
    optional={
        "priority": st.integers(0, 3),
        "noticeSeconds": st.integers(0, 3),
        "suspend": st.booleans(),
        "timeWindows": windows,
        "resourceLimits": limits,
        "nodeSelector": st.just({"nodeSelectorTerms": []}),
    },
)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    metadata = {"name": "p", "labels": draw(marks), "annotations": draw(marks)}
    return {"kind": "ResourceLeasingPolicy", "metadata": metadata, "spec": draw(specs)}


def marked(manifest: dict[str, Any]) -> dict[str, Any]:
    labels = {**manifest["metadata"]["labels"], "kubeocean.io/inventory": "prod"}
    return {**manifest, "metadata": {**manifest["metadata"], "labels": labels}}


@MODERATE
@given(manifests(), manifests())
def test_the_operations_lead_from_one_manifest_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    live, wanted = applied(before), marked(after)
    found = differences(live, wanted, {})

    patch = [{"op": each.op, "path": each.path, "value": each.after} for each in found]
    result = jsonpatch.apply_patch(copy.deepcopy(live), patch)

    assert differences(result, wanted, {}) == ()
    for key, value in wanted["spec"].items():
        assert (
            by_resource(result["spec"][key]) == by_resource(value)
            if key == "resourceLimits"
            else result["spec"][key] == value
        )
    undeclared = before["spec"].keys() - after["spec"].keys()
    assert undeclared.isdisjoint(result["spec"])


@MODERATE
@given(manifests())
def test_nothing_is_to_be_done_for_what_was_applied(manifest: dict[str, Any]) -> None:
    assert differences(applied(manifest), marked(manifest), {}) == ()
