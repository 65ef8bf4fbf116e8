"""A lease that no longer holds what is on it takes back just enough, on the road of every reclaim."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from inventory.model import Limit, Policy
from reconciler import names
from reconciler.bottomup.view import NodeView
from reconciler.decision import Delete, Evict, LeaseState, Shrink
from reconciler.kube.projections import Node, Pod
from reconciler.reclaim.decide import decide
from tests.leasing import (
    AROUND_NOON,
    DAEMON_SET,
    MONDAY_NOON,
    MORNING,
    STATE,
    at,
    bare_vnode,
    node_view,
    pod,
    policy,
    standing_by,
)

NOW = MONDAY_NOON
FORCED: dict[str, Any] = {"force_reclaim": True, "grace": 300, "drain": 60}
OPEN = policy(limits=(Limit("cpu", 4000),), **FORCED)


def web(name: str, age: int, **fields: Any) -> Pod:
    """Two cores, so many minutes old."""
    return pod(name, requests={"cpu": "2"}, creation_timestamp=NOW - timedelta(minutes=age), **fields)


THREE = (web("a", 30), web("b", 20), web("c", 10))


def shrunk_for(seconds: int, lender: Policy = OPEN, **fields: Any) -> NodeView:
    """A view at noon of a lease of 4 cores with 6 in use, which shrank so long ago."""
    shrunk_at = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    vnode = bare_vnode({names.SHRUNK_AT: shrunk_at, names.POLICIES_APPLIED: "nights"})
    return node_view(**{"standing": standing_by(lender), "vnode": vnode, "computing_pods": THREE, **fields})


def vnode() -> Node:
    return bare_vnode({names.POLICIES_APPLIED: "nights"})


def told(view: NodeView, now: datetime = NOW) -> list[tuple[type, str]]:
    return [(type(action), action.target.name) for action in decide(view, now).actions]


class TestTheRecord:
    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({}, id="lower-limit"),
            pytest.param({"standing": standing_by(policy(**FORCED)), "foreign_load": {"cpu": 2500}}, id="more-load"),
            pytest.param({"standing": standing_by(policy(**FORCED), worker=(OPEN,))}, id="a-policy-of-the-worker"),
        ],
    )
    def test_whatever_shrinks_the_lease_is_recorded_now_and_names_its_victims(self, fields: dict[str, Any]) -> None:
        verdict = decide(shrunk_for(0, **{"vnode": vnode(), **fields}), NOW)
        assert verdict.shrink == Shrink(NOW, at(12, 5), ("shop/c",))
        assert (verdict.state, verdict.takes_pods, verdict.actions) == (LeaseState.LENT, True, ())
        assert verdict.wake_at == at(12, 4)

    def test_it_counts_from_the_next_whole_second(self) -> None:
        verdict = decide(shrunk_for(0, vnode=vnode()), at(11, 59, 59).replace(microsecond=1))
        assert verdict.shrink is not None
        assert verdict.shrink.since == NOW

    def test_it_stays_as_recorded(self) -> None:
        assert decide(shrunk_for(100), NOW).shrink == Shrink(
            NOW - timedelta(seconds=100), NOW + timedelta(seconds=200), ("shop/c",)
        )

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"standing": standing_by(policy(**FORCED))}, id="the-lease-grew"),
            pytest.param({"computing_pods": THREE[:2]}, id="a-pod-is-gone"),
            pytest.param({"computing_pods": (*THREE[:2], web("c", 10, phase="Succeeded"))}, id="a-pod-has-finished"),
            pytest.param({"computing_pods": (*THREE[:2], web("c", 10, deletion_timestamp=NOW))}, id="a-pod-is-leaving"),
        ],
    )
    def test_a_shrink_that_recovers_is_forgotten(self, fields: dict[str, Any]) -> None:
        verdict = decide(shrunk_for(290, **fields), NOW)
        assert (verdict.shrink, verdict.actions, verdict.wake_at) == (None, (), None)

    def test_pods_that_are_not_mirrored_take_nothing_of_the_lease(self) -> None:
        agent = web("agent", 1, owner_references=DAEMON_SET)
        assert decide(shrunk_for(0, computing_pods=(*THREE[:2], agent)), NOW).shrink is None

    def test_a_shrink_after_the_last_victim_has_begun_to_leave_has_a_grace_of_its_own(self) -> None:
        leaving = web("c", 10, deletion_timestamp=NOW)
        first = decide(shrunk_for(400, computing_pods=(*THREE[:2], leaving)), NOW)
        assert first.shrink is None
        later = replace(OPEN, limits=(Limit("cpu", 2000),))
        verdict = decide(shrunk_for(0, later, vnode=vnode(), computing_pods=(*THREE[:2], leaving)), NOW)
        assert verdict.shrink == Shrink(NOW, at(12, 5), ("shop/b",))


class TestTheCourse:
    @pytest.mark.parametrize(
        ("seconds", "kind", "step"),
        [
            pytest.param(0, None, 240, id="at-S"),
            pytest.param(239, None, 1, id="just-before-E"),
            pytest.param(240, Evict, 60, id="at-E"),
            pytest.param(299, Evict, 1, id="just-before-D"),
            pytest.param(300, Delete, None, id="at-D"),
            pytest.param(9999, Delete, None, id="long-after-D"),
        ],
    )
    def test_victims_run_until_e_are_evicted_until_d_and_deleted_then(
        self, seconds: int, kind: type | None, step: int | None
    ) -> None:
        view = shrunk_for(seconds)
        assert told(view) == ([(kind, "c")] if kind else [])
        assert decide(view, NOW).wake_at == (NOW + timedelta(seconds=step) if step else None)

    @pytest.mark.parametrize("seconds", [0, 240, 9999])
    def test_without_force_it_is_recorded_and_nobody_is_ever_told_to_go(self, seconds: int) -> None:
        verdict = decide(shrunk_for(seconds, replace(OPEN, force_reclaim=False)), NOW)
        assert verdict.shrink == Shrink(NOW - timedelta(seconds=seconds))
        assert (verdict.actions, verdict.wake_at) == ((), None)

    def test_an_edit_of_the_grace_moves_its_end_and_does_not_restart_it(self) -> None:
        assert told(shrunk_for(100, replace(OPEN, grace=timedelta(seconds=100)))) == [(Delete, "c")]

    def test_without_a_vnode_to_record_it_on_nobody_is_told_to_go(self) -> None:
        abrupt = replace(OPEN, grace=timedelta())
        verdict = decide(shrunk_for(0, abrupt, vnode=None), NOW)
        assert (verdict.actions, verdict.wake_at) == ((), None)

    def test_it_goes_on_during_the_notice(self) -> None:
        soon = replace(OPEN, windows=AROUND_NOON, notice=timedelta(hours=2))
        verdict = decide(shrunk_for(250, soon), NOW)
        assert (verdict.state, verdict.takes_pods) == (LeaseState.NOTICE, False)
        assert verdict.actions
        assert verdict.wake_at == NOW + timedelta(seconds=50)

    def test_a_suspended_lease_that_shrinks_takes_it_too(self) -> None:
        assert told(shrunk_for(300, replace(OPEN, suspend=True))) == [(Delete, "c")]

    @pytest.mark.parametrize(
        ("seconds", "because"),
        [
            pytest.param(0, "1 pod left in peace, 240 s left until eviction", id="in-peace"),
            pytest.param(240, "evicting 1 pod, 60 s left until deletion", id="evicting"),
            pytest.param(300, "the grace is over, deleting 1 pod", id="deleting"),
        ],
    )
    def test_it_says_why_and_what_comes_next(self, seconds: int, because: str) -> None:
        start = "lent by nights; smaller than what its pods request: "
        assert decide(shrunk_for(seconds), NOW).because == start + because


class TestWhatGoesBefore:
    def test_a_close_takes_everybody_and_forgets_the_shrink(self) -> None:
        verdict = decide(shrunk_for(100, replace(OPEN, windows=MORNING)), NOW)
        assert (verdict.state, verdict.closed_at, verdict.shrink) == (LeaseState.CLOSED, NOW, None)

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"unreachable_since": NOW}, id="worker-unreachable"),
            pytest.param({"standing": None}, id="policies-unknown"),
            pytest.param({"worker_node": None, "standing": None}, id="node-gone"),
        ],
    )
    def test_while_something_is_not_known_the_record_stays_and_nobody_is_told_to_go(
        self, fields: dict[str, Any]
    ) -> None:
        record = {
            names.SHRUNK_AT: "2026-01-05T11:00:00Z",
            names.SHRINK_ENDS_AT: "2026-01-05T11:05:00Z",
            names.SHRINK_VICTIMS: "shop/a,shop/b",
        }
        verdict = decide(shrunk_for(0, vnode=bare_vnode(record), **fields), NOW)
        assert verdict.shrink == Shrink(at(11), at(11, 5), ("shop/a", "shop/b"))
        assert verdict.actions == ()

    def test_a_binding_that_goes_closes_the_lease(self) -> None:
        verdict = decide(shrunk_for(100, state=replace(STATE, is_deleting=True)), NOW)
        assert (verdict.closed_at, verdict.shrink) == (NOW, None)
