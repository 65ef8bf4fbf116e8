"""Which policy lends a node: for one side, for both, and when the answer changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from inventory.model import NodeSelector, Policy, Requirement, SelectorTerm
from inventory.standing import Candidate, Outcome, Sides, Standing, standing_of
from tests.leasing import AFTER_NOON, AROUND_NOON, BINDING, MONDAY_NOON, MORNING, at, policy

NOW = MONDAY_NOON
GPU = NodeSelector((SelectorTerm((Requirement("gpu", "Exists"),)),))


Held = Policy | Candidate


def candidates(*held: Held) -> tuple[Candidate, ...]:
    return tuple(each if isinstance(each, Candidate) else Candidate(each.name, each) for each in held)


def standing(*computing: Held, worker: tuple[Held, ...] = (), now: datetime = NOW) -> Standing:
    found = standing_of({}, "n1", BINDING, Sides(candidates(*computing), candidates(*worker)), now)
    assert found is not None
    return found


INVALID = Candidate("broken", None)
DELETING = Candidate("leaving", policy("leaving"), is_deleting=True)
OPEN = policy("open")
CLOSED = policy("closed", windows=MORNING)
EXPIRED = policy("expired", expires_at=NOW)


class TestOneSide:
    @pytest.mark.parametrize(
        ("policies", "outcome"),
        [
            pytest.param((), Outcome.NOT_LENT, id="none"),
            pytest.param((OPEN,), Outcome.LENT, id="always-open"),
            pytest.param((policy(windows=AROUND_NOON),), Outcome.LENT, id="in-its-window"),
            pytest.param((CLOSED,), Outcome.OUTSIDE_WINDOWS, id="closed"),
            pytest.param((EXPIRED,), Outcome.NOT_LENT, id="expired"),
            pytest.param((INVALID,), Outcome.NOT_LENT, id="invalid"),
            pytest.param((DELETING,), Outcome.NOT_LENT, id="being-deleted"),
            pytest.param((CLOSED, EXPIRED, INVALID, DELETING, OPEN), Outcome.LENT, id="one-of-many-is-open"),
            pytest.param((policy(node_selector=GPU),), Outcome.NOT_LENT, id="selects-other-nodes"),
            pytest.param((replace(OPEN, cluster="osaka"),), Outcome.NOT_LENT, id="for-another-binding"),
            pytest.param((Candidate("broken", None, selector=GPU),), Outcome.NOT_LENT, id="invalid-for-other-nodes"),
            pytest.param((policy(suspend=True),), Outcome.LENT, id="suspended"),
        ],
    )
    def test_the_outcome_follows_from_what_matches_and_what_is_open(
        self, policies: tuple[Held, ...], outcome: Outcome
    ) -> None:
        assert standing(*policies).outcome is outcome
        assert standing(*reversed(policies)).outcome is outcome

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            pytest.param(policy("z", priority=1), policy("a"), id="higher-priority"),
            pytest.param(policy("z", created_at=at(1)), policy("a", created_at=at(2)), id="earlier-creation"),
            pytest.param(policy("z", created_at=at(1)), policy("a"), id="unknown-creation-comes-last"),
            pytest.param(policy("a"), policy("b"), id="name"),
            pytest.param(policy("z"), policy("a", priority=9, windows=MORNING), id="closed-ones-do-not-compete"),
            pytest.param(policy("z"), policy("a", priority=9, expires_at=NOW), id="expired-ones-do-not-compete"),
        ],
    )
    def test_the_open_policy_of_the_highest_rank_lends(self, first: Policy, second: Policy) -> None:
        assert standing(first, second).lenders == standing(second, first).lenders == (first,)

    def test_closed_policies_are_listed_by_rank(self) -> None:
        low, high = policy("a", windows=MORNING), policy("b", windows=MORNING, priority=1)
        assert standing(low, high, OPEN).closed == (high, low)

    def test_the_instant_of_expiry_is_closed(self) -> None:
        loan = policy(expires_at=NOW)
        assert standing(loan, now=NOW - timedelta(seconds=1)).outcome is Outcome.LENT
        assert standing(loan, now=NOW).outcome is Outcome.NOT_LENT


class TestTheNode:
    @pytest.mark.parametrize(
        "labels",
        [
            pytest.param({"type": "virtual-kubelet"}, id="virtual-kubelet"),
            pytest.param({"node.kubernetes.io/instance-type": "vnode"}, id="vnode"),
            pytest.param({"node.kubernetes.io/instance-type": "external"}, id="external"),
            pytest.param({"beta.kubernetes.io/instance-type": "eklet"}, id="eklet"),
        ],
    )
    def test_a_node_that_is_itself_virtual_is_not_lent(self, labels: dict[str, str]) -> None:
        found = standing_of(labels, "n1", BINDING, Sides(candidates(OPEN)), NOW)
        assert found is not None
        assert (found.outcome, found.because) == (Outcome.NOT_LENT, "the node is a virtual one itself")

    def test_an_ordinary_instance_type_is_lent(self) -> None:
        labels = {"node.kubernetes.io/instance-type": "m5.large", "type": "bare-metal"}
        found = standing_of(labels, "n1", BINDING, Sides(candidates(OPEN)), NOW)
        assert found is not None
        assert found.outcome is Outcome.LENT

    def test_a_node_must_match_the_bindings_selector_too(self) -> None:
        picky = replace(BINDING, node_selector=GPU)
        missed = standing_of({}, "n1", picky, Sides(candidates(OPEN)), NOW)
        selected = standing_of({"gpu": "a100"}, "n1", picky, Sides(candidates(OPEN)), NOW)
        assert missed is not None
        assert selected is not None
        assert (missed.outcome, selected.outcome) == (Outcome.NOT_LENT, Outcome.LENT)

    def test_a_policy_can_select_by_label(self) -> None:
        found = standing_of({"gpu": "a100"}, "n1", BINDING, Sides(candidates(policy(node_selector=GPU))), NOW)
        assert found is not None
        assert found.outcome is Outcome.LENT


class TestBothSides:
    @pytest.mark.parametrize(
        ("computing", "worker", "outcome", "lenders"),
        [
            pytest.param((OPEN,), (), Outcome.LENT, ("open",), id="worker-has-no-say"),
            pytest.param((), (OPEN,), Outcome.LENT, ("open",), id="only-the-worker-lends"),
            pytest.param((OPEN,), (policy("own"),), Outcome.LENT, ("open", "own"), id="both-lend"),
            pytest.param((OPEN,), (CLOSED,), Outcome.OUTSIDE_WINDOWS, ("open",), id="worker-closed"),
            pytest.param((OPEN,), (EXPIRED,), Outcome.OUTSIDE_WINDOWS, ("open",), id="worker-expired"),
            pytest.param((OPEN,), (INVALID,), Outcome.OUTSIDE_WINDOWS, ("open",), id="worker-invalid"),
            pytest.param((OPEN,), (DELETING,), Outcome.OUTSIDE_WINDOWS, ("open",), id="worker-being-deleted"),
            pytest.param((CLOSED,), (OPEN,), Outcome.OUTSIDE_WINDOWS, ("open",), id="computing-closed"),
            pytest.param((INVALID,), (OPEN,), Outcome.OUTSIDE_WINDOWS, ("open",), id="computing-invalid"),
            pytest.param((CLOSED,), (CLOSED,), Outcome.OUTSIDE_WINDOWS, (), id="both-closed"),
            pytest.param((OPEN,), (policy(node_selector=GPU),), Outcome.LENT, ("open",), id="worker-about-other-nodes"),
        ],
    )
    def test_each_side_that_has_a_say_must_lend(
        self, computing: tuple[Held, ...], worker: tuple[Held, ...], outcome: Outcome, lenders: tuple[str, ...]
    ) -> None:
        found = standing(*computing, worker=worker)
        assert found.outcome is outcome
        assert tuple(each.name for each in found.lenders) == lenders

    def test_nothing_is_known_while_the_workers_policies_cannot_be_listed(self) -> None:
        assert standing_of({}, "n1", BINDING, Sides(candidates(OPEN), None), NOW) is None


class TestSuspension:
    @pytest.mark.parametrize(
        ("computing", "worker", "suspended"),
        [
            pytest.param((OPEN,), (), False, id="no"),
            pytest.param((policy(suspend=True),), (), True, id="winner"),
            pytest.param((policy("a"), policy("b", suspend=True)), (), False, id="loser"),
            pytest.param((OPEN,), (policy(suspend=True),), True, id="worker-side"),
        ],
    )
    def test_a_suspended_lender_suspends(
        self, computing: tuple[Held, ...], worker: tuple[Held, ...], *, suspended: bool
    ) -> None:
        found = standing(*computing, worker=worker)
        assert found.is_suspended is suspended
        assert ("suspended" in found.because) is suspended

    def test_a_suspended_binding_suspends(self) -> None:
        found = standing_of({}, "n1", replace(BINDING, suspend=True), Sides(candidates(OPEN)), NOW)
        assert found is not None
        assert found.is_suspended


class TestWhenItChanges:
    @pytest.mark.parametrize(
        ("computing", "worker", "edge"),
        [
            pytest.param((OPEN,), (), None, id="always"),
            pytest.param((policy(windows=AROUND_NOON),), (), at(13), id="end-of-window"),
            pytest.param((policy(windows=AFTER_NOON),), (), at(13), id="start-of-window"),
            pytest.param((policy(expires_at=at(12, 30)),), (), at(12, 30), id="expiry"),
            pytest.param((policy(windows=AROUND_NOON, expires_at=at(14)),), (), at(13), id="window-before-expiry"),
            pytest.param((OPEN,), (policy(windows=AROUND_NOON),), at(13), id="worker-side"),
            pytest.param((EXPIRED, INVALID, DELETING), (), None, id="what-never-opens-again"),
            pytest.param(
                (policy("a", windows=AROUND_NOON), policy("b", windows=AFTER_NOON)), (), at(13), id="takeover"
            ),
        ],
    )
    def test_the_next_edge_is_the_first_of_all_policies_that_match(
        self, computing: tuple[Held, ...], worker: tuple[Held, ...], edge: datetime | None
    ) -> None:
        assert standing(*computing, worker=worker).next_edge == edge


class TestPlannedClose:
    @pytest.mark.parametrize(
        ("computing", "worker", "closes_at", "notice_at"),
        [
            pytest.param((OPEN,), (), None, None, id="never"),
            pytest.param((CLOSED,), (), None, None, id="closed-already"),
            pytest.param((policy(windows=AROUND_NOON, notice=600),), (), at(13), at(12, 50), id="end-of-window"),
            pytest.param((policy(expires_at=at(15), notice=600),), (), at(15), at(14, 50), id="expiry"),
            pytest.param((policy(windows=AROUND_NOON, notice=7200),), (), at(13), at(11), id="longer-than-the-window"),
            pytest.param(
                (policy("a", windows=AROUND_NOON, notice=600), OPEN), (), None, None, id="another-policy-takes-over"
            ),
            pytest.param(
                (policy("a", windows=AROUND_NOON, notice=5400), policy("b", windows=AFTER_NOON, notice=4200)),
                (),
                at(14),
                at(12, 50),
                id="notice-of-the-policy-that-closes",
            ),
            pytest.param(
                (OPEN,), (policy("own", windows=AROUND_NOON, notice=600),), at(13), at(12, 50), id="the-worker-closes"
            ),
            pytest.param(
                (policy(windows=AROUND_NOON),),
                (policy("own", notice=3600),),
                at(13),
                at(13),
                id="the-other-side-owes-no-notice",
            ),
        ],
    )
    def test_a_close_is_planned_where_no_policy_takes_over(
        self,
        computing: tuple[Held, ...],
        worker: tuple[Held, ...],
        closes_at: datetime | None,
        notice_at: datetime | None,
    ) -> None:
        found = standing(*computing, worker=worker)
        assert (found.closes_at, found.notice_at) == (closes_at, notice_at)

    def test_a_close_behind_a_takeover_is_looked_for_when_a_notice_could_begin(self) -> None:
        first, second = policy("a", windows=AROUND_NOON, notice=1800), policy("b", windows=AFTER_NOON, notice=1800)
        found = standing(first, second)
        assert (found.closes_at, found.next_edge) == (None, at(12, 30))
        again = standing(first, second, now=at(12, 30))
        assert (again.closes_at, again.notice_at) == (at(14), at(13, 30))

    def test_looking_ahead_ends_where_no_edge_is_left(self) -> None:
        loan = policy("loan", expires_at=at(12, 5), notice=3600)
        found = standing(loan, OPEN)
        assert (found.closes_at, found.next_edge) == (None, at(12, 5))

    def test_looking_ahead_has_a_limit(self) -> None:
        patient = policy("a", windows=AROUND_NOON, notice=10**9)
        assert standing(patient, OPEN).closes_at is None


class TestTheReason:
    def test_it_names_the_lenders(self) -> None:
        assert standing(OPEN, worker=(policy("own"),)).because == "lent by open and own of the worker cluster"
        assert standing(worker=(policy("own"),)).because == "lent by own of the worker cluster"

    def test_it_tells_what_keeps_each_policy_from_lending(self) -> None:
        found = standing(CLOSED, EXPIRED, DELETING)
        assert found.because == (
            "not lent now: closed is closed until 2026-01-06T08:00:00Z, expired has expired, leaving is being deleted"
        )

    def test_it_tells_of_an_invalid_policy_and_does_not_list_dozens(self) -> None:
        found = standing(INVALID, *(replace(CLOSED, name=f"c{n}") for n in range(4)))
        assert found.because.startswith("not lent now: broken is invalid, c0 is closed")
        assert found.because.endswith("and 2 more")

    def test_a_window_that_never_opens_again_has_no_until(self) -> None:
        ends_of_time = datetime(9999, 12, 30, 12, tzinfo=UTC)
        assert standing(CLOSED, now=ends_of_time).because == "not lent now: closed is closed"

    def test_a_window_behind_the_expiry_has_no_until(self) -> None:
        loan = policy(windows=MORNING, expires_at=at(18))
        assert standing(loan).because == "not lent now: nights is closed"

    def test_it_says_when_no_policy_matches(self) -> None:
        assert standing().because == "no policy matches the node"
