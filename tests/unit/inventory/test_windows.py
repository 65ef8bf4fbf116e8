from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from inventory.model import Window
from inventory.windows import Interval, intervals, is_open, minutes_per_week, next_edge
from tests.unit.inventory.weekly import utc, window

LONDON, NEW_YORK, PARIS = ZoneInfo("Europe/London"), ZoneInfo("America/New_York"), ZoneInfo("Europe/Paris")
HAVANA, AZORES, APIA = ZoneInfo("America/Havana"), ZoneInfo("Atlantic/Azores"), ZoneInfo("Pacific/Apia")
UTC_ZONE = ZoneInfo("UTC")
FIRST_INSTANT = datetime(1, 1, 1, tzinfo=UTC)
LAST_INSTANT = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "moment", "expected"),
    [
        ((), "2024-05-01T12:00", True),
        ((window("09:00", "17:00"),), "2024-05-01T08:59:59", False),
        ((window("09:00", "17:00"),), "2024-05-01T09:00:00", True),
        ((window("09:00", "17:00"),), "2024-05-01T17:00:59.999999", True),
        ((window("09:00", "17:00"),), "2024-05-01T17:01:00", False),
        ((window("12:00", "12:00"),), "2024-05-01T12:00:59", True),
        ((window("12:00", "12:00"),), "2024-05-01T12:01:00", False),
        ((window("22:00", "06:00"),), "2024-05-01T06:00:59", True),
        ((window("22:00", "06:00"),), "2024-05-01T06:01:00", False),
        ((window("22:00", "06:00", "Friday"),), "2024-05-03T05:00", False),
        ((window("22:00", "06:00", "Friday"),), "2024-05-03T22:00", True),
        ((window("22:00", "06:00", "Friday"),), "2024-05-04T06:00:59", True),
        ((window("22:00", "06:00", "Friday"),), "2024-05-04T22:00", False),
        ((window("22:00", "06:00", "Sunday"),), "2024-05-06T03:00", True),
        ((window("18:00", "24:00"),), "2024-05-01T23:59:59", True),
        ((window("18:00", "24:00"),), "2024-05-02T00:00", False),
        ((window("08:01", "08:00", "Friday"),), "2024-05-04T08:00:59", True),
        ((window("01:00", "02:00"), window("09:00", "17:00")), "2024-05-01T10:00", True),
    ],
    ids=[
        "no windows are always",
        "before the start",
        "the start belongs to it",
        "the end minute belongs to it",
        "after the end minute",
        "one minute",
        "one minute is over",
        "over midnight",
        "over midnight, over",
        "Friday morning is Thursday's night",
        "Friday evening",
        "Saturday morning is Friday's night",
        "Saturday evening is not",
        "Sunday's night reaches into the next week",
        "until 24:00",
        "not after 24:00",
        "a day from 08:01",
        "any of several",
    ],
)
def test_a_policy_is_open_within_its_windows(windows: tuple[Window, ...], moment: str, *, expected: bool) -> None:
    assert is_open(windows, UTC_ZONE, utc(moment)) is expected


