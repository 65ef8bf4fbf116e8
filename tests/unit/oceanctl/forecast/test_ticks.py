"""Marks on the axis of time, where clocks change."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.windows import zone_for
from oceanctl.forecast.ticks import days, hours, midnights

PARIS = zone_for("Europe/Paris")
HAVANA = zone_for("America/Havana")  # skips 00:00 on 8 March 2026
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("begin", "lengths"),
    [
        pytest.param("2026-03-27 23:00", [24, 23, 24], id="spring"),
        pytest.param("2026-10-23 22:00", [24, 25, 24], id="autumn"),
    ],
)
def test_days_are_as_long_as_clocks_make_them(begin: str, lengths: list[int]) -> None:
    found = list(days(utc(begin), utc(begin) + sum(lengths) * timedelta(hours=1), PARIS))
    assert [(end - start) // timedelta(hours=1) for start, end in found] == lengths


def test_a_skipped_midnight_is_marked_once() -> None:
    found = list(midnights(utc("2026-03-08 00:00"), utc("2026-03-10 00:00"), HAVANA))
    assert found == [utc("2026-03-08 05:00"), utc("2026-03-09 04:00")]


def test_hours_are_round_in_their_zone() -> None:
    found = hours(utc("2026-06-01 00:00"), utc("2026-06-02 00:00"), PARIS)
    assert [f"{at.astimezone(PARIS):%H:%M}" for at in found] == [f"{hour:02}:00" for hour in (*range(2, 24, 2), 0)]


def test_a_range_within_a_day_has_no_midnight() -> None:
    begin = utc("2026-06-01 08:00")
    assert list(midnights(begin, begin + timedelta(hours=2), PARIS)) == []
    assert list(days(begin, begin + timedelta(hours=2), PARIS)) == [(begin, begin + timedelta(hours=2))]
