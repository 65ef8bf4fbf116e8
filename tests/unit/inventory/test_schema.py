from typing import Any

import pytest

from inventory import kinds
from inventory.codes import Code
from inventory.errors import Severity
from inventory.fields import shown
from inventory.schema import Reader, Unknown


def binding_with(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "cloud.tencent.com/v1beta1",
        "kind": "ClusterBinding",
        "metadata": {"name": "w"},
        "spec": {
            "clusterID": "w",
            "secretRef": {"name": "s", "namespace": "kubeocean-system"},
            "mountNamespace": "m",
            **spec,
        },
    }


def policy_with(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "cloud.tencent.com/v1beta1",
        "kind": "ResourceLeasingPolicy",
        "metadata": {"name": "p"},
        "spec": {"cluster": "w", **spec},
    }


def with_metadata(**metadata: Any) -> dict[str, Any]:
    return {**policy_with(), "metadata": {"name": "p", **metadata}}


def terms(*requirements: dict[str, Any], key: str = "matchExpressions") -> dict[str, Any]:
    return {"nodeSelectorTerms": [{key: list(requirements)}]}


def findings(document: dict[str, Any], unknown: Unknown = Unknown.REFUSED) -> list[tuple[Code, str]]:
    reader = Reader(unknown)
    reader.read(kinds.KINDS[document["kind"]].document, document)
    return [(finding.code, shown(finding.path)) for finding in reader.findings]


def hint(document: dict[str, Any]) -> str | None:
    reader = Reader(Unknown.REFUSED)
    reader.read(kinds.KINDS[document["kind"]].document, document)
    (finding,) = reader.findings
    return finding.hint


FULL_BINDING = binding_with(
    nodeSelector=terms({"key": "pool", "operator": "In", "values": ["idle", ""]}),
    serviceNamespaces=["team-a"],
    disableNodeDefaultTaint=True,
    podPriorityClassName="low",
    runningDaemonsetByDefault=True,
    directScheduling=True,
    suspend=True,
    clusterDomain="cluster.example",
    unplacedTimeoutSeconds=60,
)
FULL_POLICY = policy_with(
    nodeSelector=terms({"key": "metadata.name", "operator": "In", "values": ["n1"]}, key="matchFields"),
    timeWindows=[{"start": "22:00", "end": "24:00", "days": ["friday", "SATURDAY"]}],
    timeZone="Europe/Berlin",
    resourceLimits=[
        {"resource": "cpu", "quantity": "500m", "percent": 50},
        {"resource": "nvidia.com/gpu", "quantity": 4},
        {"resource": "hugepages-2Mi", "percent": 0},
    ],
    forceReclaim=True,
    gracefulReclaimPeriodSeconds=300,
    noticeSeconds=10,
    drainSeconds=0,
    priority=-1,
    expiresAt="2026-12-31T18:00:00+02:00",
    suspend=False,
    yieldToOwner=True,
)


