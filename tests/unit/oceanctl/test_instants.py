"""Instants and spans as people type them."""

from datetime import UTC, datetime, timedelta

import pytest

from oceanctl.errors import UsageMistakeError
from oceanctl.instants import horizon_from, instant_from, span_from


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-03-29T01:30:00Z", datetime(2026, 3, 29, 1, 30, tzinfo=UTC), id="RFC 3339"),
        pytest.param("2026-03-29T01:30Z", datetime(2026, 3, 29, 1, 30, tzinfo=UTC), id="without seconds"),
        pytest.param("2026-03-29 01:30 +02:00", datetime(2026, 3, 28, 23, 30, tzinfo=UTC), id="blanks and an offset"),
        pytest.param("2026-03-29t01:30:05.9z", datetime(2026, 3, 29, 1, 30, 5, tzinfo=UTC), id="fractions are cut"),
    ],
)
def test_an_instant_is_read(text: str, expected: datetime) -> None:
    assert instant_from(text) == expected


def test_nothing_typed_is_now() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= instant_from(None) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("2026-03-29 01:30", "add Z for UTC, or an offset", id="local time"),
        pytest.param("2026-03-29", "is not an instant", id="a day"),
        pytest.param("tomorrow", "is not an instant", id="words"),
        pytest.param("2026-02-30T01:30Z", "no instant of the calendar", id="no such day"),
        pytest.param("0001-01-01T00:00+10:00", "no instant of the calendar", id="before the calendar"),
        pytest.param("0001-01-01T00:00Z", "before 1900", id="before anything counts"),
        pytest.param("9999-12-31T23:59Z", "after 8999", id="where a grace has no end"),
    ],
)
def test_what_is_no_instant_is_told(text: str, words: str) -> None:
    with pytest.raises(UsageMistakeError, match=words):
        instant_from(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("90m", timedelta(minutes=90), id="minutes"),
        pytest.param("36h", timedelta(hours=36), id="hours"),
        pytest.param("14d", timedelta(days=14), id="days"),
        pytest.param("2w", timedelta(weeks=2), id="weeks"),
    ],
)
def test_a_span_is_read(text: str, expected: timedelta) -> None:
    assert span_from(text) == expected


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1.5h", "1y", "0d", "11000d", "999999999w"])
def test_what_is_no_span_is_told(text: str) -> None:
    with pytest.raises(UsageMistakeError, match="--horizon"):
        span_from(text)


def test_a_range_begins_when_it_is_told_to() -> None:
    begin = datetime(8999, 12, 31, tzinfo=UTC)
    assert horizon_from("8999-12-31T00:00Z", "520w") == (begin, begin + timedelta(weeks=520))
