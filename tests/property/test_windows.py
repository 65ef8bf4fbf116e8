"""Windows against a second implementation, written from the rule in words: brute force over days and offsets, with zoneinfo and nothing else."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.model import Window
from inventory.windows import Interval, format_time, intervals, is_open, minutes_per_week, next_edge, parse_time

MODERATE = settings(max_examples=120, deadline=None)

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
REACH = 16 * DAY  # of the brute force, on both sides of an instant; questions stay within 7 days of it

YEARS = {
    "America/New_York": range(1990, 2037),
    "America/Havana": range(1998, 2037),  # springs forward at midnight
    "America/Sao_Paulo": range(1990, 2019),  # sprang forward at midnight
    "America/St_Johns": range(1988, 2012),  # changed at 00:01, by two hours in 1988
    "Atlantic/Azores": range(1990, 2037),  # falls back to 00:00
    "Africa/Casablanca": range(2016, 2036),  # changes around Ramadan, a month apart
    "Antarctica/Troll": range(2010, 2036),  # changes by two hours
    "Asia/Kathmandu": range(1985, 1988),  # moved by 15 minutes at midnight of a new year
    "Asia/Shanghai": range(1986, 1992),
    "Australia/Lord_Howe": range(1990, 2037),  # changes by half an hour
    "Europe/Dublin": range(1990, 2037),  # its winter time is the exception
    "Europe/Paris": range(1976, 2037),
    "Pacific/Apia": range(2010, 2022),  # skipped a whole day in 2011
    "UTC": range(2024, 2026),
}


def wall_at(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clocks of the zone show, as a naive datetime."""
    return instant.astimezone(zone).replace(tzinfo=None)


@cache
def changes_in(name: str, year: int) -> tuple[datetime, ...]:
    """The instants at which the zone's clocks change in a year, or its first day where they do not."""
    zone, begin = ZoneInfo(name), datetime(year, 1, 1, tzinfo=UTC)
    days = [begin + n * DAY for n in range(366)]
    changed = [(a, b) for a, b in pairwise(days) if a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset()]
    return tuple(first_change(a, b, zone) for a, b in changed) or (begin,)


def first_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second between the two at which the offset becomes another one."""
    offset = before.astimezone(zone).utcoffset()
    for step in (HOUR, MINUTE, SECOND):
        while (before + step).astimezone(zone).utcoffset() == offset and before + step < after:
            before += step
    return before + SECOND


@cache
def readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Every instant at which the clocks show this, in order; the transition, if they skip it."""
    noon = wall.replace(tzinfo=UTC)
    offsets = {(noon + n * HOUR).astimezone(zone).utcoffset() or timedelta() for n in range(-50, 51)}
    found = sorted(noon - offset for offset in offsets if wall_at(noon - offset, zone) == wall)
    if found:
        return tuple(found)
    instant = noon - max(offsets) - HOUR
    for step in (HOUR, MINUTE, SECOND):
        while wall_at(instant + step, zone) < wall:
            instant += step
    return (instant + SECOND,)


def wall_intervals(windows: tuple[Window, ...], around: date) -> list[tuple[datetime, datetime]]:
    """The windows day by day, joined where they touch or overlap on the clock."""
    written: list[tuple[datetime, datetime]] = []
    for n in range(-REACH.days, REACH.days + 1):
        day = datetime.combine(around, time()) + n * DAY
        for window in windows:
            if not window.days or day.weekday() in window.days:
                last_day = day if window.start <= window.end else day + DAY
                written.append((day + window.start * MINUTE, last_day + (window.end + 1) * MINUTE))
    return joined(sorted(written))