@pytest.mark.parametrize(
    "document",
    [
        binding_with(),
        policy_with(),
        FULL_BINDING,
        FULL_POLICY,
        with_metadata(labels={"team": "a"}, annotations={"note": "any text\n"}),
    ],
    ids=["minimal binding", "minimal policy", "full binding", "full policy", "metadata"],
)
def test_valid_manifests_have_no_findings(document: dict[str, Any]) -> None:
    assert findings(document) == []


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        (policy_with(resouceLimits=[]), Code.UNKNOWN_KEY, "spec.resouceLimits"),
        (policy_with(clusters="eu-*"), Code.NOT_SUPPORTED, "spec.clusters"),
        ({**policy_with(), "sepc": {}}, Code.UNKNOWN_KEY, "sepc"),
        (with_metadata(finalizers=["x"]), Code.UNKNOWN_KEY, "metadata.finalizers"),
        (policy_with(cluster=None), Code.WRONG_TYPE, "spec.cluster"),
        (policy_with(cluster=7), Code.WRONG_TYPE, "spec.cluster"),
        (policy_with(cluster="Worker_1"), Code.INVALID_VALUE, "spec.cluster"),
        (policy_with(cluster=""), Code.INVALID_VALUE, "spec.cluster"),
        (policy_with(cluster="w\n"), Code.INVALID_VALUE, "spec.cluster"),
        (policy_with(cluster="a" * 254), Code.INVALID_VALUE, "spec.cluster"),
        (policy_with(timeWindows=None), Code.WRONG_TYPE, "spec.timeWindows"),
        (policy_with(timeWindows={}), Code.WRONG_TYPE, "spec.timeWindows"),
        (policy_with(timeWindows="always"), Code.WRONG_TYPE, "spec.timeWindows"),
        (policy_with(timeWindows=["08:00-09:00"]), Code.WRONG_TYPE, "spec.timeWindows[0]"),
        (
            policy_with(timeWindows=[{"start": "25:00", "end": "06:00"}]),
            Code.INVALID_VALUE,
            "spec.timeWindows[0].start",
        ),
        (
            policy_with(timeWindows=[{"start": "24:00", "end": "06:00"}]),
            Code.INVALID_VALUE,
            "spec.timeWindows[0].start",
        ),
        (policy_with(timeWindows=[{"start": "08:00", "end": 900}]), Code.WRONG_TYPE, "spec.timeWindows[0].end"),
        (policy_with(timeWindows=[{"start": "08:00"}]), Code.MISSING, "spec.timeWindows[0]"),
        (
            policy_with(timeWindows=[{"start": "08:00", "end": "09:00", "days": ["Fri"]}]),
            Code.INVALID_VALUE,
            "spec.timeWindows[0].days[0]",
        ),
        (policy_with(timeZone="Mars/Olympus"), Code.INVALID_VALUE, "spec.timeZone"),
        (policy_with(timeZone="../../etc/passwd"), Code.INVALID_VALUE, "spec.timeZone"),
        (
            policy_with(resourceLimits=[{"resource": "cpu", "percent": 150}]),
            Code.INVALID_VALUE,
            "spec.resourceLimits[0].percent",
        ),
        (
            policy_with(resourceLimits=[{"resource": "cpu", "percent": -1}]),
            Code.INVALID_VALUE,
            "spec.resourceLimits[0].percent",
        ),
        (
            policy_with(resourceLimits=[{"resource": "cpu", "percent": 50.0}]),
            Code.WRONG_TYPE,
            "spec.resourceLimits[0].percent",
        ),
        (
            policy_with(resourceLimits=[{"resource": "cpu", "percent": True}]),
            Code.WRONG_TYPE,
            "spec.resourceLimits[0].percent",
        ),
        (
            policy_with(resourceLimits=[{"resource": "cpu", "quantity": "-1"}]),
            Code.INVALID_VALUE,
            "spec.resourceLimits[0].quantity",
        ),
        (
            policy_with(resourceLimits=[{"resource": "cpu", "quantity": "lots"}]),
            Code.INVALID_VALUE,
            "spec.resourceLimits[0].quantity",
        ),
        (
            policy_with(resourceLimits=[{"resource": "cpu", "quantity": 0.5}]),
            Code.INVALID_VALUE,
            "spec.resourceLimits[0].quantity",
        ),
        (
            policy_with(resourceLimits=[{"resource": "cpu", "quantity": [1]}]),
            Code.WRONG_TYPE,
            "spec.resourceLimits[0].quantity",
        ),
        (policy_with(resourceLimits=[{"percent": 1}]), Code.MISSING, "spec.resourceLimits[0]"),
        (
            policy_with(resourceLimits=[{"resource": "cpu", "percent": 1}, {"resource": "cpu", "percent": 1}]),
            Code.DUPLICATE_ENTRY,
            "spec.resourceLimits[1].resource",
        ),
        (
            policy_with(resourceLimits=[{"resource": f"x/{n}", "percent": 1} for n in range(65)]),
            Code.INVALID_VALUE,
            "spec.resourceLimits",
        ),
        (policy_with(priority=2**31), Code.INVALID_VALUE, "spec.priority"),
        (policy_with(priority="high"), Code.WRONG_TYPE, "spec.priority"),
        (policy_with(noticeSeconds=-1), Code.INVALID_VALUE, "spec.noticeSeconds"),
        (policy_with(expiresAt="2026-12-31"), Code.INVALID_VALUE, "spec.expiresAt"),
        (policy_with(expiresAt="2026-13-31T00:00:00Z"), Code.INVALID_VALUE, "spec.expiresAt"),
        (policy_with(expiresAt="0001-01-01T00:00:00+09:00"), Code.INVALID_VALUE, "spec.expiresAt"),
        (policy_with(expiresAt="2026-12-31T18:00:00"), Code.INVALID_VALUE, "spec.expiresAt"),
        (policy_with(suspend="yes"), Code.WRONG_TYPE, "spec.suspend"),
        (policy_with(nodeSelector={}), Code.MISSING, "spec.nodeSelector"),
        (
            policy_with(nodeSelector=terms({"key": "a", "operator": "Equals", "values": ["b"]})),
            Code.INVALID_VALUE,
            "spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0].operator",
        ),
        (
            policy_with(nodeSelector=terms({"key": "a", "operator": "In"})),
            Code.INVALID_VALUE,
            "spec.nodeSelector.nodeSelectorTerms[0].matchExpressions[0]",
        ),
        (
            policy_with(nodeSelector=terms({"key": "zone", "operator": "In", "values": ["a"]}, key="matchFields")),
            Code.INVALID_VALUE,
            "spec.nodeSelector.nodeSelectorTerms[0].matchFields[0]",
        ),
        (binding_with(clusterID="a" * 25), Code.INVALID_VALUE, "spec.clusterID"),
        (binding_with(clusterID="-a"), Code.INVALID_VALUE, "spec.clusterID"),
        (binding_with(mountNamespace="a.b"), Code.INVALID_VALUE, "spec.mountNamespace"),
        (binding_with(mountNamespace="kube-system"), Code.INVALID_VALUE, "spec.mountNamespace"),
        (binding_with(secretRef="s"), Code.WRONG_TYPE, "spec.secretRef"),
        (binding_with(secretRef={"name": "s"}), Code.MISSING, "spec.secretRef"),
        (with_metadata(labels={"team": True}), Code.WRONG_TYPE, "metadata.labels.team"),
        (with_metadata(labels={"team": "a b"}), Code.INVALID_VALUE, "metadata.labels.team"),
        (with_metadata(labels={"a b": "x"}), Code.INVALID_VALUE, "metadata.labels.a b"),
        (with_metadata(labels=["team"]), Code.WRONG_TYPE, "metadata.labels"),
        (
            with_metadata(labels={"kubeocean.io/inventory": "other"}),
            Code.INVALID_VALUE,
            "metadata.labels.kubeocean.io/inventory",
        ),
        ({**policy_with(), "metadata": {}}, Code.MISSING, "metadata"),
        ({**policy_with(), "apiVersion": "cloud.tencent.com/v2"}, Code.INVALID_VALUE, "apiVersion"),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
