"""From a vnode to the vnode it should be, with no write too many."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from reconciler import names
from reconciler.bottomup.differences import differences, manifest_for, without_finalizer
from reconciler.bottomup.vnode import Vnode
from reconciler.decision import Patch, Side, Target
from reconciler.kube.projections import Condition, Node, NodeAddress, Taint
from reconciler.kube.resources import NODES
from tests.leasing import MONDAY_NOON, at

NOW = MONDAY_NOON
READY = Condition("Ready", "True", "KubeletReady", "all is well", at(6))
WANTED = Vnode(
    name="vnode-c1-n1",
    provider_id="kubeocean://c1/n1",
    labels={"zone": "a"},
    annotations={"why": "lent"},
    taints=(Taint("gpu", "NoSchedule", "a100"),),
    capacity={"cpu": "8", "memory": "32Gi"},
    allocatable={"cpu": "4", "memory": "16Gi"},
    conditions=(READY,),
    addresses=(NodeAddress("Hostname", "vnode-c1-n1"),),
    kubelet_port=0,
    node_info={"kubeletVersion": "v1.30.1"},
)

STREAMING = replace(WANTED, declared_features=(names.FEATURE_WEBSOCKETS,))


def there(wanted: Vnode = WANTED, **changes: Any) -> Node:
    """The vnode as the API server has it after its creation, with changes made by others, by JSON path."""
    manifest: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(manifest_for(wanted)))
    manifest["metadata"] |= {"uid": "vnode-uid", "resourceVersion": "9"}
    for path, value in changes.items():
        *parents, last = path.split("__")
        inner = manifest
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
    return msgspec.convert(manifest, Node)


def patches(vnode: Node, wanted: Vnode = WANTED) -> list[Mapping[str, Any]]:
    return [each.patch for each in differences(vnode, wanted, NOW)]


def only_patch(vnode: Node, wanted: Vnode = WANTED) -> Patch:
    (patch,) = differences(vnode, wanted, NOW)
    return patch


class TestManifest:
    def test_a_vnode_is_made_whole(self) -> None:
        manifest = manifest_for(WANTED)
        assert manifest["metadata"]["finalizers"] == ["kubeocean.io/vnode"]
        assert manifest["metadata"]["annotations"]["why"] == "lent"
        assert manifest["spec"] == {
            "providerID": "kubeocean://c1/n1",
            "taints": [{"key": "gpu", "effect": "NoSchedule", "value": "a100"}],
        }
        assert manifest["status"]["conditions"] == [
            {
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "message": "all is well",
                "lastTransitionTime": "2026-01-05T06:00:00Z",
            }
        ]

    def test_a_vnode_is_made_with_the_features_that_it_declares(self) -> None:
        assert manifest_for(STREAMING)["status"]["declaredFeatures"] == [names.FEATURE_WEBSOCKETS]
        assert "declaredFeatures" not in manifest_for(WANTED)["status"]

    def test_a_vnode_as_it_was_made_needs_no_write(self) -> None:
        assert differences(there(), WANTED, NOW) == ()


class TestNothingIsWritten:
    @pytest.mark.parametrize(
        ("changes", "wanted"),
        [
            pytest.param(
                {"status__allocatable": {"cpu": "4000m", "memory": "17179869184"}}, WANTED, id="quantities-respelled"
            ),
            pytest.param(
                {},
                replace(WANTED, conditions=(msgspec.structs.replace(READY, last_transition_time=NOW),)),
                id="other-times",
            ),
            pytest.param({"metadata__labels": {"zone": "a", "mine": "x"}}, WANTED, id="a-users-label"),
            pytest.param(
                {
                    "spec__taints": [
                        {"key": "mine", "effect": "NoSchedule"},
                        {"key": "gpu", "effect": "NoSchedule", "value": "a100"},
                    ]
                },
                WANTED,
                id="a-users-taint-and-another-order",
            ),
            pytest.param(
                {
                    "spec__taints": [
                        {"key": "gpu", "effect": "NoSchedule", "value": "a100", "timeAdded": "2026-01-05T06:00:00Z"}
                    ]
                },
                WANTED,
                id="a-time-on-a-taint",
            ),
            pytest.param({}, STREAMING, id="a-server-that-does-not-know-declared-features"),
            pytest.param(
                {"status__declaredFeatures": [names.FEATURE_WEBSOCKETS]}, STREAMING, id="declared-features-as-wanted"
            ),
            pytest.param({"metadata__finalizers": ["theirs", "kubeocean.io/vnode"]}, WANTED, id="another-finalizer"),
            pytest.param(
                {"status__nodeInfo": {"kubeletVersion": "v1.30.1", "bootID": ""}}, WANTED, id="an-empty-field"
            ),
            pytest.param(
                {
                    "status__addresses": [
                        {"type": "ExternalDNS", "address": "x"},
                        {"type": "Hostname", "address": "vnode-c1-n1"},
                    ]
                },
                WANTED,
                id="anothers-address",
            ),
            pytest.param({"spec__unschedulable": True}, WANTED, id="cordoned-by-a-user"),
        ],
    )
    def test_for_what_means_the_same_or_is_not_ours(self, changes: dict[str, Any], wanted: Vnode) -> None:
        assert patches(there(**changes), wanted) == []

    def test_for_anothers_condition(self) -> None:
        ours = msgspec.to_builtins(READY)
        theirs = {"type": "Theirs", "status": "True"}
        assert patches(there(status__conditions=[theirs, ours])) == []


class TestMain:
    def test_only_changed_labels_are_written_and_only_ours_removed(self) -> None:
        vnode = there(replace(WANTED, labels={"zone": "b", "old": "x"}))
        vnode.metadata.labels["mine"] = "y"
        patch = only_patch(vnode)
        assert patch.patch["metadata"]["labels"] == {"zone": "a", "old": None}
        assert patch.target == Target(Side.COMPUTING, NODES, "vnode-c1-n1", uid="vnode-uid")

    def test_annotations_likewise(self) -> None:
        vnode = there(replace(WANTED, annotations={"old": "x"}))
        vnode.metadata.annotations["mine"] = "y"
        annotations = only_patch(vnode).patch["metadata"]["annotations"]
        assert annotations == {"why": "lent", "old": None, names.OWNED_KEYS: WANTED.owned.to_text()}

    def test_a_label_of_ours_that_is_gone_already_is_only_unlisted(self) -> None:
        vnode = there(replace(WANTED, labels={"zone": "a", "old": "x"}))
        del vnode.metadata.labels["old"]
        assert only_patch(vnode).patch == {"metadata": {"annotations": {names.OWNED_KEYS: WANTED.owned.to_text()}}}

    def test_taints_are_replaced_in_this_very_version_and_others_kept_with_their_times(self) -> None:
        old = {"key": "old", "effect": "NoSchedule"}
        theirs = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-01-05T06:00:00Z"}
        before = there(replace(WANTED, taints=(Taint("old", "NoSchedule"),)), spec__taints=[theirs, old])
        patch = only_patch(before)
        ours = {"key": "gpu", "effect": "NoSchedule", "value": "a100"}
        assert patch.patch["spec"] == {"taints": [ours, theirs]}
        assert patch.target.resource_version == "9"

    def test_a_taint_of_ours_with_another_value_is_put_right(self) -> None:
        vnode = there(spec__taints=[{"key": "gpu", "effect": "NoSchedule", "value": "h100"}])
        assert only_patch(vnode).patch == {
            "spec": {"taints": [{"key": "gpu", "effect": "NoSchedule", "value": "a100"}]}
        }

    def test_a_time_on_a_taint_of_ours_survives_a_rewrite(self) -> None:
        timed = {"key": "gpu", "effect": "NoSchedule", "value": "a100", "timeAdded": "2026-01-05T06:00:00Z"}
        wanted = replace(WANTED, taints=(*WANTED.taints, Taint("new", "NoSchedule")))
        assert only_patch(there(spec__taints=[timed]), wanted).patch["spec"]["taints"][0] == timed

    def test_a_lost_finalizer_comes_back(self) -> None:
        patch = only_patch(there(metadata__finalizers=["theirs"]))
        assert patch.patch == {"metadata": {"finalizers": ["theirs", "kubeocean.io/vnode"]}}
        assert patch.target.resource_version == "9"

    def test_but_not_on_an_object_that_is_going(self) -> None:
        going = there(metadata__finalizers=["theirs"], metadata__deletionTimestamp="2026-01-05T12:00:00Z")
        assert patches(going) == []

    def test_a_missing_provider_id_is_set(self) -> None:
        assert only_patch(there(spec__providerID="")).patch == {"spec": {"providerID": "kubeocean://c1/n1"}}

    def test_a_provider_id_cannot_be_changed(self) -> None:
        assert patches(there(spec__providerID="aws:///i-1")) == []

    def test_the_finalizer_is_taken_off_in_this_very_version(self) -> None:
        patch = without_finalizer(there(metadata__finalizers=["theirs", "kubeocean.io/vnode"]))
        assert (patch.patch, patch.target.resource_version) == ({"metadata": {"finalizers": ["theirs"]}}, "9")


class TestStatus:
    def test_amounts_are_compared_as_amounts_and_stale_ones_removed(self) -> None:
        vnode = there(status__allocatable={"cpu": "3", "memory": "16Gi", "gpu": "1"})
        patch = only_patch(vnode)
        assert (patch.subresource, patch.patch) == ("status", {"status": {"allocatable": {"cpu": "4", "gpu": None}}})
        assert patch.target.resource_version is None

    def test_the_machines_capacity_follows(self) -> None:
        wanted = replace(WANTED, capacity={"cpu": "16", "memory": "32Gi"})
        assert patches(there(), wanted) == [{"status": {"capacity": {"cpu": "16"}}}]

    def test_the_endpoint_follows(self) -> None:
        wanted = replace(WANTED, kubelet_port=12034)
        assert patches(there(), wanted) == [{"status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 12034}}}}]

    def test_node_info_follows(self) -> None:
        vnode = there(status__nodeInfo={"kubeletVersion": "v1.29.0", "osImage": "old"})
        assert patches(vnode) == [{"status": {"nodeInfo": {"kubeletVersion": "v1.30.1", "osImage": None}}}]

    def test_declared_features_are_put_right_where_the_server_shows_some(self) -> None:
        vnode = there(status__declaredFeatures=["Another", names.FEATURE_WEBSOCKETS])
        assert patches(vnode, STREAMING) == [{"status": {"declaredFeatures": [names.FEATURE_WEBSOCKETS]}}]
        assert patches(vnode) == [{"status": {"declaredFeatures": None}}]

    def test_declared_features_that_the_server_lacks_go_along_with_another_write(self) -> None:
        wanted = replace(STREAMING, kubelet_port=12034)
        (patch,) = patches(there(), wanted)
        assert patch["status"]["declaredFeatures"] == [names.FEATURE_WEBSOCKETS]
        assert "daemonEndpoints" in patch["status"]

    def test_declared_features_wait_with_the_list_that_they_go_along_with(self) -> None:
        wanted = replace(STREAMING, labels={"zone": "b"}, conditions=(Condition("Ready", "Unknown"),))
        assert [*patches(there(), wanted)[0]] == ["metadata"]
        assert len(patches(there(), wanted)) == 1

    def test_addresses_are_replaced_in_this_very_version(self) -> None:
        theirs = {"type": "ExternalDNS", "address": "x"}
        stale = {"type": "InternalIP", "address": "10.0.0.9"}
        patch = only_patch(there(status__addresses=[theirs, stale]))
        assert patch.patch == {"status": {"addresses": [{"type": "Hostname", "address": "vnode-c1-n1"}, theirs]}}
        assert patch.target.resource_version == "9"

    def conditions(self, vnode: Node, *wanted: Condition) -> list[dict[str, str]]:
        patch = only_patch(vnode, replace(WANTED, conditions=wanted))
        assert patch.target.resource_version == "9"
        found: list[dict[str, str]] = patch.patch["status"]["conditions"]
        return found

    def test_a_condition_whose_status_changes_has_the_time_of_the_change(self) -> None:
        unready = Condition("Ready", "False", "KubeletNotReady", last_transition_time=at(11))
        (ready,) = self.conditions(there(), unready)
        assert (ready["status"], ready["lastTransitionTime"]) == ("False", "2026-01-05T11:00:00Z")

    def test_or_else_that_of_the_pass(self) -> None:
        (ready,) = self.conditions(there(), Condition("Ready", "Unknown"))
        assert ready["lastTransitionTime"] == "2026-01-05T12:00:00Z"

    def test_a_condition_whose_reason_changes_keeps_its_time(self) -> None:
        (ready,) = self.conditions(there(), Condition("Ready", "True", "Other", last_transition_time=at(11)))
        assert (ready["reason"], ready["lastTransitionTime"]) == ("Other", "2026-01-05T06:00:00Z")

    def test_conditions_of_others_stay_and_stale_ones_of_ours_go(self) -> None:
        stale = Condition("KernelDeadlock", "False", "NoDeadlock")
        vnode = there(replace(WANTED, conditions=(READY, stale)))
        others = (*vnode.status.conditions, Condition("Theirs", "True"))
        vnode = msgspec.structs.replace(vnode, status=msgspec.structs.replace(vnode.status, conditions=others))
        assert [each["type"] for each in self.conditions(vnode, READY)] == ["Ready", "Theirs"]

    def test_a_stale_condition_stays_listed_as_ours_until_it_has_gone(self) -> None:
        stale = Condition("KernelDeadlock", "False", "NoDeadlock")
        before = there(replace(WANTED, conditions=(READY, stale)))
        assert [each.subresource for each in differences(before, WANTED, NOW)] == ["status"]
        gone = msgspec.structs.replace(before, status=msgspec.structs.replace(before.status, conditions=(READY,)))
        assert patches(gone) == [{"metadata": {"annotations": {names.OWNED_KEYS: WANTED.owned.to_text()}}}]


class TestBoth:
    def test_two_lists_are_not_replaced_in_one_version(self) -> None:
        vnode = there(spec__taints=[], status__addresses=[], status__allocatable={})
        first, second = differences(vnode, WANTED, NOW)
        assert (first.subresource, set(first.patch)) == ("", {"spec"})
        assert (second.target.resource_version, set(second.patch["status"])) == (None, {"allocatable"})
        settled = there(status__addresses=[], status__allocatable={})
        assert set(only_patch(settled).patch["status"]) == {"addresses", "allocatable"}

    def test_a_list_waits_for_any_write_before_it(self) -> None:
        first = only_patch(there(metadata__labels={}, status__addresses=[]))
        assert (first.subresource, first.target.resource_version) == ("", None)

    def test_a_list_and_a_map_are_written_together(self) -> None:
        vnode = there(spec__taints=[], status__allocatable={"cpu": "4"})
        main, status = differences(vnode, WANTED, NOW)
        assert (main.subresource, main.target.resource_version) == ("", "9")
        assert (status.subresource, status.target.resource_version) == ("status", None)
