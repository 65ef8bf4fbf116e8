"""Computing pods that have no worker pod yet."""

import pytest

from reconciler import names
from reconciler.decision import Create, Emit
from reconciler.kube.projections import Node, ObjectMeta
from reconciler.kube.resources import CONFIGMAPS, SECRETS
from reconciler.topdown.decide_pod import decide_pod
from reconciler.topdown.view import Dependent, Reference
from tests.mirroring import CLOSED_AT, CLOSED_VNODE, NOW, Json, a_pod, a_view, patch_of, told

CONFIG = Reference(CONFIGMAPS, "settings", optional=False)
SECRET = Reference(SECRETS, "default-token-x", optional=False)
ORIGIN = ObjectMeta("settings", "shop", uid="origin")
TOKEN = ObjectMeta("default-token-x", "shop", uid="origin", annotations={names.SERVICE_ACCOUNT_NAME: "default"})


def a_copy(of: str) -> ObjectMeta:
    return ObjectMeta("copy", "mount", annotations={names.VIRTUAL_UID: of})


@pytest.mark.parametrize(
    "dependent",
    [
        pytest.param(Dependent(CONFIG, ORIGIN, a_copy("origin"), "copy"), id="copied"),
        pytest.param(Dependent(CONFIG, None, None, "copy"), id="missing-so-the-pod-waits-on-its-node"),
        pytest.param(Dependent(CONFIG, None, a_copy("old"), "copy"), id="deleted"),
        pytest.param(Dependent(SECRET, TOKEN, None, "copy"), id="a-token-is-never-copied"),
    ],
)
def test_a_pod_starts_when_everything_that_can_be_there_is(dependent: Dependent) -> None:
    assert told(decide_pod(a_view(a_pod(), dependents=(dependent,)), NOW)) == ["create worker"]


@pytest.mark.parametrize(
    "dependent",
    [
        pytest.param(Dependent(CONFIG, ORIGIN, None, "copy"), id="not-yet-copied"),
        pytest.param(Dependent(CONFIG, ORIGIN, a_copy("old"), "copy"), id="copy-of-a-deleted-one"),
    ],
)
def test_a_pod_waits_for_copies_and_says_for_which(dependent: Dependent) -> None:
    decision = decide_pod(a_view(a_pod(), dependents=(dependent,)), NOW)
    assert decision.actions == ()
    assert "ConfigMap settings" in decision.because


def test_a_pod_whose_token_is_left_out_says_so_after_it_was_created() -> None:
    volume = {"name": "default-token-x", "secret": {"secretName": "default-token-x"}}
    dependent = Dependent(SECRET, TOKEN, None, "copy")
    decision = decide_pod(a_view(a_pod(spec={"volumes": [volume]}), dependents=(dependent,)), NOW)
    create, emit = decision.actions
    assert isinstance(create, Create)
    assert create.manifest["spec"]["volumes"] == [{"name": "default-token-x", "emptyDir": {}}]
    assert isinstance(emit, Emit)
    assert (emit.type, emit.reason) == ("Warning", "TokenNotMirrored")
    assert (emit.regarding.name, emit.regarding.uid) == ("web-1", "uid-1")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param(
            {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "x"}}]}, "VolumeNotMirrored", id="claim"
        ),
        pytest.param({"resourceClaims": [{"name": "gpu"}]}, "ResourceClaimNotMirrored", id="device"),
    ],
)
def test_what_else_is_left_out_is_told_too(spec: Json, reason: str) -> None:
    assert told(decide_pod(a_view(a_pod(spec=spec)), NOW)) == ["create worker", f"emit {reason}"]


def test_a_pod_that_comes_too_late_is_told_when_its_node_closed() -> None:
    status = patch_of(decide_pod(a_view(a_pod(), vnode=CLOSED_VNODE), NOW))
    assert (status["phase"], status["reason"]) == ("Failed", "OutsideWindows")
    assert CLOSED_AT in status["message"]


def test_a_closing_mark_that_nobody_can_read_fails_no_pod() -> None:
    spoilt = Node(ObjectMeta("vnode", annotations={names.WINDOW_CLOSED_AT: "soon"}))
    assert told(decide_pod(a_view(a_pod(), vnode=spoilt), NOW)) == ["create worker"]
