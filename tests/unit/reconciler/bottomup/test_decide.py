"""What becomes of a vnode."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as replace_fields

from inventory.standing import Outcome, Standing
from reconciler import names
from reconciler.bottomup.decide import decide
from reconciler.decision import Create, Delete, Emit, LeaseState, Patch, Reclaim, Side, Target
from reconciler.kube.resources import NODES
from tests.leasing import (
    AROUND_NOON,
    BINDING,
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
from tests.leasing_world import World

NOW = MONDAY_NOON
OPEN = policy("open", force_reclaim=True, grace=300)
SHUT = replace(OPEN, windows=MORNING)
DELETING = replace(STATE, is_deleting=True)
ABANDONED = replace(DELETING, abandons_worker=True)


def lent_world(**fields: Any) -> World:
    """A world at noon in which the node has been lent to a pod."""
    world = World(policies=(OPEN,), pods={"web": pod()})
    world.settle(NOW)
    for name, value in fields.items():
        setattr(world, name, value)
    return world


def kinds(world: World, now: Any = NOW) -> list[str]:
    return [type(action).__name__ for action in world.decide(now).actions]


class TestMaking:
    @pytest.mark.parametrize(
        ("world", "made"),
        [
            pytest.param(World((OPEN,)), True, id="lent"),
            pytest.param(World((SHUT,)), True, id="lent-at-another-hour"),
            pytest.param(World((OPEN,), (SHUT,)), True, id="the-worker-is-closed"),
            pytest.param(World((replace(OPEN, suspend=True),)), True, id="suspended"),
            pytest.param(World(), False, id="no-policy"),
            pytest.param(World((replace(OPEN, expires_at=NOW),)), False, id="expired"),
            pytest.param(World((OPEN,), None), False, id="policies-unknown"),
            pytest.param(World((OPEN,), machine=None), False, id="no-node"),
            pytest.param(World((OPEN,), unreachable_since=NOW), False, id="unreachable"),
            pytest.param(World((OPEN,), state=DELETING), False, id="binding-goes"),
            pytest.param(World((OPEN,), machine=worker_node({"type": "virtual-kubelet"})), False, id="virtual-node"),
        ],
    )
    def test_a_vnode_is_made_where_a_policy_can_lend(self, world: World, *, made: bool) -> None:
        assert kinds(world) == (["Create"] if made else [])

    def test_it_is_made_under_its_own_name_and_never_taken_over(self) -> None:
        (create,) = World((OPEN,)).decide(NOW).actions
        assert isinstance(create, Create)
        assert create.target == Target(Side.COMPUTING, NODES, VNODE_NAME)
        assert create.owned_by == ()
        assert create.manifest["metadata"]["name"] == VNODE_NAME

    def test_an_invalid_policy_makes_none(self) -> None:
        standing = Standing(Outcome.NOT_LENT, "broken is invalid")
        verdict = Reclaim(LeaseState.EMPTY, "broken is invalid", takes_pods=False, closed_at=NOW)
        assert decide(node_view(standing=standing), verdict, NOW).actions == ()

    def test_pods_of_a_vnode_that_vanished_find_it_again(self) -> None:
        world = lent_world(vnode=None)
        assert world.settle(NOW) == 1
        assert world.vnode is not None

    def test_a_foreign_node_of_that_name_is_not_touched(self) -> None:
        foreign = bare_vnode()
        foreign.metadata.labels.clear()
        foreign = replace_fields(foreign, spec=replace_fields(foreign.spec, provider_id="aws:///i-1"))
        decision = decide(
            node_view(vnode=foreign, standing=standing_by(OPEN)), Reclaim(LeaseState.LENT, "lent", takes_pods=True), NOW
        )
        assert (decision.actions, decision.because) == ((), f"{VNODE_NAME} belongs to somebody else")

    def test_a_vnode_that_lost_its_labels_is_known_by_its_provider_id(self) -> None:
        world = lent_world()
        assert world.vnode is not None
        world.vnode["metadata"]["labels"].clear()
        assert world.settle(NOW) == 1
        assert world.vnode["metadata"]["labels"][names.CLUSTER_BINDING] == "tokyo"


class TestKeeping:
    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({}, id="nothing"),
            pytest.param({"policies": (SHUT,)}, id="closed"),
            pytest.param({"policies": ()}, id="no-policy-matches"),
            pytest.param({"policies": (replace(OPEN, suspend=True),)}, id="suspended"),
            pytest.param({"policies": (OPEN,), "worker_policies": (policy("own"),)}, id="a-second-lender"),
            pytest.param({"worker_policies": None}, id="policies-unknown"),
            pytest.param({"machine": None}, id="node-gone"),
            pytest.param({"machine": worker_node({"zone": "b"})}, id="labels"),
            pytest.param({"machine": worker_node(capacity={"cpu": "4"}, allocatable={"cpu": "4"})}, id="smaller"),
            pytest.param({"foreign_load": {"cpu": 500}}, id="foreign-load"),
            pytest.param({"unreachable_since": NOW - timedelta(seconds=40)}, id="unreachable"),
            pytest.param(
                {"machine": None, "unreachable_since": NOW - timedelta(seconds=40)}, id="restarted-while-unreachable"
            ),
            pytest.param({"state": DELETING}, id="binding-goes"),
            pytest.param({"more": {"binding": replace(BINDING, disable_node_default_taint=True)}}, id="default-taint"),
        ],
    )
    def test_a_second_pass_over_an_unchanged_world_writes_nothing(self, change: dict[str, Any]) -> None:
        world = lent_world(**change)
        assert world.settle(NOW) <= 2
        assert world.decide(NOW + timedelta(seconds=1)).actions == ()

    def test_a_close_is_recorded_and_announced_before_any_pod_is_told_to_go(self) -> None:
        world = lent_world(policies=(replace(SHUT, grace=timedelta()),))
        main, status, event, told = world.pass_once(NOW)
        assert isinstance(main, Patch)
        assert main.patch["metadata"]["annotations"][names.WINDOW_CLOSED_AT] == "2026-01-05T12:00:00Z"
        assert isinstance(status, Patch)
        assert status.patch == {"status": {"allocatable": {"pods": "0"}}}
        assert isinstance(event, Emit)
        assert (event.reason, event.regarding.name) == ("LeaseClosed", VNODE_NAME)
        assert isinstance(told, Delete)

    def test_reopening_takes_the_close_back(self) -> None:
        world = lent_world(policies=(SHUT,))
        world.settle(NOW)
        world.policies = (OPEN,)
        world.settle(at(12, 1))
        assert world.vnode is not None
        assert not {names.WINDOW_CLOSED_AT, names.LEASE_ENDS_AT} & set(world.vnode["metadata"]["annotations"])
        assert world.vnode["status"]["allocatable"]["pods"] == "110"
        assert world.events == ["LeaseClosed", "LeaseReopened"]

    def test_a_shrink_is_recorded_and_announced_once_before_any_pod_is_told_to_go(self) -> None:
        world = lent_world(policies=(replace(OPEN, grace=timedelta()),), pods={"web": pod(requests={"cpu": "2"})})
        world.settle(NOW)
        world.foreign_load = {"cpu": 7000}
        main, status, event, told = world.pass_once(NOW)
        assert isinstance(main, Patch)
        assert main.patch["metadata"]["annotations"][names.SHRUNK_AT] == "2026-01-05T12:00:00Z"
        assert isinstance(status, Patch)
        assert status.patch == {"status": {"allocatable": {"cpu": "900m"}}}
        assert isinstance(event, Emit)
        assert event.reason == "LeaseShrunk"
        assert isinstance(told, Delete)
        world.settle(NOW)
        assert world.vnode is not None
        assert names.SHRUNK_AT not in world.vnode["metadata"]["annotations"]
        assert world.events == ["LeaseShrunk"]

    def test_the_close_is_not_restarted_by_later_passes(self) -> None:
        world = lent_world(policies=(SHUT,))
        world.settle(NOW)
        world.settle(at(12, 3))
        assert world.vnode is not None
        assert world.vnode["metadata"]["annotations"][names.WINDOW_CLOSED_AT] == "2026-01-05T12:00:00Z"


class TestLettingGo:
    def test_an_empty_vnode_that_no_policy_lends_is_deleted_then_released(self) -> None:
        world = lent_world(policies=(), pods={})
        (delete,) = world.pass_once(NOW)
        assert isinstance(delete, Delete)
        assert delete.target.uid == "vnode-uid-0"
        (release,) = world.pass_once(NOW)
        assert isinstance(release, Patch)
        assert release.patch == {"metadata": {"finalizers": []}}
        assert world.vnode is None

    @pytest.mark.parametrize(
        ("change", "goes"),
        [
            pytest.param({"policies": (), "pods": {}}, True, id="no-policy-matches"),
            pytest.param({"state": DELETING, "pods": {}}, True, id="binding-goes"),
            pytest.param({"machine": None, "pods": {}}, True, id="node-gone"),
            pytest.param({"state": ABANDONED}, True, id="abandoned-with-pods"),
            pytest.param({"state": ABANDONED, "unreachable_since": NOW}, True, id="abandoned-and-unreachable"),
            pytest.param({"policies": (), "pods": {"done": pod("done", "Succeeded")}}, True, id="only-finished-pods"),
            pytest.param(
                {"policies": (), "pods": {"s": pod("s", namespace="kube-system")}}, True, id="only-system-pods"
            ),
            pytest.param({"policies": ()}, False, id="a-pod-is-left"),
            pytest.param({"machine": None}, False, id="node-gone-but-a-pod-is-left"),
            pytest.param({"state": DELETING}, False, id="binding-goes-but-a-pod-is-left"),
            pytest.param({"policies": (SHUT,), "pods": {}}, False, id="closed"),
            pytest.param({"policies": (replace(OPEN, expires_at=NOW),), "pods": {}}, True, id="expired"),
            pytest.param({"policies": (), "pods": {}, "unreachable_since": NOW}, False, id="unreachable"),
            pytest.param({"machine": None, "pods": {}, "unreachable_since": NOW}, False, id="out-of-sight"),
            pytest.param(
                {"state": DELETING, "pods": {}, "unreachable_since": NOW}, False, id="binding-goes-unreachable"
            ),
            pytest.param({"worker_policies": None, "pods": {}}, False, id="policies-unknown"),
            pytest.param(
                {"state": replace(STATE, abandons_worker=True), "pods": {}}, False, id="abandoned-not-deleted"
            ),
        ],
    )
    def test_a_vnode_goes_when_it_is_empty_and_nothing_speaks_for_it(
        self, change: dict[str, Any], *, goes: bool
    ) -> None:
        world = lent_world(**change)
        assert ("Delete" in [type(each).__name__ for each in world.decide(NOW).actions if each_is_vnodes(each)]) is goes

    def test_a_recorded_close_of_unknown_policies_does_not_remove_a_vnode(self) -> None:
        world = lent_world(policies=(), worker_policies=())
        world.settle(NOW)
        world.pods, world.worker_policies = {}, None
        assert world.settle(NOW) <= 2
        assert world.vnode is not None


def each_is_vnodes(action: Any) -> bool:
    return not isinstance(action, Emit) and bool(action.target.resource == NODES)


class TestDeletedByHand:
    def deleted(self, **fields: Any) -> World:
        world = lent_world(**fields)
        world.settle(NOW)
        assert world.vnode is not None
        world.vnode["metadata"]["deletionTimestamp"] = "2026-01-05T12:00:00Z"
        return world

    def test_while_lent_it_goes_at_once_and_is_made_again_with_its_pods(self) -> None:
        world = self.deleted()
        assert kinds(world) == ["Patch"]
        assert world.settle(NOW) == 2
        assert world.vnode is not None
        assert "deletionTimestamp" not in world.vnode["metadata"]
        assert list(world.pods) == ["web"]

    def test_a_closed_one_keeps_the_memory_of_its_close_until_it_is_empty(self) -> None:
        world = self.deleted(policies=(SHUT,))
        world.settle(at(12, 1))
        assert world.vnode is not None
        assert world.vnode["metadata"]["annotations"][names.WINDOW_CLOSED_AT] == "2026-01-05T12:00:00Z"
        assert any(taint["key"] == names.TAINT_DELETING for taint in world.vnode["spec"]["taints"])
        world.finish(["web"])
        world.settle(at(12, 2))
        assert world.vnode is not None
        assert world.vnode["metadata"]["annotations"][names.WINDOW_CLOSED_AT] == "2026-01-05T12:02:00Z"

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"unreachable_since": NOW}, id="unreachable"),
            pytest.param({"worker_policies": None}, id="policies-unknown"),
        ],
    )
    def test_it_waits_while_nobody_can_say_whether_it_is_lent(self, change: dict[str, Any]) -> None:
        world = self.deleted(pods={}, **change)
        world.settle(NOW)
        assert world.vnode is not None
        assert world.vnode["metadata"]["finalizers"] == [names.FINALIZER_VNODE]

    def test_anothers_finalizer_is_left_to_its_owner(self) -> None:
        world = self.deleted()
        assert world.vnode is not None
        world.vnode["metadata"]["finalizers"].append("theirs")
        world.pass_once(NOW)
        assert world.vnode["metadata"]["finalizers"] == ["theirs"]
        assert world.decide(NOW).actions == ()


class TestWakingUp:
    @pytest.mark.parametrize(
        ("change", "wake_at"),
        [
            pytest.param({}, None, id="never"),
            pytest.param({"policies": (policy("a", windows=AROUND_NOON),)}, at(13), id="end-of-the-window"),
            pytest.param({"policies": (policy("a", windows=AROUND_NOON, notice=600),)}, at(12, 50), id="notice"),
            pytest.param({"policies": (SHUT,)}, at(12, 4), id="evictions"),
            pytest.param({"policies": (SHUT,), "pods": {}}, at(8) + timedelta(days=1), id="opening"),
            pytest.param({"unreachable_since": NOW - timedelta(seconds=10)}, at(12, 0, 30), id="unreachable"),
            pytest.param({"unreachable_since": NOW - timedelta(seconds=40)}, None, id="unreachable-for-long"),
            pytest.param({"machine": None}, None, id="node-gone"),
        ],
    )
    def test_it_looks_again_when_the_clock_alone_changes_something(self, change: dict[str, Any], wake_at: Any) -> None:
        assert lent_world(**change).decide(NOW).wake_at == wake_at
