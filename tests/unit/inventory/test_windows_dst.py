"""New York goes forward on 10 March 2024 at 07:00Z (02:00 to 03:00) and back on 3 November at 06:00Z (02:00 to 01:00)."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from inventory.model import Window
from inventory.windows import Interval, intervals, is_open, next_edge
from tests.unit.inventory.weekly import utc, window

NEW_YORK, PARIS = ZoneInfo("America/New_York"), ZoneInfo("Europe/Paris")
HAVANA, AZORES, APIA = ZoneInfo("America/Havana"), ZoneInfo("Atlantic/Azores"), ZoneInfo("Pacific/Apia")


def opened(zone: ZoneInfo, *windows: Window, day: str) -> list[str]:
    """What is open within a day from an instant of UTC, for a table to read: `start/end`."""
    start = utc(day)
    found = intervals(windows, zone, start, start + timedelta(days=1))
    return [f"{each.start:%dT%H:%M}/{each.end:%dT%H:%M}" for each in found]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("02:30", "05:59", ["10T07:00/10T10:00"]),
        ("00:30", "02:29", ["10T05:30/10T07:00"]),
        ("02:10", "02:40", []),
        ("02:00", "02:59", []),
        ("01:00", "03:59", ["10T06:00/10T08:00"]),
    ],
    ids=["a skipped start", "a skipped end", "all within", "exactly the hour", "around it"],
)
def test_a_wall_time_that_is_skipped_becomes_the_transition(start: str, end: str, expected: list[str]) -> None:
    assert opened(NEW_YORK, window(start, end, "Sunday"), day="2024-03-10") == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("01:30", "05:59", ["03T06:30/03T11:00"]),
        ("00:30", "01:29", ["03T04:30/03T05:30"]),
        ("01:10", "01:40", []),
        ("01:00", "01:59", ["03T06:00/03T07:00"]),
        ("00:00", "02:59", ["03T04:00/03T08:00"]),
    ],
    ids=["the second start", "the first end", "empty towards the lender", "02:00 comes once", "around it"],
)
def test_a_wall_time_that_comes_twice_is_read_towards_the_lender(start: str, end: str, expected: list[str]) -> None:
    assert opened(NEW_YORK, window(start, end, "Sunday"), day="2024-11-03") == expected


@pytest.mark.parametrize(
    ("zone", "day"),
    [(HAVANA, "2024-03-10"), (HAVANA, "2024-11-03"), (AZORES, "2024-03-31"), (AZORES, "2024-10-27")],
    ids=["Havana skips midnight", "Havana repeats it", "Azores skip midnight", "Azores repeat it"],
)
def test_a_seam_at_midnight_is_no_edge_when_the_clock_changes_there(zone: ZoneInfo, day: str) -> None:
    weekend = (window("00:00", "23:59", "Saturday"), window("00:00", "24:00", "Sunday"))
    change = utc(day)
    (only,) = intervals(weekend, zone, change - timedelta(hours=12), change + timedelta(hours=12))
    assert only.end - only.start == timedelta(hours=47 if change.month == 3 else 49)
    assert next_edge(weekend, zone, only.start) == only.end


def test_intervals_join_where_only_skipped_time_is_between_them() -> None:
    windows = (window("00:00", "01:59", "Sunday"), window("03:00", "04:59", "Sunday"))
    assert opened(NEW_YORK, *windows, day="2024-03-10") == ["10T05:00/10T09:00"]
    assert next_edge(windows, NEW_YORK, utc("2024-03-10T06:00")) == utc("2024-03-10T09:00")


def test_a_window_that_a_change_empties_is_open_again_a_week_later() -> None:
    assert next_edge((window("02:00", "02:59", "Sunday"),), NEW_YORK, utc("2024-03-09")) == utc("2024-03-17T06:00")


def test_an_interval_that_spans_weeks_keeps_its_own_start() -> None:
    all_but_an_hour = (
        window("03:00", "01:59", "Sunday"),
        *(window("00:00", "24:00", day) for day in ("Monday", "Tuesday", "Wednesday")),
        window("00:00", "24:00", "Thursday", "Friday", "Saturday"),
        window("00:00", "01:59", "Sunday"),
    )
    (only,) = intervals(all_but_an_hour, NEW_YORK, utc("2024-03-14"), utc("2024-03-15"))
    assert only == Interval(utc("2024-03-03T08:00"), utc("2024-03-17T06:00"))


def test_a_span_of_almost_a_week_is_found_from_where_utc_is_a_day_ahead() -> None:
    all_but_an_hour = (
        window("23:00", "22:59", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
        window("23:00", "21:59", "Saturday"),
    )
    sunday_evening = utc("2024-06-03T01:30")  # 21:30 in New York
    assert is_open(all_but_an_hour, NEW_YORK, sunday_evening)
    assert next_edge(all_but_an_hour, NEW_YORK, sunday_evening) == utc("2024-06-03T02:00")


def test_a_day_that_a_zone_skips_has_no_windows() -> None:
    windows = (window("00:00", "23:59", "Friday"),)
    assert next_edge(windows, APIA, utc("2011-12-24T12:00")) == utc("2012-01-05T10:00")
    assert intervals(windows, APIA, utc("2011-12-29"), utc("2012-01-01")) == ()


def test_weekday_nights_differ_by_an_hour_in_the_night_of_the_change() -> None:
    nights = (window("22:00", "05:59"),)
    assert opened(PARIS, *nights, day="2024-03-30T12:00") == ["30T21:00/31T04:00"]
    assert opened(PARIS, *nights, day="2024-10-26T12:00") == ["26T20:00/27T05:00"]
