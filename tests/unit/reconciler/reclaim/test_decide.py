"""When lent capacity goes home, and which pods are told to."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from inventory.model import Binding, NodeSelector, Policy, Requirement, SelectorTerm, Window
from inventory.standing import Candidate, Sides, Standing, standing_of
from reconciler import names
from reconciler.bottomup.view import NodeView
from reconciler.decision import Delete, Evict, LeaseState, Reclaim, Side, Target, Terms
from reconciler.kube.projections import Node, NodeSpec
from reconciler.kube.resources import PODS
from reconciler.reclaim.decide import decide
from tests.leasing import (
    AROUND_NOON,
    BINDING,
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
    worker_node,
)

NOW = MONDAY_NOON
FORCED: dict[str, Any] = {"force_reclaim": True, "grace": 300, "drain": 60}
TERMS = Terms(timedelta(seconds=300), timedelta(seconds=60), force=True)
OPEN = policy(**FORCED)
SHUT = policy(windows=MORNING, **FORCED)


def selecting(key: str, value: str) -> NodeSelector:
    return NodeSelector((SelectorTerm((Requirement(key, "In", (value,)),)),))


GPU_ONLY = policy("gpu", node_selector=selecting("gpu", "a100"), windows=AROUND_NOON, **FORCED)


def standing_on(
    *policies: Policy,
    worker: tuple[Policy, ...] = (),
    labels: Mapping[str, str] = {"gpu": "a100"},
    binding: Binding = BINDING,
    is_deleting: bool = False,
    now: datetime = NOW,
) -> Standing | None:
    """What these policies say of a node with a GPU."""
    ours = tuple(Candidate(each.name, each, is_deleting) for each in policies)
    theirs = tuple(Candidate(each.name, each) for each in worker)
    return standing_of(labels, "n1", binding, Sides(ours, theirs), now)


def lent_vnode(*lenders: str, terms: str = "", closed_at: str = "") -> Node:
    """A vnode as it remembers who lent it, on which terms, and since when it is closed."""
    annotations = {
        names.POLICIES_APPLIED: ",".join(lenders or ("nights",)),
        names.RECLAIM_TERMS: terms,
        names.WINDOW_CLOSED_AT: closed_at,
    }
    return bare_vnode({key: text for key, text in annotations.items() if text})


def closed_for(seconds: int, *policies: Policy, **fields: Any) -> NodeView:
    """A view at noon of a lease that was closed so long ago."""
    closed_at = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return node_view(
        **{
            "standing": standing_by(*(policies or (SHUT,))),
            "vnode": lent_vnode(closed_at=closed_at),
            "computing_pods": (pod(),),
            **fields,
        }
    )


def target(name: str) -> Target:
    return Target(Side.COMPUTING, PODS, name, "shop", uid=f"uid-{name}")


class TestWhileLent:
    def test_an_open_lease_takes_pods(self) -> None:
        verdict = decide(node_view(standing=standing_by(OPEN), vnode=lent_vnode(), computing_pods=(pod(),)), NOW)
        assert verdict == Reclaim(LeaseState.LENT, "lent by nights", takes_pods=True, terms=TERMS)

    def test_a_suspended_lease_takes_none_and_evicts_none(self) -> None:
        view = node_view(standing=standing_by(replace(OPEN, suspend=True)), computing_pods=(pod(),))
        verdict = decide(view, NOW)
        assert (verdict.state, verdict.takes_pods, verdict.actions) == (LeaseState.LENT, False, ())

    def test_a_window_that_reopens_stops_the_reclaim(self) -> None:
        verdict = decide(closed_for(9999, OPEN), NOW)
        assert verdict == Reclaim(LeaseState.LENT, "lent by nights", takes_pods=True, terms=TERMS)

    @pytest.mark.parametrize(
        ("worker", "terms"),
        [
            pytest.param(policy("own"), TERMS, id="forced-before-unforced"),
            pytest.param(
                policy("own", force_reclaim=True, grace=200),
                Terms(timedelta(seconds=200), timedelta(seconds=60), force=True),
                id="shorter-grace",
            ),
            pytest.param(policy("own", force_reclaim=True, grace=400), TERMS, id="longer-grace"),
            pytest.param(
                policy("own", force_reclaim=True, grace=300, drain=90),
                Terms(timedelta(seconds=300), timedelta(seconds=90), force=True),
                id="longer-drain",
            ),
        ],
    )
    def test_of_two_lenders_the_stricter_terms_hold(self, worker: Policy, terms: Terms) -> None:
        assert decide(node_view(standing=standing_by(OPEN, worker=(worker,))), NOW).terms == terms


class TestNotice:
    SOON = policy(windows=AROUND_NOON, notice=600, **FORCED)

    def view(self, lender: Policy, now: datetime) -> NodeView:
        return node_view(standing=standing_by(lender, now=now), vnode=lent_vnode(), computing_pods=(pod(),))

    def test_it_is_waited_for(self) -> None:
        verdict = decide(self.view(self.SOON, NOW), NOW)
        assert (verdict.state, verdict.takes_pods, verdict.wake_at) == (LeaseState.LENT, True, at(12, 50))

    def test_it_stops_new_pods_and_announces_the_end(self) -> None:
        now = at(12, 50)
        verdict = decide(self.view(self.SOON, now), now)
        assert verdict == Reclaim(
            LeaseState.NOTICE,
            "lent by nights; closes in 600 s, takes no new pods",
            takes_pods=False,
            terms=TERMS,
            closed_at=None,
            evicts_from=at(13, 4),
            ends_at=at(13, 5),
            wake_at=at(13),
        )

    def test_without_force_it_announces_no_end(self) -> None:
        verdict = decide(self.view(replace(self.SOON, force_reclaim=False), at(12, 50)), at(12, 50))
        assert (verdict.state, verdict.evicts_from, verdict.ends_at) == (LeaseState.NOTICE, None, None)

    @pytest.mark.parametrize(
        "own",
        [
            pytest.param(policy("own", windows=AROUND_NOON, notice=600), id="never forces"),
            pytest.param(policy("own", windows=AROUND_NOON, notice=600, force_reclaim=True, grace=900), id="patient"),
            pytest.param(policy("own", windows=AROUND_NOON, notice=600, force_reclaim=True), id="strict"),
        ],
    )
    def test_the_end_that_it_announces_is_that_of_the_side_that_closes(self, own: Policy) -> None:
        """The computing cluster's policy goes on, so the close will be on the worker's terms alone."""
        lenders = {"vnode": lent_vnode("nights", "own"), "computing_pods": (pod(),)}
        announced, closed = (
            decide(node_view(standing=standing_by(OPEN, worker=(own,), now=now), **lenders), now)
            for now in (at(12, 55), at(13))
        )
        assert (announced.state, closed.closed_at) == (LeaseState.NOTICE, at(13))
        assert (announced.evicts_from, announced.ends_at) == (closed.evicts_from, closed.ends_at)


class TestClosing:
    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"standing": standing_on(GPU_ONLY, now=at(13))}, id="window-ends"),
            pytest.param({"standing": standing_on(replace(GPU_ONLY, expires_at=NOW))}, id="policy-expires"),
            pytest.param({"standing": standing_on()}, id="policy-deleted"),
            pytest.param({"standing": standing_on(GPU_ONLY, is_deleting=True)}, id="policy-being-deleted"),
            pytest.param(
                {"standing": standing_on(replace(GPU_ONLY, node_selector=selecting("rack", "r1")))},
                id="policy-narrowed",
            ),
            pytest.param({"standing": standing_on(replace(GPU_ONLY, cluster="osaka"))}, id="policy-moved-elsewhere"),
            pytest.param({"standing": standing_on(GPU_ONLY, labels={"gpu": "h100"})}, id="label-changed"),
            pytest.param({"standing": standing_on(GPU_ONLY, labels={})}, id="label-removed"),
            pytest.param(
                {"standing": standing_on(GPU_ONLY, binding=replace(BINDING, node_selector=selecting("rack", "r1")))},
                id="binding-selector-changed",
            ),
            pytest.param({"standing": standing_on(GPU_ONLY, worker=(SHUT,))}, id="closed-by-the-worker"),
            pytest.param(
                {"standing": standing_on(GPU_ONLY), "state": replace(STATE, is_deleting=True)}, id="binding-deleted"
            ),
        ],
    )
    def test_every_way_capacity_goes_away_is_closed_now_on_the_terms_in_force(self, fields: dict[str, Any]) -> None:
        vnode = lent_vnode("gpu", terms="grace=300,drain=60,force=true")
        verdict = decide(node_view(vnode=vnode, computing_pods=(pod(),), **fields), NOW)
        assert (verdict.state, verdict.takes_pods, verdict.terms) == (LeaseState.CLOSED, False, TERMS)
        assert (verdict.closed_at, verdict.evicts_from, verdict.ends_at) == (NOW, at(12, 4), at(12, 5))
        assert (verdict.actions, verdict.wake_at) == ((), at(12, 4))

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"standing": standing_on(replace(GPU_ONLY, suspend=True))}, id="policy-suspended"),
            pytest.param(
                {"standing": standing_on(GPU_ONLY, binding=replace(BINDING, suspend=True))}, id="binding-suspended"
            ),
            pytest.param(
                {"standing": standing_on(GPU_ONLY), "worker_node": worker_node(spec=NodeSpec(unschedulable=True))},
                id="cordoned",
            ),
        ],
    )
    def test_what_only_stops_new_pods_closes_nothing(self, fields: dict[str, Any]) -> None:
        verdict = decide(node_view(vnode=lent_vnode("gpu"), computing_pods=(pod(),), **fields), NOW)
        assert (verdict.state, verdict.closed_at, verdict.actions) == (LeaseState.LENT, None, ())

    def test_the_recorded_close_counts_not_the_edge_of_the_window(self) -> None:
        assert decide(closed_for(100), NOW).closed_at == NOW - timedelta(seconds=100)

    def test_a_close_between_seconds_is_recorded_at_the_next_one(self) -> None:
        verdict = decide(
            node_view(standing=standing_by(SHUT), vnode=lent_vnode(), computing_pods=(pod(),)),
            at(11, 59, 59).replace(microsecond=1),
        )
        assert verdict.closed_at == NOW

    def test_without_grace_pods_are_deleted_in_the_pass_that_records_the_close(self) -> None:
        abrupt = policy(windows=MORNING, force_reclaim=True, drain=60)
        verdict = decide(node_view(standing=standing_by(abrupt), vnode=lent_vnode(), computing_pods=(pod(),)), NOW)
        assert (verdict.state, verdict.closed_at, verdict.evicts_from, verdict.ends_at) == (
            LeaseState.EVICTING,
            NOW,
            NOW,
            NOW,
        )
        assert verdict.actions == (Delete(target("web")),)

    def test_a_drain_longer_than_the_grace_begins_with_the_close(self) -> None:
        verdict = decide(closed_for(0, replace(SHUT, drain=timedelta(hours=1))), NOW)
        assert (verdict.state, verdict.evicts_from) == (LeaseState.DRAINING, NOW)

    def test_a_vnode_that_never_lent_is_closed_on_the_terms_of_the_policy_that_would_lend(self) -> None:
        lower = policy("lower", windows=MORNING)
        verdict = decide(node_view(standing=standing_by(lower, replace(SHUT, priority=1))), NOW)
        assert (verdict.state, verdict.terms, verdict.closed_at) == (LeaseState.EMPTY, TERMS, NOW)

    def test_without_a_vnode_to_record_it_on_nobody_is_told_to_go(self) -> None:
        abrupt = policy(windows=MORNING, force_reclaim=True)
        verdict = decide(node_view(standing=standing_by(abrupt), computing_pods=(pod(),)), NOW)
        assert (verdict.closed_at, verdict.actions, verdict.wake_at) == (NOW, (), None)


class TestTheCourse:
    @pytest.mark.parametrize(
        ("closed", "state", "kind", "step"),
        [
            pytest.param(0, LeaseState.CLOSED, None, 240, id="at-C"),
            pytest.param(239, LeaseState.CLOSED, None, 1, id="just-before-E"),
            pytest.param(240, LeaseState.DRAINING, Evict, 60, id="at-E"),
            pytest.param(299, LeaseState.DRAINING, Evict, 1, id="just-before-D"),
            pytest.param(300, LeaseState.EVICTING, Delete, None, id="at-D"),
            pytest.param(9999, LeaseState.EVICTING, Delete, None, id="long-after-D"),
        ],
    )
    def test_pods_run_until_e_are_evicted_until_d_and_deleted_then(
        self, closed: int, state: LeaseState, kind: type[Evict] | type[Delete] | None, step: int | None
    ) -> None:
        verdict = decide(closed_for(closed), NOW)
        assert verdict.state is state
        assert verdict.actions == ((kind(target("web")),) if kind else ())
        assert verdict.wake_at == (NOW + timedelta(seconds=step) if step else None)

    def test_a_delete_leaves_the_pod_its_own_grace(self) -> None:
        (action,) = decide(closed_for(300), NOW).actions
        assert isinstance(action, Delete)
        assert action.grace_seconds is None

    @pytest.mark.parametrize("closed", [0, 240, 300, 9999])
    def test_without_force_nothing_is_ever_told_to_go(self, closed: int) -> None:
        verdict = decide(closed_for(closed, replace(SHUT, force_reclaim=False)), NOW)
        assert (verdict.state, verdict.actions, verdict.wake_at) == (LeaseState.CLOSED, (), None)
        assert (verdict.evicts_from, verdict.ends_at) == (None, None)

    def test_pods_are_told_in_the_order_of_their_keys(self) -> None:
        verdict = decide(closed_for(300, computing_pods=(pod("b"), pod("c"), pod("a"))), NOW)
        assert verdict.actions == tuple(Delete(target(name)) for name in "abc")

    def test_a_pod_is_told_once(self) -> None:
        leaving = pod("a", deletion_timestamp=NOW)
        verdict = decide(closed_for(300, computing_pods=(leaving,)), NOW)
        assert (verdict.state, verdict.actions) == (LeaseState.EVICTING, ())

    @pytest.mark.parametrize(
        "kept",
        [
            pytest.param(pod(phase="Succeeded"), id="succeeded"),
            pytest.param(pod(phase="Failed"), id="failed"),
            pytest.param(pod(namespace="kube-system"), id="system"),
            pytest.param(pod(owner_references=DAEMON_SET), id="daemon-set"),
        ],
    )
    def test_a_vnode_with_nothing_that_lives_in_the_worker_is_empty(self, kept: Any) -> None:
        verdict = decide(closed_for(9999, computing_pods=(kept,)), NOW)
        assert (verdict.state, verdict.actions, verdict.wake_at) == (LeaseState.EMPTY, (), None)

    def test_a_mirrored_daemon_set_pod_goes_too(self) -> None:
        opted_in = pod("agent", owner_references=DAEMON_SET, annotations={names.RUNNING_DAEMONSET: "true"})
        assert decide(closed_for(300, computing_pods=(opted_in,)), NOW).actions == (Delete(target("agent")),)

    def test_an_empty_lease_keeps_its_instants(self) -> None:
        verdict = decide(closed_for(10, computing_pods=()), NOW)
        assert (verdict.state, verdict.ends_at) == (LeaseState.EMPTY, NOW + timedelta(seconds=290))


class TestTermsInForce:
    def test_an_edit_shortens_the_grace_of_a_closed_lease(self) -> None:
        edited = replace(SHUT, grace=timedelta(seconds=100))
        assert decide(closed_for(100, edited), NOW).state is LeaseState.EVICTING

    def test_an_edit_lengthens_it_and_does_not_restart_it(self) -> None:
        edited = replace(SHUT, grace=timedelta(seconds=600))
        assert decide(closed_for(300, edited), NOW).ends_at == NOW + timedelta(seconds=300)

    def test_a_deleted_policy_ends_as_promised(self) -> None:
        vnode = lent_vnode(terms="grace=300,drain=60,force=true", closed_at="2026-01-05T11:55:00Z")
        verdict = decide(closed_for(0, vnode=vnode, standing=standing_by()), NOW)
        assert (verdict.state, verdict.terms) == (LeaseState.EVICTING, TERMS)

    def test_a_policy_that_never_lent_the_node_has_no_say_in_it(self) -> None:
        vnode = lent_vnode("gone", terms="grace=300,drain=60,force=true", closed_at="2026-01-05T11:55:00Z")
        other = policy("other", windows=MORNING)
        assert decide(closed_for(0, other, vnode=vnode), NOW).terms == TERMS

    def test_where_nothing_is_known_nothing_is_forced(self) -> None:
        verdict = decide(closed_for(9999, standing=standing_by()), NOW)
        assert (verdict.state, verdict.terms, verdict.actions) == (LeaseState.CLOSED, None, ())

    def test_the_side_that_closes_has_its_capacity_back_on_its_own_terms(self) -> None:
        standing = standing_by(policy("ours", **FORCED), worker=(policy("own", windows=MORNING),))
        verdict = decide(closed_for(9999, standing=standing, vnode=lent_vnode("ours", "own")), NOW)
        assert verdict.terms == Terms(timedelta(), timedelta(seconds=60), force=False)

    def test_who_closes_later_counts_from_its_own_close(self) -> None:
        """Unforced, the worker's policy closed at 09:00; ours follows at 12:00, with a grace of five minutes."""
        ours = policy("ours", windows=(Window(8 * 60, 12 * 60 - 1),), **FORCED)
        vnode = lent_vnode("ours", "own", closed_at="2026-01-05T09:00:00Z")
        standing = standing_by(ours, worker=(policy("own", windows=MORNING),))
        verdict = decide(closed_for(0, standing=standing, vnode=vnode), NOW)
        assert (verdict.state, verdict.closed_at) == (LeaseState.CLOSED, at(9))
        assert (verdict.evicts_from, verdict.ends_at) == (at(12, 4), at(12, 5))
        assert decide(closed_for(0, standing=standing, vnode=vnode), at(12, 5)).state is LeaseState.EVICTING
        promised = f"grace={3 * 3600 + 300},drain=60,force=true"
        gone = lent_vnode("ours", "own", terms=promised, closed_at="2026-01-05T09:00:00Z")
        without = decide(closed_for(0, standing=standing_by(), vnode=gone), NOW)
        assert without.ends_at == at(12, 5), "the promise outlives the policy"

    def test_who_closes_later_on_shorter_terms_has_its_capacity_back_first(self) -> None:
        quick = policy("ours", windows=(Window(8 * 60, 12 * 60 - 1),), **{**FORCED, "grace": 60})
        slow = policy("own", windows=(Window(8 * 60, 12 * 60 - 2),), **FORCED)
        vnode = lent_vnode("ours", "own", closed_at="2026-01-05T11:59:00Z")
        verdict = decide(closed_for(0, standing=standing_by(quick, worker=(slow,)), vnode=vnode), NOW)
        assert verdict.ends_at == at(12, 1)

    def test_an_expiry_counts_as_a_close(self) -> None:
        ours = policy("ours", expires_at=at(11, 58), **FORCED)
        vnode = lent_vnode("ours", "own", closed_at="2026-01-05T09:00:00Z")
        standing = standing_by(ours, worker=(policy("own", windows=MORNING),))
        assert decide(closed_for(0, standing=standing, vnode=vnode), NOW).ends_at == at(12, 3)

    def test_who_closes_later_counts_from_its_own_close_also_when_the_other_lends_again(self) -> None:
        """The worker's policy is closed from 09:00 until 12:00; ours closes at that moment."""
        ours = policy("ours", windows=(Window(8 * 60, 12 * 60 - 1),), **FORCED)
        own = policy("own", windows=(*MORNING, Window(12 * 60, 18 * 60)))
        vnode = lent_vnode("ours", "own", closed_at="2026-01-05T09:00:00Z")
        verdict = decide(closed_for(0, standing=standing_by(ours, worker=(own,)), vnode=vnode), NOW)
        assert (verdict.state, verdict.ends_at) == (LeaseState.CLOSED, at(12, 5))

    @pytest.mark.parametrize(
        "lending",
        [{"windows": AROUND_NOON}, {}, {"expires_at": at(18)}],
        ids=["in a window", "always", "until an expiry"],
    )
    def test_a_policy_that_is_being_deleted_does_not_call_pods_home_for_the_past(self, lending: dict[str, Any]) -> None:
        ours = policy("ours", **lending, **FORCED)
        vnode = lent_vnode("ours", "own", closed_at="2026-01-05T09:00:00Z")
        standing = standing_on(ours, worker=(policy("own", windows=MORNING),), is_deleting=True)
        verdict = decide(closed_for(0, standing=standing, vnode=vnode), NOW)
        assert (verdict.state, verdict.ends_at) == (LeaseState.CLOSED, None)

    def test_a_veto_of_a_policy_that_never_lent_keeps_the_terms_of_the_lender(self) -> None:
        standing = standing_by(OPEN, worker=(policy("own", windows=MORNING),))
        assert decide(closed_for(0, standing=standing), NOW).terms == TERMS


