"""What a vnode remembers, and how it is written."""

from datetime import UTC, datetime, timedelta

import pytest

from reconciler import names
from reconciler.decision import LeaseState, Reclaim, Shrink, Terms
from reconciler.promise import Promise, annotations_for, instant_from, promise_of, recorded_as, terms_from, terms_text
from tests.leasing import MONDAY_NOON, bare_vnode

TERMS = Terms(timedelta(seconds=300), timedelta(seconds=60), force=True)


def test_no_vnode_remembers_nothing() -> None:
    assert promise_of(None) == promise_of(bare_vnode()) == Promise()


def test_a_verdict_is_read_back_as_it_was_written() -> None:
    verdict = Reclaim(
        LeaseState.CLOSED, "over", takes_pods=False, terms=TERMS, closed_at=MONDAY_NOON, ends_at=MONDAY_NOON
    )
    written = annotations_for(verdict)
    assert written == {
        names.WINDOW_CLOSED_AT: "2026-01-05T12:00:00Z",
        names.LEASE_ENDS_AT: "2026-01-05T12:00:00Z",
        names.RECLAIM_TERMS: "grace=300,drain=60,force=true",
    }
    vnode = bare_vnode({**written, names.POLICIES_APPLIED: "nights,own"})
    assert promise_of(vnode) == Promise(MONDAY_NOON, TERMS, ("nights", "own"))


def test_a_shrink_is_read_back_as_it_was_written() -> None:
    shrink = Shrink(MONDAY_NOON, MONDAY_NOON + timedelta(seconds=300), ("shop/a", "shop/b"))
    written = annotations_for(Reclaim(LeaseState.LENT, "lent", takes_pods=True, shrink=shrink))
    assert written == {
        names.SHRUNK_AT: "2026-01-05T12:00:00Z",
        names.SHRINK_ENDS_AT: "2026-01-05T12:05:00Z",
        names.SHRINK_VICTIMS: "shop/a,shop/b",
    }
    assert promise_of(bare_vnode(written)).shrink == shrink


def test_a_shrink_that_nothing_forces_names_nobody() -> None:
    shrink = Shrink(MONDAY_NOON)
    written = annotations_for(Reclaim(LeaseState.LENT, "lent", takes_pods=True, shrink=shrink))
    assert written == {names.SHRUNK_AT: "2026-01-05T12:00:00Z"}
    assert promise_of(bare_vnode(written)).shrink == shrink


def test_nothing_is_written_of_what_is_not_known() -> None:
    assert annotations_for(Reclaim(LeaseState.LENT, "lent", takes_pods=True)) == {}


@pytest.mark.parametrize("force", [True, False])
def test_terms_survive_being_written(*, force: bool) -> None:
    terms = Terms(timedelta(seconds=0), timedelta(days=9), force)
    assert terms_from(terms_text(terms)) == terms


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("grace=300", id="incomplete"),
        pytest.param("grace=-1,drain=0,force=true", id="negative"),
        pytest.param("grace=1,drain=0,force=maybe", id="no-boolean"),
        pytest.param("grace=99999999999,drain=0,force=true", id="longer-than-the-calendar"),
        pytest.param("grace=1,drain=0,force=true,more=1", id="more"),
    ],
)
def test_unreadable_terms_count_as_absent(text: str) -> None:
    assert terms_from(text) is None


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2026-01-05T12:00:00Z", MONDAY_NOON, id="utc"),
        pytest.param("2026-01-05T13:00:00+01:00", MONDAY_NOON, id="another-offset"),
        pytest.param("2026-01-05T12:00:00", None, id="no-zone"),
        pytest.param("noon", None, id="words"),
        pytest.param("9999-12-31T23:59:59Z", None, id="end-of-the-calendar"),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before-the-calendar"),
        pytest.param("", None, id="empty"),
    ],
)
def test_instants_are_read_as_utc(text: str, instant: datetime | None) -> None:
    assert instant_from(text) == instant


@pytest.mark.parametrize(
    ("now", "recorded"),
    [
        pytest.param(MONDAY_NOON, MONDAY_NOON, id="whole-second"),
        pytest.param(
            datetime(2026, 1, 5, 11, 59, 59, 1, tzinfo=UTC), MONDAY_NOON, id="a-fraction-goes-forward-never-back"
        ),
    ],
)
def test_what_happens_now_is_recorded_in_whole_seconds(now: datetime, recorded: datetime) -> None:
    assert recorded_as(now) == recorded
