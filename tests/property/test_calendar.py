"""Calendars against `is_open`, which is itself held against a second implementation."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from inventory.calendar import Calendar, calendar_of
from inventory.model import Policy, Window
from inventory.windows import is_open, zone_for

DAY = timedelta(days=1)
AROUND_SPRING = datetime(2026, 3, 20, tzinfo=UTC)
INSTANTS = st.integers(0, 20 * 86400).map(lambda seconds: AROUND_SPRING + timedelta(seconds=seconds))
MINUTES = st.integers(0, 1439)
WINDOWS = st.builds(Window, MINUTES, MINUTES, st.frozensets(st.integers(0, 6), max_size=3))
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/Havana", "Atlantic/Azores", "Australia/Lord_Howe"])
POLICIES = st.builds(
    lambda windows, zone, expiry: Policy("p", "c", windows=tuple(windows), time_zone=zone, expires_at=expiry),
    st.lists(WINDOWS, max_size=3),
    ZONES,
    st.none() | INSTANTS,
)


def lends(policy: Policy, now: datetime) -> bool:
    return not policy.is_expired(now) and is_open(policy.windows, zone_for(policy.time_zone), now)


def covers(calendar: Calendar, now: datetime) -> bool:
    return any(each.start <= now < each.end for each in calendar.within())


@given(POLICIES, INSTANTS, st.integers(1, 10 * 86400), st.floats(0, 1, exclude_max=True))
def test_intervals_cover_exactly_the_instants_at_which_the_policy_lends(
    policy: Policy, begin: datetime, seconds: int, share: float
) -> None:
    now = begin + timedelta(seconds=int(seconds * share))
    calendar = calendar_of(policy, begin, begin + timedelta(seconds=seconds))
    assert covers(calendar, now) is lends(policy, now)


@given(POLICIES, INSTANTS)
def test_the_next_edge_is_the_first_change(policy: Policy, begin: datetime) -> None:
    calendar = calendar_of(policy, begin, begin + DAY)
    edge = calendar.next_edge
    assert calendar.is_open is lends(policy, begin)
    if edge is not None:
        assert lends(policy, edge) is not calendar.is_open
        assert lends(policy, edge - timedelta(seconds=1)) is calendar.is_open


@given(POLICIES, INSTANTS)
def test_intervals_are_in_order_apart_and_in_the_range(policy: Policy, begin: datetime) -> None:
    calendar = calendar_of(policy, begin, begin + 9 * DAY)
    edges = [edge for each in calendar.within() for edge in (each.start, each.end)]
    assert edges == sorted(set(edges))
    assert all(begin <= edge <= begin + 9 * DAY for edge in edges)