class TestWhatIsNotKnown:
    def test_no_close_is_recorded_while_the_worker_is_unreachable(self) -> None:
        view = node_view(
            standing=standing_by(SHUT), vnode=lent_vnode(terms="grace=300,drain=60,force=true"), unreachable_since=NOW
        )
        verdict = decide(view, NOW)
        assert (verdict.closed_at, verdict.takes_pods, verdict.terms) == (None, False, TERMS)

    def test_an_open_lease_goes_on_while_the_worker_is_unreachable(self) -> None:
        verdict = decide(node_view(standing=standing_by(OPEN), unreachable_since=NOW), NOW)
        assert (verdict.state, verdict.takes_pods) == (LeaseState.LENT, True)

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"unreachable_since": NOW}, id="unreachable"),
            pytest.param({"worker_node": None, "standing": None}, id="node-gone"),
            pytest.param({"state": replace(STATE, is_deleting=True, abandons_worker=True)}, id="abandoned"),
        ],
    )
    def test_a_recorded_close_stays_and_nobody_is_told_to_go(self, fields: dict[str, Any]) -> None:
        verdict = decide(
            closed_for(
                9999,
                vnode=lent_vnode(terms="grace=300,drain=60,force=true", closed_at="2026-01-05T11:00:00Z"),
                **fields,
            ),
            NOW,
        )
        assert (verdict.closed_at, verdict.terms, verdict.actions, verdict.wake_at) == (at(11), TERMS, (), None)
        assert not verdict.takes_pods

    def test_a_reopened_lease_stays_closed_until_the_worker_answers(self) -> None:
        verdict = decide(closed_for(60, OPEN, unreachable_since=NOW), NOW)
        assert (verdict.closed_at, verdict.takes_pods) == (NOW - timedelta(seconds=60), False)

    def test_a_node_that_is_gone_takes_no_pods_and_has_no_grace_to_give(self) -> None:
        verdict = decide(node_view(worker_node=None, standing=None, vnode=lent_vnode(), computing_pods=(pod(),)), NOW)
        assert (verdict.closed_at, verdict.takes_pods, verdict.actions) == (None, False, ())
        assert verdict.because == "the worker node is gone; takes no new pods"

    def test_a_binding_that_goes_closes_nothing_in_an_unreachable_worker(self) -> None:
        deleting = replace(STATE, is_deleting=True)
        verdict = decide(node_view(standing=standing_by(OPEN), state=deleting, unreachable_since=NOW), NOW)
        assert (verdict.closed_at, verdict.takes_pods) == (None, False)

    def test_unknown_policies_close_nothing_and_take_no_pods(self) -> None:
        unknown = standing_of({}, "n1", BINDING, Sides((Candidate("nights", OPEN),), None), NOW)
        verdict = decide(node_view(standing=unknown, vnode=lent_vnode(terms="grace=300,drain=60,force=true")), NOW)
        assert verdict == Reclaim(
            LeaseState.LENT, "the policies cannot be listed; takes no new pods", takes_pods=False, terms=TERMS
        )

    def test_a_close_recorded_before_the_policies_became_unknown_keeps_its_promise(self) -> None:
        vnode = lent_vnode(terms="grace=300,drain=60,force=true", closed_at="2026-01-05T11:55:00Z")
        assert decide(closed_for(0, vnode=vnode, standing=None), NOW).actions == (Delete(target("web")),)

    def test_a_binding_that_goes_needs_no_policies_to_close(self) -> None:
        vnode = lent_vnode(terms="grace=300,drain=60,force=true")
        verdict = decide(node_view(standing=None, vnode=vnode, state=replace(STATE, is_deleting=True)), NOW)
        assert (verdict.closed_at, verdict.terms) == (NOW, TERMS)

    def test_an_abandoned_worker_of_a_binding_that_stays_is_an_ordinary_one(self) -> None:
        verdict = decide(node_view(standing=standing_by(OPEN), state=replace(STATE, abandons_worker=True)), NOW)
        assert verdict.takes_pods


class TestTheReason:
    @pytest.mark.parametrize(
        ("view", "because"),
        [
            pytest.param(closed_for(0), "1 pod left in peace, 240 s left until eviction", id="closed"),
            pytest.param(closed_for(240), "evicting 1 pod, 60 s left until deletion", id="draining"),
            pytest.param(closed_for(300), "the grace is over, deleting 1 pod", id="evicting"),
            pytest.param(closed_for(300, computing_pods=()), "closed and empty", id="empty"),
            pytest.param(
                closed_for(0, policy(windows=MORNING)),
                "waiting for 1 pod to finish, which nothing forces",
                id="unforced",
            ),
        ],
    )
    def test_it_says_why_and_what_comes_next(self, view: NodeView, because: str) -> None:
        assert decide(view, NOW).because == f"not lent now: nights is closed until 2026-01-06T08:00:00Z; {because}"
