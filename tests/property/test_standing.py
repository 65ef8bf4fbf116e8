"""Which policy lends, against the rule written down a second time without ranks, edges or an index."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.model import NodeSelector, Policy, Requirement, SelectorTerm, Window
from inventory.selection import Selection
from inventory.selectors import matches
from inventory.standing import Candidate, Outcome, Sides, Standing, standing_of
from inventory.windows import is_open, zone_for
from tests.leasing import BINDING

HOUR = timedelta(hours=1)
SELECTORS = (None, NodeSelector((SelectorTerm((Requirement("gpu", "Exists"),)),)))
LABELS = st.sampled_from([{}, {"gpu": "a100"}, {"type": "virtual-kubelet"}])
WEEK_OF_DST = datetime(2026, 3, 27, tzinfo=UTC)  # Paris springs forward on the 29th
INSTANTS = st.integers(0, 7 * 86400).map(lambda seconds: WEEK_OF_DST + timedelta(seconds=seconds))
HOURS = st.integers(0, 23)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Whole hours, so that whole hours are the only edges."""
    days = draw(st.frozensets(st.integers(0, 6), max_size=3))
    return Window(draw(HOURS) * 60, draw(HOURS) * 60 + 59, days)


@st.composite
def policies(draw: st.DrawFn, name: str) -> Policy:
    return Policy(
        name,
        BINDING.name,
        draw(st.sampled_from(SELECTORS)),
        tuple(draw(st.lists(windows(), max_size=3))),
        draw(st.sampled_from(["UTC", "Europe/Paris"])),
        notice=draw(st.integers(0, 8)) * HOUR,
        priority=draw(st.integers(0, 1)),
        expires_at=draw(st.none() | st.integers(0, 168).map(lambda hours: WEEK_OF_DST + hours * HOUR)),
        suspend=draw(st.booleans()),
        created_at=draw(st.none() | st.just(WEEK_OF_DST)),
    )


@st.composite
def candidates(draw: st.DrawFn, side: str) -> tuple[Candidate, ...]:
    def one(number: int) -> Candidate:
        name = f"{side}{number}"
        if draw(st.integers(0, 9)) == 0:
            return Candidate(name, None, selector=draw(st.sampled_from(SELECTORS)))
        return Candidate(name, draw(policies(name)), is_deleting=draw(st.integers(0, 9)) == 0)

    return tuple(one(number) for number in range(draw(st.integers(0, 3))))


SIDES = st.builds(Sides, candidates("computing"), candidates("worker"))


def asked(labels: dict[str, str], sides: Sides, now: datetime) -> Standing:
    found = standing_of(labels, "n1", BINDING, sides, now)
    assert found is not None
    return found


def lends(candidate: Candidate, now: datetime) -> bool:
    policy = candidate.policy
    if policy is None or candidate.is_deleting or (policy.expires_at and policy.expires_at <= now):
        return False
    return is_open(policy.windows, zone_for(policy.time_zone), now)


def may_lend(candidate: Candidate, now: datetime) -> bool:
    policy = candidate.policy
    return policy is not None and not candidate.is_deleting and not policy.is_expired(now)


def outcome_by_the_book(labels: dict[str, str], sides: Sides, now: datetime) -> Outcome:
    if "type" in labels:
        return Outcome.NOT_LENT
    both = [
        [c for c in side if matches(c.node_selector, labels, "n1")] for side in (sides.computing, sides.worker or ())
    ]
    if not any(may_lend(candidate, now) for side in both for candidate in side):
        return Outcome.NOT_LENT
    is_lent = all(any(lends(candidate, now) for candidate in side) for side in both if side)
    return Outcome.LENT if is_lent else Outcome.OUTSIDE_WINDOWS


@given(LABELS, SIDES, INSTANTS)
def test_the_outcome_is_what_the_rule_says(labels: dict[str, str], sides: Sides, now: datetime) -> None:
    assert asked(labels, sides, now).outcome is outcome_by_the_book(labels, sides, now)


@given(SIDES, INSTANTS, st.floats(0, 1))
def test_nothing_changes_before_the_next_edge(sides: Sides, now: datetime, part: float) -> None:
    before = asked({}, sides, now)
    edge = before.next_edge or now + timedelta(days=30)
    assert edge > now
    between = now + (edge - now) * part
    assert asked({}, sides, min(between, edge - timedelta(microseconds=1))) == before


@given(LABELS, SIDES, INSTANTS, st.randoms(use_true_random=False))
def test_the_order_of_policies_does_not_matter(
    labels: dict[str, str], sides: Sides, now: datetime, random: Random
) -> None:
    shuffled = Sides(
        random.sample(sides.computing, len(sides.computing)), random.sample(sides.worker or (), len(sides.worker or ()))
    )
    assert asked(labels, shuffled, now) == asked(labels, sides, now)


@given(SIDES, st.lists(st.tuples(LABELS, INSTANTS), min_size=1, max_size=6))
def test_the_index_answers_as_the_rule_does(sides: Sides, asks: list[tuple[dict[str, str], datetime]]) -> None:
    selection = Selection(BINDING, sides)
    for labels, now in asks:
        assert selection.standing_of(labels, "n1", now) == asked(labels, sides, now)


def first_close(sides: Sides, now: datetime) -> datetime:
    """The first whole hour after `now` at which the node is not lent; far away if there is none in a fortnight."""
    hour = now.replace(minute=0, second=0, microsecond=0) + HOUR
    hours = (hour + n * HOUR for n in range(14 * 24))
    return next(
        (each for each in hours if outcome_by_the_book({}, sides, each) is not Outcome.LENT), now + 99 * HOUR * 24
    )


@settings(max_examples=300, deadline=None)
@given(SIDES, INSTANTS)
def test_a_planned_close_is_the_first_one_and_its_notice_is_never_missed(sides: Sides, now: datetime) -> None:
    found = asked({}, sides, now)
    if found.outcome is not Outcome.LENT:
        assert (found.closes_at, found.notice_at) == (None, None)
        return
    closes_at = first_close(sides, now)
    assert found.closes_at in (None, closes_at)
    last = asked({}, sides, closes_at - timedelta(microseconds=1)).lenders
    shut = asked({}, sides, closes_at).lenders
    owed = max(
        (policy.notice for policy in last if policy.name[0] not in {other.name[0] for other in shut}), default=0 * HOUR
    )
    if closes_at - owed <= now:
        assert found.notice_at == closes_at - owed
