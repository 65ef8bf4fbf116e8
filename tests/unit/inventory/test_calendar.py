"""Openings and closings of a policy within a range."""

from datetime import date, timedelta

import pytest

from inventory.calendar import Calendar, ClockChange, calendar_of
from inventory.model import Policy, Window
from tests.unit.inventory.weekly import utc, window

HOUR = timedelta(hours=1)


def calendar(*windows: Window, zone: str = "UTC", at: str, days: float = 7, expires: str | None = None) -> Calendar:
    policy = Policy("p", "c", windows=windows, time_zone=zone, expires_at=utc(expires) if expires else None)
    return calendar_of(policy, utc(at), utc(at) + timedelta(days=days))


def starts_and_ends(found: Calendar) -> list[tuple[str, str]]:
    return [(f"{each.start:%m-%d %H:%M}", f"{each.end:%m-%d %H:%M}") for each in found.within()]


def test_intervals_are_cut_to_the_range() -> None:
    found = calendar(window("22:00", "05:59"), at="2026-06-01 23:00", days=1)
    assert starts_and_ends(found) == [("06-01 23:00", "06-02 06:00"), ("06-02 22:00", "06-02 23:00")]


def test_whole_intervals_tell_since_when_and_until_when() -> None:
    found = calendar(window("22:00", "05:59"), at="2026-06-01 23:00", days=0.1)
    [whole] = found.intervals
    assert (whole.start, whole.end) == (utc("2026-06-01 22:00"), utc("2026-06-02 06:00"))


def test_a_policy_without_windows_is_open_without_an_edge() -> None:
    found = calendar(at="2026-06-01 00:00", days=1)
    assert (found.is_open, found.is_always, found.next_edge) == (True, True, None)
    assert starts_and_ends(found) == [("06-01 00:00", "06-02 00:00")]


@pytest.mark.parametrize(
    ("at", "is_open", "edge"),
    [
        pytest.param("2026-06-01 07:00", False, "2026-06-01 08:00", id="before it opens"),
        pytest.param("2026-06-01 08:00", True, "2026-06-01 12:30", id="open, and expires before it closes"),
        pytest.param("2026-06-01 12:30", False, None, id="expired"),
        pytest.param("2026-06-02 07:00", False, None, id="long expired"),
    ],
)
def test_expiry_ends_what_windows_would_go_on_with(at: str, edge: str | None, *, is_open: bool) -> None:
    found = calendar(window("08:00", "17:59"), at=at, expires="2026-06-01 12:30")
    assert (found.is_open, found.next_edge) == (is_open, utc(edge) if edge else None)


def test_a_window_that_opens_when_the_policy_expires_is_no_edge() -> None:
    found = calendar(window("08:00", "17:59"), at="2026-06-01 07:00", expires="2026-06-01 08:00")
    assert (found.next_edge, found.intervals) == (None, ())


def test_no_interval_reaches_beyond_the_expiry() -> None:
    found = calendar(window("08:00", "17:59"), at="2026-06-01 00:00", expires="2026-06-02 12:30")
    assert starts_and_ends(found) == [("06-01 08:00", "06-01 18:00"), ("06-02 08:00", "06-02 12:30")]


SPRING = date(2026, 3, 29)  # 02:00 becomes 03:00 in Paris
AUTUMN = date(2026, 10, 25)  # 03:00 becomes 02:00


@pytest.mark.parametrize(
    ("times", "day", "expected"),
    [
        pytest.param(("00:00", "05:59"), SPRING, ClockChange(SPRING, -HOUR, is_gone=False), id="an hour is skipped"),
        pytest.param(("02:30", "05:59"), SPRING, ClockChange(SPRING, -HOUR / 2, is_gone=False), id="opens in the gap"),
        pytest.param(("02:10", "02:39"), SPRING, ClockChange(SPRING, -HOUR / 2, is_gone=True), id="lies in the gap"),
        pytest.param(("00:00", "05:59"), AUTUMN, ClockChange(AUTUMN, HOUR, is_gone=False), id="an hour comes twice"),
        pytest.param(("02:10", "02:39"), AUTUMN, ClockChange(AUTUMN, -HOUR / 2, is_gone=True), id="comes twice"),
    ],
)
def test_windows_over_a_change_of_clocks_are_remarked(times: tuple[str, str], day: date, expected: ClockChange) -> None:
    found = calendar(window(*times), zone="Europe/Paris", at=f"{day} 00:00", days=1)
    assert found.changes == (expected,)


@pytest.mark.parametrize(
    ("windows", "at"),
    [
        pytest.param((window("00:00", "01:59"),), "2026-03-28 12:00", id="closes before the change"),
        pytest.param((), "2026-03-28 12:00", id="is always open"),
        pytest.param((window("00:00", "05:59"),), "2026-03-29 05:00", id="is over when the range begins"),
    ],
)
def test_other_windows_are_not_remarked(windows: tuple[Window, ...], at: str) -> None:
    assert calendar(*windows, zone="Europe/Paris", at=at, days=1).changes == ()


def test_a_range_at_the_end_of_the_calendar_is_no_error() -> None:
    found = calendar(window("08:00", "17:59"), zone="Asia/Kathmandu", at="9999-12-30 00:00", days=1.5)
    assert found.changes == ()