@pytest.mark.parametrize(
    "windows",
    [
        (),
        (window("00:00", "23:59"),),
        (window("00:00", "24:00"),),
        (window("08:01", "08:00"),),
        (window("00:00", "11:59"), window("12:00", "23:59")),
        (
            window("00:00", "23:59", "Monday", "Tuesday", "Wednesday"),
            window("18:00", "17:59", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        ),
    ],
    ids=["none", "all day", "to 24:00", "08:01 to 08:00", "two halves", "a patchwork"],
)
@pytest.mark.parametrize("zone", [UTC_ZONE, PARIS, HAVANA, AZORES, APIA], ids=str)
def test_windows_that_cover_the_week_are_always_and_have_no_edge(windows: tuple[Window, ...], zone: ZoneInfo) -> None:
    start, end = utc("2024-01-01"), utc("2025-01-01")
    assert next_edge(windows, zone, start) is None
    assert intervals(windows, zone, start, end) == (Interval(start, end),)
    assert all(is_open(windows, zone, start + timedelta(hours=n)) for n in range(366 * 24))


@pytest.mark.parametrize(
    ("now", "edge"),
    [
        ("2024-05-01T08:00", "2024-05-01T09:00"),
        ("2024-05-01T08:59:59.999999", "2024-05-01T09:00"),
        ("2024-05-01T09:00", "2024-05-01T17:01"),
        ("2024-05-01T17:01", "2024-05-02T09:00"),
        ("2024-05-03T17:01", "2024-05-06T09:00"),
    ],
    ids=[
        "to the start",
        "just before it",
        "at the start, to the end",
        "at the end, to the next day",
        "over the weekend",
    ],
)
def test_the_next_edge_comes_strictly_after_now(now: str, edge: str) -> None:
    office = (window("09:00", "17:00", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),)
    assert next_edge(office, UTC_ZONE, utc(now)) == utc(edge)


def test_touching_windows_have_no_edge_between_them() -> None:
    windows = (window("22:00", "23:59", "Sunday"), window("00:00", "05:59", "Monday"))
    assert next_edge(windows, UTC_ZONE, utc("2024-05-05T23:00")) == utc("2024-05-06T06:00")


def test_windows_a_minute_apart_do_not_touch() -> None:
    windows = (window("09:00", "11:58"), window("12:00", "17:00"))
    assert next_edge(windows, UTC_ZONE, utc("2024-05-05T10:00")) == utc("2024-05-05T11:59")


def test_edges_are_in_utc_whatever_zone_now_is_in() -> None:
    now = datetime(2024, 7, 1, 23, 30, tzinfo=timezone(timedelta(hours=14)))
    edge = next_edge((window("09:00", "17:00"),), PARIS, now)
    assert edge == utc("2024-07-01T15:01")
    assert edge.tzinfo is UTC


@pytest.mark.parametrize(
    ("windows", "minutes"),
    [
        ((), 7 * 1440),
        ((window("00:00", "24:00"),), 7 * 1440),
        ((window("09:00", "09:59"),), 7 * 60),
        ((window("22:00", "05:59", "Friday"), window("23:00", "06:59", "Friday")), 9 * 60),
    ],
    ids=["none", "all", "an hour a day", "an overlap counts once"],
)
def test_a_week_has_so_many_open_minutes(windows: tuple[Window, ...], minutes: int) -> None:
    assert minutes_per_week(windows) == minutes


@pytest.mark.parametrize(
    "ask",
    [
        lambda naive: is_open((), LONDON, naive),
        lambda naive: next_edge((), LONDON, naive),
        lambda naive: intervals((), LONDON, naive, utc("2024-05-01")),
        lambda naive: intervals((), LONDON, utc("2024-05-01"), naive),
    ],
    ids=["is_open", "next_edge", "intervals from", "intervals to"],
)
def test_an_instant_without_a_zone_is_refused(ask: Callable[[datetime], object]) -> None:
    with pytest.raises(ValueError, match="2024-05-01T00:00:00 has no time zone"):
        ask(utc("2024-05-01").replace(tzinfo=None))


def test_an_instant_in_the_policys_own_zone_is_compared_as_an_instant() -> None:
    windows = (window("01:30", "05:59", "Sunday"),)
    first = datetime(2024, 11, 3, 1, 45, tzinfo=NEW_YORK)
    assert not is_open(windows, NEW_YORK, first)
    assert is_open(windows, NEW_YORK, first.replace(fold=1))


@pytest.mark.parametrize(("start", "end"), [("2024-05-01", "2024-05-01"), ("2024-05-02", "2024-05-01")])
def test_an_empty_range_overlaps_nothing(start: str, end: str) -> None:
    assert intervals((), UTC_ZONE, utc(start), utc(end)) == ()


def test_intervals_keep_their_own_ends_beyond_the_range() -> None:
    assert intervals((window("22:00", "05:59"),), UTC_ZONE, utc("2024-05-02"), utc("2024-05-03")) == (
        Interval(utc("2024-05-01T22:00"), utc("2024-05-02T06:00")),
        Interval(utc("2024-05-02T22:00"), utc("2024-05-03T06:00")),
    )


def test_an_interval_that_only_touches_the_range_is_not_in_it() -> None:
    found = intervals((window("06:00", "11:59"),), UTC_ZONE, utc("2024-05-01T12:00"), utc("2024-05-02T06:00"))
    assert found == ()


@pytest.mark.parametrize("moment", [FIRST_INSTANT, LAST_INSTANT], ids=["the first", "the last"])
def test_at_the_ends_of_time_it_is_closed_and_nothing_breaks(moment: datetime) -> None:
    windows = (window("00:00", "12:00"), window("13:00", "24:00"))
    assert not is_open(windows, PARIS, moment)


def test_after_the_last_week_that_can_be_written_nothing_changes() -> None:
    assert next_edge((window("09:00", "17:00"),), PARIS, LAST_INSTANT) is None


def test_the_last_interval_that_can_be_written_still_ends() -> None:
    windows = (window("09:00", "17:00", "Sunday"),)
    assert next_edge(windows, UTC_ZONE, utc("9999-12-12T12:00")) == utc("9999-12-12T17:01")


def test_before_the_first_week_that_can_be_written_the_next_edge_is_in_it() -> None:
    edge = next_edge((window("09:00", "17:00"),), UTC_ZONE, FIRST_INSTANT)
    assert edge == FIRST_INSTANT + timedelta(weeks=2, hours=9)