def joined(ordered: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    result: list[tuple[datetime, datetime]] = []
    for start, end in ordered:
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def expected(windows: tuple[Window, ...], zone: ZoneInfo, around: datetime) -> list[Interval]:
    """The open intervals near an instant; one without seams over the whole reach is how "always" looks here."""
    if not windows:
        return [Interval(around - REACH, around + REACH)]
    on_the_clock = wall_intervals(windows, wall_at(around, zone).date())
    resolved = [(readings(start, zone)[-1], readings(end, zone)[0]) for start, end in on_the_clock]
    return [Interval(start, end) for start, end in joined([each for each in resolved if each[0] < each[1]])]


def near(around: datetime, instants: Iterator[datetime]) -> list[datetime]:
    return [instant for instant in instants if abs(instant - around) < 7 * DAY]


def edges_of(found: list[Interval] | tuple[Interval, ...]) -> Iterator[datetime]:
    for interval in found:
        yield interval.start
        yield interval.end


zones_and_changes = st.sampled_from(sorted(YEARS)).flatmap(
    lambda name: st.tuples(
        st.just(ZoneInfo(name)),
        st.sampled_from(YEARS[name]).flatmap(lambda year: st.sampled_from(changes_in(name, year))),
    )
)
minutes = st.one_of(
    st.integers(0, 1439),
    st.integers(0, 200),
    st.sampled_from((0, 29, 30, 59, 60, 119, 120, 179, 180, 1380, 1438, 1439)),
)
days = st.one_of(st.just(frozenset[int]()), st.frozensets(st.integers(0, 6), min_size=1))
windows_strategy = st.lists(st.builds(Window, minutes, minutes, days), max_size=4).map(tuple)
nearby = st.one_of(st.integers(-7200, 7200), st.integers(-2 * 86400, 2 * 86400)).map(lambda seconds: seconds * SECOND)


@MODERATE
@given(windows_strategy, zones_and_changes, nearby)
def test_a_policy_is_open_exactly_when_the_rule_in_words_says_so(
    windows: tuple[Window, ...], place: tuple[ZoneInfo, datetime], shift: timedelta
) -> None:
    zone, change = place
    rule = expected(windows, zone, change)
    ends = near(change, edges_of(rule))
    moments = {
        change + shift,
        *(instant + step for instant in (change, *ends) for step in (-SECOND, timedelta(), SECOND)),
    }
    for moment in moments:
        assert is_open(windows, zone, moment) == any(each.start <= moment < each.end for each in rule), moment


@MODERATE
@given(windows_strategy, zones_and_changes, nearby)
def test_the_next_edge_is_the_next_end_of_an_interval_of_the_rule(
    windows: tuple[Window, ...], place: tuple[ZoneInfo, datetime], shift: timedelta
) -> None:
    zone, change = place
    rule = expected(windows, zone, change)
    for moment in (change + shift, *near(change, edges_of(rule))):
        later = [end for end in edges_of(rule) if end > moment]
        edge = next_edge(windows, zone, moment)
        if later and later[0] < change + 9 * DAY:
            assert edge == later[0], moment
        else:
            assert edge is None or edge >= change + 9 * DAY, moment


@MODERATE
@given(windows_strategy, zones_and_changes, nearby)
def test_nothing_changes_before_the_next_edge_and_everything_at_it(
    windows: tuple[Window, ...], place: tuple[ZoneInfo, datetime], shift: timedelta
) -> None:
    zone, now = place[0], place[1] + shift
    before = is_open(windows, zone, now)
    edge = next_edge(windows, zone, now)
    end = edge or now + 9 * DAY
    assert end > now
    steps = [now + n * (end - now) / 97 for n in range(97)]
    assert {is_open(windows, zone, moment) for moment in (*steps, end - timedelta(microseconds=1))} == {before}
    assert edge is None or is_open(windows, zone, edge) != before


@MODERATE
@given(windows_strategy, zones_and_changes, nearby, st.integers(1, 9 * 86400))
def test_the_intervals_of_a_range_are_those_of_the_rule(
    windows: tuple[Window, ...], place: tuple[ZoneInfo, datetime], shift: timedelta, seconds: int
) -> None:
    zone, start = place[0], place[1] + shift
    end = min(start + seconds * SECOND, place[1] + 7 * DAY)
    rule = [each for each in expected(windows, zone, place[1]) if each.start < end and each.end > start]
    found = intervals(windows, zone, start, end)
    if len(found) == 1 and next_edge(windows, zone, start) is None:
        assert found == (Interval(start, end),)
        assert rule[0].start < start
        assert rule[0].end > end
    else:
        assert list(found) == rule


@MODERATE
@given(
    st.permutations((0, 1, 2, 3)),
    st.lists(st.builds(Window, minutes, minutes, days), min_size=4, max_size=4),
    zones_and_changes,
    nearby,
)
def test_the_order_of_windows_does_not_matter(
    order: list[int], windows: list[Window], place: tuple[ZoneInfo, datetime], shift: timedelta
) -> None:
    zone, now = place[0], place[1] + shift
    one, other = tuple(windows), tuple(windows[n] for n in order)
    assert is_open(one, zone, now) == is_open(other, zone, now)
    assert next_edge(one, zone, now) == next_edge(other, zone, now)
    assert minutes_per_week(one) == minutes_per_week(other)


@settings(MODERATE, max_examples=20)
@given(windows_strategy)
def test_the_minutes_of_a_week_are_those_of_its_open_intervals_in_utc(windows: tuple[Window, ...]) -> None:
    monday = datetime(2024, 1, 1, tzinfo=UTC)
    open_minutes = sum(is_open(windows, ZoneInfo("UTC"), monday + n * MINUTE) for n in range(7 * 24 * 60))
    assert minutes_per_week(windows) == open_minutes


@given(st.integers(0, 1439))
def test_a_time_is_read_as_it_is_written(minute: int) -> None:
    assert parse_time(format_time(minute), is_end=False) == parse_time(format_time(minute), is_end=True) == minute
