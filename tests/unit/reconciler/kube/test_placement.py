"""Where a pod may be placed."""

from typing import Any

import msgspec
import pytest

from reconciler.kube.placement import PendingPod, Placement, Toleration, decode_pending
from reconciler.kube.projections import Node, NodeSpec, ObjectMeta, Taint

GPU = Taint("gpu", "NoSchedule", "a100")
NODE = Node(ObjectMeta("n1", labels={"zone": "a", "cores": "8"}))


def required(*terms: dict[str, Any]) -> dict[str, Any]:
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    }


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        pytest.param({}, True, id="nothing-asked"),
        pytest.param({"nodeSelector": {"zone": "a"}}, True, id="selector"),
        pytest.param({"nodeSelector": {"zone": "b"}}, False, id="another-value"),
        pytest.param({"nodeSelector": {"rack": "r1"}}, False, id="no-such-label"),
        pytest.param(required(expression("zone", "In", "a", "b")), True, id="affinity"),
        pytest.param(required(expression("zone", "NotIn", "a")), False, id="affinity-against-it"),
        pytest.param(required(expression("cores", "Gt", "4")), True, id="comparison"),
        pytest.param(
            required(expression("zone", "In", "b"), expression("zone", "Exists")), True, id="one-term-is-enough"
        ),
        pytest.param(required(), False, id="no-terms-allow-nothing"),
        pytest.param(
            required({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}), True, id="name"
        ),
        pytest.param(
            required({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}),
            False,
            id="not-its-name",
        ),
        pytest.param(
            {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}},
            True,
            id="preferred-only",
        ),
        pytest.param({"affinity": {"podAntiAffinity": {}}}, True, id="affinity-to-pods-is-not-looked-at"),
    ],
)
def test_selectors_and_affinity_are_asked_of_labels_and_name(spec: dict[str, Any], *, allowed: bool) -> None:
    assert msgspec.convert(spec, Placement).allows(NODE) is allowed


@pytest.mark.parametrize(
    ("toleration", "covered"),
    [
        pytest.param(Toleration("gpu", value="a100"), True, id="equal"),
        pytest.param(Toleration("gpu", value="h100"), False, id="another-value"),
        pytest.param(Toleration("gpu", "Exists"), True, id="exists"),
        pytest.param(Toleration("gpu", "Exists", effect="NoExecute"), False, id="another-effect"),
        pytest.param(Toleration(operator="Exists"), True, id="everything"),
        pytest.param(Toleration("other", "Exists"), False, id="another-key"),
        pytest.param(Toleration(), False, id="empty"),
    ],
)
def test_a_taint_is_tolerated_or_not(toleration: Toleration, *, covered: bool) -> None:
    tainted = Node(NODE.metadata, NodeSpec(taints=(GPU,)))
    assert Placement(tolerations=(toleration,)).allows(tainted) is covered


def test_a_taint_that_only_advises_keeps_nobody_off() -> None:
    assert Placement().allows(Node(NODE.metadata, NodeSpec(taints=(Taint("busy", "PreferNoSchedule"),))))


def test_a_cordoned_node_takes_only_who_tolerates_it() -> None:
    cordoned = Node(NODE.metadata, NodeSpec(unschedulable=True))
    assert not Placement().allows(cordoned)
    assert Placement(tolerations=(Toleration("node.kubernetes.io/unschedulable", "Exists"),)).allows(cordoned)


def test_it_is_read_from_the_pod_as_the_server_sends_it() -> None:
    raw = b'{"metadata":{"name":"p"},"spec":{"nodeSelector":{"zone":"a"},"containers":[]},"status":{"nominatedNodeName":"n2"}}'
    pod: PendingPod = decode_pending.decode(raw)
    assert (pod.spec, pod.status.nominated_node_name) == (Placement({"zone": "a"}), "n2")
