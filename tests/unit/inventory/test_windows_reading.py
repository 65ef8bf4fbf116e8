from zoneinfo import ZoneInfo

import pytest

from inventory.errors import InvalidValueError
from inventory.windows import format_time, parse_days, parse_time, zone_for

ARABIC_NINE = "\u0660\u0669:\u0660\u0660"


@pytest.mark.parametrize(
    ("text", "minute"),
    [("00:00", 0), ("00:01", 1), ("09:30", 570), ("19:59", 1199), ("20:00", 1200), ("23:59", 1439)],
)
def test_a_time_is_minutes_of_the_day(text: str, minute: int) -> None:
    assert parse_time(text, is_end=False) == parse_time(text, is_end=True) == minute
    assert format_time(minute) == text


def test_midnight_as_an_end_is_the_last_minute_of_the_day() -> None:
    assert parse_time("24:00", is_end=True) == parse_time("23:59", is_end=True)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("24:00", "24:00 is an end only"),
        ("9:00", 'did you mean "09:00"?'),
        ("25:00", "write HH:MM, 00:00 to 23:59"),
        ("12:60", "write HH:MM"),
        ("", "write HH:MM"),
        ("09:00\n", "write HH:MM"),
        (" 09:00", "write HH:MM"),
        (ARABIC_NINE, "write HH:MM"),
        ("09:00:00", "write HH:MM"),
        ("-1:00", "write HH:MM"),
    ],
)
def test_anything_else_is_refused_as_a_start_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(InvalidValueError, match="is not a time of day") as caught:
        parse_time(text, is_end=False)
    assert caught.value.hint.startswith(hint)


def test_the_hint_for_an_end_names_its_own_range() -> None:
    with pytest.raises(InvalidValueError, match="00:00 to 24:00"):
        parse_time("24:01", is_end=True)


@pytest.mark.parametrize(
    ("names", "numbers"),
    [([], set()), (["Monday"], {0}), (["SUNDAY", "saturday", "Sunday"], {5, 6}), (["wEdNeSdAy"], {2})],
    ids=["none stay none", "Monday is 0", "any case, any order, twice", "mixed case"],
)
def test_days_are_full_names_in_any_case(names: list[str], numbers: set[int]) -> None:
    assert parse_days(names) == numbers


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fri", 'did you mean "Friday"?'),
        ("Wensday", 'did you mean "Wednesday"?'),
        ("x", "write one of Monday, Tuesday"),
    ],
)
def test_an_unknown_day_is_refused_with_a_suggestion(name: str, hint: str) -> None:
    with pytest.raises(InvalidValueError, match=f"'{name}' is not a day of the week") as caught:
        parse_days(["Monday", name])
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("name", ["UTC", "Europe/Paris", "Asia/Kathmandu", "America/Argentina/Ushuaia", "CET"])
def test_a_zone_is_known_by_its_iana_name(name: str) -> None:
    assert zone_for(name) is ZoneInfo(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Pari", 'did you mean "Europe/Paris"?'),
        ("europe/paris", 'did you mean "Europe/Paris"?'),
        ("utc", 'did you mean "UTC"?'),
        ("CEST", "write an IANA name like Europe/Paris"),
        ("Mars/Olympus", "write an IANA name like Europe/Paris"),
    ],
)
def test_an_unknown_zone_is_refused_with_a_suggestion(name: str, hint: str) -> None:
    with pytest.raises(InvalidValueError, match="is not a known time zone") as caught:
        zone_for(name)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "Europe",
        "/etc/localtime",
        "../zoneinfo/UTC",
        "Europe/../UTC",
        "localtime",
        "posixrules",
        "Factory",
        "posix/UTC",
        "right/UTC",
        "zone.tab",
        "UTC\0",
        "x" * 5000,
    ],
)
def test_a_zone_is_never_a_path_nor_what_this_machine_takes_for_local(name: str) -> None:
    with pytest.raises(InvalidValueError):
        zone_for(name)


def test_a_message_shows_the_value_escaped_and_cut() -> None:
    with pytest.raises(InvalidValueError) as caught:
        zone_for("\x1b[31m" + "x" * 5000)
    assert caught.value.message.startswith(r"'\x1b[31mxxx")
    assert len(caught.value.message) < 120