def test_a_mistake_is_found_at_its_place(document: dict[str, Any], code: Code, path: str) -> None:
    assert findings(document) == [(code, path)]


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        (with_metadata(namespace="default"), Code.IGNORED_KEY, "metadata.namespace"),
        (with_metadata(resourceVersion="7"), Code.IGNORED_KEY, "metadata.resourceVersion"),
        ({**policy_with(), "status": {"phase": "Active"}}, Code.IGNORED_KEY, "status"),
        (policy_with(resourceLimits=[{"resource": "cpu"}]), Code.NO_EFFECT, "spec.resourceLimits[0]"),
        (
            policy_with(timeWindows=[{"start": "12:00", "end": "12:09"}], noticeSeconds=600),
            Code.NO_EFFECT,
            "spec.noticeSeconds",
        ),
        (
            policy_with(resourceLimits=[{"resource": "mem", "percent": 5}]),
            Code.NO_EFFECT,
            "spec.resourceLimits[0].resource",
        ),
        (policy_with(nodeSelector={"nodeSelectorTerms": []}), Code.NO_EFFECT, "spec.nodeSelector"),
        (
            policy_with(nodeSelector={"nodeSelectorTerms": [{}]}),
            Code.NO_EFFECT,
            "spec.nodeSelector.nodeSelectorTerms[0]",
        ),
        (
            with_metadata(annotations={"kubeocean.io/prune": "never"}),
            Code.NO_EFFECT,
            "metadata.annotations.kubeocean.io/prune",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
def test_what_does_no_harm_is_a_warning(document: dict[str, Any], code: Code, path: str) -> None:
    reader = Reader(Unknown.REFUSED)
    reader.read(kinds.KINDS[document["kind"]].document, document)

    assert [(each.code, shown(each.path), each.severity) for each in reader.findings] == [
        (code, path, Severity.WARNING)
    ]
    assert reader.is_valid()


@pytest.mark.parametrize(
    ("windows", "notice"),
    [
        ([{"start": "12:00", "end": "12:09"}], 599),
        ([{"start": "12:00", "end": "12:09"}, {"start": "12:10", "end": "12:19", "days": ["Monday"]}], 1199),
        ([{"start": "00:00", "end": "24:00"}], 86400),
        ([], 86400),
    ],
    ids=["shorter", "shorter than two that touch", "never closes", "no windows"],
)
def test_a_notice_may_leave_little_time_but_some(windows: list[dict[str, Any]], notice: int) -> None:
    assert findings(policy_with(timeWindows=windows, noticeSeconds=notice)) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (policy_with(resouceLimits=[]), "did you mean 'resourceLimits'?"),
        (policy_with(Timezone="UTC"), "did you mean 'timeZone'?"),
        (policy_with(xyz=1), None),
        (policy_with(suspend="no"), "write false"),
        (policy_with(suspend=1), None),
        (policy_with(priority="5"), "write it without quotes"),
        (policy_with(cluster=7), "put it in quotes"),
        (policy_with(timeZone="Europe/Berlim"), 'did you mean "Europe/Berlin"?'),
        (policy_with(noticeSeconds=None), "give it a value, or remove the key"),
        (policy_with(resourceLimits=[{"resource": "memroy", "percent": 5}]), "did you mean 'memory'?"),
        (with_metadata(namespace="x"), "the kind is cluster-scoped; remove it"),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
def test_a_hint_says_what_was_probably_meant(document: dict[str, Any], expected: str | None) -> None:
    assert hint(document) == expected


def test_all_mistakes_of_a_manifest_are_found_at_once() -> None:
    document = policy_with(
        cluster="W!",
        priority="high",
        timeZone="Mars/Olympus",
        timeWindows=[{"start": "25:00", "end": "9:00", "days": ["Caturday"]}],
        resourceLimits=[{"resource": "cpu", "percent": 150, "quantity": "x"}],
    )

    assert [path for _, path in findings(document)] == [
        "spec.cluster",
        "spec.timeWindows[0].start",
        "spec.timeWindows[0].end",
        "spec.timeWindows[0].days[0]",
        "spec.timeZone",
        "spec.resourceLimits[0].quantity",
        "spec.resourceLimits[0].percent",
        "spec.priority",
    ]


def test_a_live_object_may_have_fields_of_a_newer_version() -> None:
    assert findings({**policy_with(novelty=1), "status": {}}, Unknown.TOLERATED) == []


def test_a_value_of_any_length_is_quoted_in_part_only() -> None:
    reader = Reader(Unknown.REFUSED)
    reader.read(kinds.DNS_LABEL, "X" * 100_000)

    assert len(reader.findings[0].message) < 300


@pytest.mark.parametrize("document", [None, [], "x", 5], ids=str)
def test_a_manifest_has_to_be_a_mapping(document: object) -> None:
    reader = Reader(Unknown.REFUSED)
    reader.read(kinds.POLICY.document, document)

    assert [finding.code for finding in reader.findings] == [Code.WRONG_TYPE]
