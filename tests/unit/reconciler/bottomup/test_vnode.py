"""What a vnode should be."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as replace_fields

from inventory.model import Limit, Policy
from reconciler import names
from reconciler.bottomup.view import Endpoint, NodeView
from reconciler.bottomup.vnode import Vnode, machine_behind, vnode_for
from reconciler.decision import LeaseState, Reclaim, Terms
from reconciler.kube.projections import Condition, Node, NodeAddress, NodeSpec, Taint
from reconciler.marks import BindingState
from tests.leasing import (
    BINDING,
    DAEMON_SET,
    IDENTITY,
    MONDAY_NOON,
    MORNING,
    STATE,
    VNODE_NAME,
    at,
    bare_vnode,
    node_view,
    pod,
    policy,
    standing_by,
    worker_node,
)

NOW = MONDAY_NOON
HALF = policy("half", limits=(Limit("cpu", percent=50),))
TERMS = Terms(timedelta(seconds=300), timedelta(seconds=60), force=True)
LENT = Reclaim(LeaseState.LENT, "lent", takes_pods=True)
SUSPENDED = Reclaim(LeaseState.LENT, "suspended", takes_pods=False)
CLOSED = Reclaim(LeaseState.CLOSED, "closed", takes_pods=False, terms=TERMS, closed_at=at(11), ends_at=at(11, 5))


def vnode(reclaim: Reclaim = LENT, **fields: Any) -> Vnode:
    """The vnode wanted for a view; lent by HALF unless said otherwise."""
    view = node_view(**{"standing": standing_by(HALF), **fields})
    machine = view.worker_node or (machine_behind(view.vnode, "c1") if view.vnode else None)
    assert machine is not None
    return vnode_for(view, machine, reclaim, NOW)


def made(**fields: Any) -> Node:
    """A vnode as it is once it was made for a view."""
    wanted = vnode(**fields)
    there = bare_vnode({**wanted.annotations, names.OWNED_KEYS: wanted.owned.to_text()})
    status = replace_fields(
        there.status,
        capacity=dict(wanted.capacity),
        allocatable=dict(wanted.allocatable),
        conditions=wanted.conditions,
        node_info=dict(wanted.node_info),
    )
    metadata = replace_fields(there.metadata, labels=dict(wanted.labels))
    return Node(metadata, replace_fields(there.spec, taints=wanted.taints), status)


class TestIdentity:
    def test_it_says_whose_it_is_and_what_stands_behind_it(self) -> None:
        wanted = vnode()
        assert (wanted.name, wanted.provider_id) == (VNODE_NAME, "kubeocean://c1/n1")
        assert wanted.labels == {
            "type": "virtual-kubelet",
            "kubernetes.io/hostname": VNODE_NAME,
            "node.kubernetes.io/instance-type": "vnode",
            "beta.kubernetes.io/instance-type": "vnode",
            "node.kubernetes.io/exclude-from-external-load-balancers": "true",
            "kubeocean.io/managed-by": "kubeocean",
            "kubeocean.io/cluster-binding": "tokyo",
            "kubeocean.io/physical-cluster-id": "c1",
            "kubeocean.io/physical-node-name": "n1",
            "kubeocean.io/physical-node-uid": "node-uid",
            "kubeocean.io/policy-applied": "half",
        }

    def test_long_names_become_valid_label_values(self) -> None:
        long = "n" * 80
        machine = worker_node()
        machine = replace_fields(machine, metadata=replace_fields(machine.metadata, name=long))
        state = BindingState(replace(IDENTITY, binding_name=long))
        lender = standing_by(policy(long))
        labels = vnode(worker_node=machine, state=state, standing=lender).labels
        short = names.label_value(long)
        assert len(short) == 63
        assert [labels[key] for key in (names.PHYSICAL_NODE_NAME, names.CLUSTER_BINDING, names.POLICY_APPLIED)] == [
            short
        ] * 3

    def test_labels_of_the_worker_node_follow(self) -> None:
        labels = vnode(worker_node=worker_node({"zone": "a", "gpu": "a100"})).labels
        assert (labels["zone"], labels["gpu"]) == ("a", "a100")

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            pytest.param("kubernetes.io/hostname", VNODE_NAME, id="hostname"),
            pytest.param("node.kubernetes.io/instance-type", "vnode", id="instance-type"),
            pytest.param("kubeocean.io/managed-by", "kubeocean", id="our-own"),
            pytest.param("kubeocean.io/anything", None, id="of-our-prefix"),
        ],
    )
    def test_labels_of_the_worker_node_do_not_replace_ours(self, key: str, value: str | None) -> None:
        assert vnode(worker_node=worker_node({key: "theirs"})).labels.get(key) == value

    def test_a_label_that_somebody_set_on_the_vnode_is_spared(self) -> None:
        there = bare_vnode()
        there.metadata.labels["zone"] = "mine"
        assert "zone" not in vnode(worker_node=worker_node({"zone": "a"}), vnode=there).labels

    def test_a_label_that_we_copied_goes_on_following(self) -> None:
        there = made(worker_node=worker_node({"zone": "a"}))
        assert vnode(worker_node=worker_node({"zone": "b"}), vnode=there).labels["zone"] == "b"

    def test_annotations_of_the_worker_node_are_not_copied(self) -> None:
        machine = worker_node()
        machine.metadata.annotations["flannel.alpha.coreos.com/public-ip"] = "10.0.0.7"
        assert vnode(worker_node=machine).annotations == {
            names.POLICIES_APPLIED: "half",
            names.POLICY_DETAILS: "half(cpu=/50%)",
        }


class TestLeaseRecord:
    def test_the_lenders_are_named(self) -> None:
        wanted = vnode(standing=standing_by(HALF, worker=(policy("own"),)))
        assert wanted.annotations[names.POLICIES_APPLIED] == "half,own"
        assert wanted.labels[names.POLICY_APPLIED] == "half"

    def test_it_is_told_whom_the_lease_gives_way_to(self) -> None:
        assert vnode(yields_to=("u1", "u2")).annotations[names.YIELDS_TO] == "u1,u2"

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"unreachable_since": NOW}, id="silent"),
            pytest.param({"standing": None}, id="policies-unknown"),
        ],
    )
    def test_whom_it_gives_way_to_is_not_forgotten_while_the_worker_is_not_known(self, fields: dict[str, Any]) -> None:
        there = bare_vnode({names.YIELDS_TO: "u1"})
        assert vnode(vnode=there, **fields).annotations[names.YIELDS_TO] == "u1"

    def test_a_lease_that_is_over_gives_way_as_a_whole(self) -> None:
        assert names.YIELDS_TO not in vnode(CLOSED, yields_to=("u1",), vnode=bare_vnode()).annotations

    @pytest.mark.parametrize(
        ("lenders", "details"),
        [
            pytest.param((policy("all"),), "all()", id="no-limits"),
            pytest.param(
                (policy("some", limits=(Limit("cpu", 1500, 50), Limit("memory", 8 * 1024**3 * 1000))),),
                "some(cpu=1500m/50%,memory=8Gi/)",
                id="quantity-and-percent",
            ),
            pytest.param(
                (HALF, policy("own", limits=(Limit("pods", percent=0),))),
                "half(cpu=/50%),own(pods=/0%)",
                id="both-sides",
            ),
        ],
    )
    def test_the_limits_of_the_lenders_are_told(self, lenders: tuple[Policy, ...], details: str) -> None:
        ours, *theirs = lenders
        wanted = vnode(standing=standing_by(ours, worker=tuple(theirs)))
        assert wanted.annotations[names.POLICY_DETAILS] == details

    def test_the_last_lenders_stay_named_after_the_close(self) -> None:
        wanted = vnode(CLOSED, standing=standing_by(), vnode=made())
        assert wanted.annotations == {
            names.POLICIES_APPLIED: "half",
            names.POLICY_DETAILS: "half(cpu=/50%)",
            names.WINDOW_CLOSED_AT: "2026-01-05T11:00:00Z",
            names.LEASE_ENDS_AT: "2026-01-05T11:05:00Z",
            names.RECLAIM_TERMS: "grace=300,drain=60,force=true",
        }

    def test_a_vnode_that_never_lent_names_nobody(self) -> None:
        wanted = vnode(CLOSED, standing=standing_by(replace(HALF, windows=MORNING)))
        assert names.POLICIES_APPLIED not in wanted.annotations
        assert names.POLICY_APPLIED not in wanted.labels


def taints(wanted: Vnode) -> list[str]:
    return [f"{taint.key}={taint.value}:{taint.effect}" for taint in wanted.taints]


DEFAULT = "kubeocean.io/vnode=:NoSchedule"
SHUT = "kubeocean.io/out-of-time-windows=true:NoSchedule"
UNFIT = "kubeocean.io/physical-node-unschedulable=:NoSchedule"
LEAVING = "kubeocean.io/vnode-deleting=true:NoSchedule"


class TestTaints:
    @pytest.mark.parametrize(
        ("reclaim", "expected"),
        [
            pytest.param(LENT, [DEFAULT], id="lent"),
            pytest.param(SUSPENDED, [DEFAULT, SHUT], id="takes-no-pods"),
            pytest.param(CLOSED, [DEFAULT, SHUT], id="closed"),
        ],
    )
    def test_a_vnode_that_takes_no_pods_says_so(self, reclaim: Reclaim, expected: list[str]) -> None:
        assert taints(vnode(reclaim)) == expected

    def test_the_default_taint_can_be_disabled(self) -> None:
        assert taints(vnode(binding=replace(BINDING, disable_node_default_taint=True))) == []

    def test_taints_of_the_worker_node_come_first_in_their_order_and_without_times(self) -> None:
        theirs = (Taint("z", "NoExecute", "1", at(6)), Taint("a", "NoSchedule"), Taint("a", "PreferNoSchedule"))
        wanted = vnode(worker_node=worker_node(spec=NodeSpec(taints=theirs)))
        assert taints(wanted) == ["z=1:NoExecute", "a=:NoSchedule", "a=:PreferNoSchedule", DEFAULT]
        assert all(taint.time_added is None for taint in wanted.taints)

    @pytest.mark.parametrize(
        "key",
        [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/memory-pressure",
            "node.cloudprovider.kubernetes.io/anything",
            "kubeocean.io/vnode-deleting",
        ],
    )
    def test_taints_that_controllers_manage_are_not_copied(self, key: str) -> None:
        spec = NodeSpec(taints=(Taint(key, "NoExecute"),))
        assert taints(vnode(worker_node=worker_node(spec=spec))) == [DEFAULT]

    @pytest.mark.parametrize(
        "spec",
        [
            pytest.param(NodeSpec(unschedulable=True), id="cordoned"),
            pytest.param(NodeSpec(taints=(Taint("node.kubernetes.io/unschedulable", "NoSchedule"),)), id="tainted"),
            pytest.param(
                NodeSpec(unschedulable=True, taints=(Taint("node.kubernetes.io/unschedulable", "NoSchedule"),)),
                id="both",
            ),
            pytest.param(
                NodeSpec(taints=(Taint("node.cloudprovider.kubernetes.io/uninitialized", "NoSchedule", "true"),)),
                id="not-initialized",
            ),
        ],
    )
    def test_a_worker_node_that_takes_no_pods_only_stops_new_ones(self, spec: NodeSpec) -> None:
        assert taints(vnode(worker_node=worker_node(spec=spec))) == [UNFIT, DEFAULT]

    def test_a_worker_node_that_is_being_deleted_takes_no_pods(self) -> None:
        machine = worker_node()
        machine = replace_fields(machine, metadata=replace_fields(machine.metadata, deletion_timestamp=NOW))
        assert taints(vnode(worker_node=machine)) == [UNFIT, DEFAULT]

    def test_a_taint_that_somebody_set_on_the_vnode_is_spared(self) -> None:
        there = bare_vnode()
        there = replace_fields(there, spec=replace_fields(there.spec, taints=(Taint("gpu", "NoSchedule", "mine"),)))
        machine = worker_node(spec=NodeSpec(taints=(Taint("gpu", "NoSchedule", "theirs"),)))
        assert taints(vnode(worker_node=machine, vnode=there)) == [DEFAULT]

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"standing": standing_by()}, id="no-policy-matches"),
            pytest.param({"state": replace(STATE, is_deleting=True)}, id="binding-goes"),
            pytest.param({"vnode": bare_vnode(deletion_timestamp=NOW)}, id="deleted-by-hand"),
        ],
    )
    def test_a_closed_vnode_that_goes_when_empty_says_so(self, fields: dict[str, Any]) -> None:
        assert taints(vnode(CLOSED, **{"vnode": bare_vnode(), **fields})) == [DEFAULT, SHUT, LEAVING]

    @pytest.mark.parametrize("standing", [None, standing_by(replace(HALF, windows=MORNING))])
    def test_a_closed_vnode_that_stays_does_not(self, standing: Any) -> None:
        assert taints(vnode(CLOSED, standing=standing, vnode=bare_vnode())) == [DEFAULT, SHUT]


class TestSize:
    def test_capacity_is_the_machine_and_allocatable_the_lease(self) -> None:
        wanted = vnode(foreign_load={"cpu": 1900, "pods": 10_000})
        assert wanted.capacity == {"cpu": "8", "memory": "32Gi", "pods": "110"}
        assert wanted.allocatable == {"cpu": "3", "memory": "31Gi", "pods": "100"}

    def test_pods_that_are_not_mirrored_are_counted_on_top_of_the_lease(self) -> None:
        agent = pod("agent", owner_references=DAEMON_SET, requests={"cpu": "100m", "gpu": "1"})
        system = pod("system", namespace="kube-system", requests={"cpu": "10m"})
        finished = pod("finished", "Failed", owner_references=DAEMON_SET, requests={"cpu": "1"})
        wanted = vnode(computing_pods=(agent, system, finished, pod(requests={"cpu": "2"})))
        assert wanted.allocatable == {"cpu": "4060m", "memory": "31Gi", "pods": "112"}

    def test_they_make_no_room_where_no_pods_are_taken(self) -> None:
        agent = pod("agent", owner_references=DAEMON_SET)
        assert vnode(SUSPENDED, computing_pods=(agent,)).allocatable["pods"] == "0"

    def test_a_mirrored_daemon_set_pod_takes_of_the_lease_like_any_other(self) -> None:
        agent = pod(
            "agent", owner_references=DAEMON_SET, requests={"cpu": "1"}, annotations={names.RUNNING_DAEMONSET: "true"}
        )
        assert vnode(computing_pods=(agent,)).allocatable["cpu"] == "3950m"

    def test_a_lease_that_takes_no_pods_keeps_its_size_and_follows_the_node(self) -> None:
        wanted = vnode(SUSPENDED, foreign_load={"cpu": 5900}, vnode=made())
        assert wanted.allocatable == {"cpu": "1", "memory": "31Gi", "pods": "0"}

    @pytest.mark.parametrize(
        ("reclaim", "fields"),
        [
            pytest.param(CLOSED, {"standing": standing_by(replace(HALF, windows=MORNING))}, id="closed"),
            pytest.param(CLOSED, {"standing": standing_by()}, id="no-policy-matches"),
            pytest.param(SUSPENDED, {"standing": None}, id="policies-unknown"),
            pytest.param(SUSPENDED, {"standing": None, "worker_node": None}, id="node-gone"),
            pytest.param(CLOSED, {}, id="binding-goes"),
        ],
    )
    def test_a_lease_that_is_not_known_to_be_open_stays_as_it_was(
        self, reclaim: Reclaim, fields: dict[str, Any]
    ) -> None:
        wanted = vnode(reclaim, vnode=made(), foreign_load={"cpu": 7900}, **fields)
        assert wanted.allocatable == {"cpu": "3950m", "memory": "31Gi", "pods": "0"}

    def test_a_vnode_made_outside_the_windows_shows_what_it_will_lend(self) -> None:
        wanted = vnode(CLOSED, standing=standing_by(replace(HALF, windows=MORNING)))
        assert wanted.allocatable == {"cpu": "3950m", "memory": "31Gi", "pods": "0"}


PRESSURE = Condition("MemoryPressure", "False", "KubeletHasSufficientMemory")
READY = worker_node().status.conditions[0]


class TestConditions:
    def conditions(self, **fields: Any) -> tuple[Condition, ...]:
        machine = worker_node(conditions=(PRESSURE, READY))
        return vnode(**{"worker_node": machine, **fields}).conditions

    def test_they_are_the_worker_nodes(self) -> None:
        assert self.conditions() == (PRESSURE, READY)

    def test_an_unreachable_worker_is_given_forty_seconds(self) -> None:
        assert self.conditions(unreachable_since=NOW - timedelta(seconds=39)) == (PRESSURE, READY)

    def test_then_readiness_is_unknown(self) -> None:
        pressure, ready = self.conditions(unreachable_since=NOW - timedelta(seconds=40))
        assert pressure == PRESSURE
        assert (ready.type, ready.status, ready.reason) == ("Ready", "Unknown", "WorkerUnreachable")
        assert ready.last_transition_time == NOW

    def test_a_node_that_is_gone_is_not_ready(self) -> None:
        there = made(worker_node=worker_node(conditions=(PRESSURE, READY)))
        pressure, ready = self.conditions(worker_node=None, standing=None, vnode=there)
        assert pressure == PRESSURE
        assert (ready.status, ready.reason) == ("False", "NodeLost")

    def test_a_node_out_of_sight_of_an_unreachable_worker_is_unknown_not_gone(self) -> None:
        fields: dict[str, Any] = {"worker_node": None, "standing": None, "vnode": made()}
        assert self.conditions(unreachable_since=NOW, **fields) == (READY,)
        (ready,) = self.conditions(unreachable_since=NOW - timedelta(seconds=40), **fields)
        assert ready.reason == "WorkerUnreachable"


class TestAddress:
    def test_without_a_proxier_there_is_only_a_hostname(self) -> None:
        wanted = vnode()
        assert (wanted.addresses, wanted.kubelet_port) == ((NodeAddress("Hostname", VNODE_NAME),), 0)
        assert names.PROXIER_PORT not in wanted.labels

    def test_a_proxier_answers_for_the_kubelet(self) -> None:
        wanted = vnode(endpoint=Endpoint("10.9.8.7", 12034))
        assert wanted.addresses == (NodeAddress("InternalIP", "10.9.8.7"), NodeAddress("Hostname", VNODE_NAME))
        assert (wanted.kubelet_port, wanted.labels[names.PROXIER_PORT]) == (12034, "12034")


class TestDeclaredFeatures:
    def test_of_what_the_worker_s_node_declares_only_streams_are_the_vnode_s_too(self) -> None:
        declared = ("AnotherFeature", "ExtendWebSocketsToKubelet", "ZFeature")
        assert vnode(worker_node=worker_node(declared_features=declared)).declared_features == (
            "ExtendWebSocketsToKubelet",
        )

    def test_a_node_that_declares_nothing_makes_a_vnode_that_declares_nothing(self) -> None:
        assert vnode().declared_features == ()


class TestOutOfSight:
    def test_what_was_copied_stays_when_the_node_is_gone(self) -> None:
        spec = NodeSpec(unschedulable=True, taints=(Taint("gpu", "NoSchedule", "a100"),))
        before: NodeView = node_view(standing=standing_by(HALF), worker_node=worker_node({"zone": "a"}, spec))
        there = made(worker_node=before.worker_node)
        there.metadata.labels["mine"] = "yes"
        gone = vnode(SUSPENDED, worker_node=None, standing=None, vnode=there)
        seen = vnode(SUSPENDED, worker_node=before.worker_node, vnode=there)
        assert (gone.labels, gone.annotations, gone.taints) == (seen.labels, seen.annotations, seen.taints)
        assert (gone.provider_id, gone.capacity, gone.node_info) == (seen.provider_id, seen.capacity, seen.node_info)
