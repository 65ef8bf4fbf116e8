"""Which computing pods get a worker pod."""

import pytest

from inventory.model import Binding, SecretRef
from reconciler import names
from reconciler.kube.projections import ObjectMeta, OwnerReference
from reconciler.marks import is_mirrored

BINDING = Binding("b", "c1", SecretRef("kube", "kubeocean-system"), "mount")
GENEROUS = Binding("b", "c1", SecretRef("kube", "kubeocean-system"), "mount", running_daemonset_by_default=True)
DAEMON = (OwnerReference("DaemonSet", "agent", "u1", controller=True),)


@pytest.mark.parametrize("namespace", sorted(names.UNMIRRORED_NAMESPACES))
def test_system_pods_are_not_mirrored_even_when_daemonsets_are(namespace: str) -> None:
    assert not is_mirrored(ObjectMeta("p", namespace, owner_references=DAEMON), GENEROUS)


def test_an_ordinary_pod_is_mirrored() -> None:
    owners = (OwnerReference("ReplicaSet", "web", "u1", controller=True),)
    assert is_mirrored(ObjectMeta("p", "shop", owner_references=owners), BINDING)


@pytest.mark.parametrize(
    ("value", "mirrored"),
    [
        pytest.param(None, False, id="no-annotation"),
        pytest.param("false", False, id="refused"),
        pytest.param("", False, id="empty"),
        pytest.param("true", True, id="asked-for"),
    ],
)
def test_a_daemonsets_pod_is_mirrored_only_on_request(value: str | None, *, mirrored: bool) -> None:
    annotations = {} if value is None else {names.RUNNING_DAEMONSET: value}
    assert is_mirrored(ObjectMeta("p", "shop", annotations=annotations, owner_references=DAEMON), BINDING) is mirrored


def test_a_binding_can_run_all_daemonsets() -> None:
    assert is_mirrored(ObjectMeta("p", "shop", owner_references=DAEMON), GENEROUS)
