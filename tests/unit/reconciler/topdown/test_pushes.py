"""What of a running pod can still be changed from above."""

from typing import Any

import pytest

from reconciler import names
from reconciler.decision import Patch
from reconciler.topdown.pod_forge import worker_marks_for
from reconciler.topdown.pushes import pushed_down
from tests.mirroring import Json, a_pod, a_view, a_worker_pod, changed, copied

WAITS = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}


def pushed(computing: Json, worker: Json) -> tuple[Patch, ...]:
    return pushed_down(worker_marks_for(a_view(computing), copied(computing)), copied(computing), copied(worker))


def spec_pushed(computing: Json, worker: Json) -> Json:
    patches = pushed(a_pod(spec=computing), changed(a_worker_pod(a_pod(spec=computing)), {"spec": worker}))
    return dict(patches[0].patch["spec"]) if patches else {}


def test_a_worker_pod_as_it_was_forged_needs_nothing() -> None:
    pod = a_pod(meta={"labels": {"app": "web"}}, spec={"tolerations": [WAITS], "activeDeadlineSeconds": 5})
    assert pushed(pod, a_worker_pod(pod)) == ()


def test_a_label_that_the_user_changed_goes_down_alone() -> None:
    before, after = (a_pod(meta={"labels": {"app": "web", "tier": it}}) for it in ("front", "back"))
    (patch,) = pushed(after, a_worker_pod(before))
    assert patch.patch == {"metadata": {"labels": {"tier": "back"}}}
    assert patch.target.resource_version is None


def test_a_label_that_the_user_removed_goes_from_the_worker() -> None:
    before = a_pod(meta={"labels": {"app": "web", "old": "1"}})
    (patch,) = pushed(a_pod(meta={"labels": {"app": "web"}}), a_worker_pod(before))
    assert patch.patch["metadata"]["labels"] == {"old": None}
    assert set(patch.patch["metadata"]["annotations"]) == {names.OWNED_KEYS}


def test_what_the_worker_added_stays() -> None:
    theirs = changed(a_worker_pod(), {"metadata": {"labels": {"cni": "1"}, "annotations": {"cni": "2"}}})
    assert pushed(a_pod(), theirs) == ()


@pytest.mark.parametrize(
    ("computing", "worker", "expected"),
    [
        pytest.param(5, None, {"activeDeadlineSeconds": 5}, id="set"),
        pytest.param(5, 9, {"activeDeadlineSeconds": 5}, id="shorter"),
        pytest.param(9, 5, {}, id="never-longer"),
        pytest.param(5, 5, {}, id="equal"),
    ],
)
def test_a_deadline_only_ever_shrinks(computing: int, worker: int | None, expected: Json) -> None:
    assert spec_pushed({"activeDeadlineSeconds": computing}, {"activeDeadlineSeconds": worker}) == expected


def test_a_deadline_of_the_workers_own_stays() -> None:
    assert spec_pushed({}, {"activeDeadlineSeconds": 5}) == {}


@pytest.mark.parametrize(
    ("wanted", "current", "expected"),
    [
        pytest.param([{"key": "a"}], [], [{"key": "a"}], id="added"),
        pytest.param([], [WAITS], None, id="the-workers-own-stay"),
        pytest.param([{"key": "a"}], [WAITS], [WAITS, {"key": "a"}], id="both"),
        pytest.param([{**WAITS, "tolerationSeconds": 9}], [WAITS], [{**WAITS, "tolerationSeconds": 9}], id="seconds"),
        pytest.param(
            [WAITS, {**WAITS, "tolerationSeconds": 9}], [WAITS, {**WAITS, "tolerationSeconds": 9}], None, id="twice"
        ),
        pytest.param([{"key": names.TAINT_VNODE}], [], None, id="of-our-taints"),
        pytest.param([{"key": names.TAINT_UNSCHEDULABLE}], [], [{"key": names.NODE_UNSCHEDULABLE}], id="translated"),
    ],
)
def test_tolerations_are_only_added(wanted: list[Any], current: list[Any], expected: list[Any] | None) -> None:
    found = spec_pushed({"tolerations": wanted}, {"tolerations": current})
    assert found.get("tolerations") == expected


def test_a_replaced_list_holds_on_to_what_was_seen() -> None:
    (patch,) = pushed(a_pod(spec={"tolerations": [{"key": "a"}]}), a_worker_pod())
    assert patch.target.resource_version == "1"
