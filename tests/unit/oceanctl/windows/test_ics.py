"""iCalendar, read back by a second implementation of RFC 5545's lines."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from inventory.calendar import Calendar, calendar_of
from inventory.model import Policy, Window
from oceanctl.windows.ics import to_ics

BEGIN = datetime(2026, 3, 27, 12, tzinfo=UTC)
NIGHTS = Policy("nights", "paris", windows=(Window(22 * 60, 6 * 60 - 1),), time_zone="Europe/Paris")


def calendar(policy: Policy = NIGHTS, begin: datetime = BEGIN, days: int = 3) -> Calendar:
    return calendar_of(policy, begin, begin + timedelta(days=days))


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def values(text: str, name: str) -> list[str]:
    return [line.partition(":")[2] for line in unfolded(text) if line.startswith(f"{name}:")]


def test_every_opening_is_an_event_in_utc() -> None:
    text = to_ics([calendar()], "fleet", BEGIN)
    assert values(text, "DTSTART") == ["20260327T210000Z", "20260328T210000Z", "20260329T200000Z"]
    assert values(text, "DTEND") == ["20260328T050000Z", "20260329T040000Z", "20260330T040000Z"]


def test_events_keep_their_uid_when_the_range_moves() -> None:
    later = calendar(begin=BEGIN + timedelta(hours=10))  # the first night has begun
    assert values(to_ics([later], "fleet", BEGIN), "UID")[:3] == values(to_ics([calendar()], "fleet", BEGIN), "UID")


def test_no_two_events_share_a_uid() -> None:
    other = calendar(replace(NIGHTS, name="other"))
    uids = values(to_ics([calendar(), other], "fleet", BEGIN), "UID")
    assert len(uids) == len(set(uids)) == 6


def test_a_policy_that_never_closes_has_one_event() -> None:
    text = to_ics([calendar(Policy("all", "paris"))], "fleet", BEGIN)
    assert values(text, "UID") == ["always-all@fleet.kubeocean.io"]


def test_lines_end_as_the_standard_says_and_are_at_most_75_octets() -> None:
    text = to_ics([calendar(replace(NIGHTS, name="né" * 60))], "fleet", BEGIN)
    assert re.search(r"(?<!\r)\n|\r(?!\n)", text) is None
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert values(text, "SUMMARY")[0] == f"paris lends: {'né' * 60}"


def test_texts_are_escaped() -> None:
    text = to_ics([calendar(replace(NIGHTS, cluster="a;b,c\\d"))], None, BEGIN)
    assert values(text, "CATEGORIES")[0] == r"a\;b\,c\\d"
    assert r"(Europe/Paris)\nthe window of" in values(text, "DESCRIPTION")[1]


def test_a_suspended_policy_is_tentative() -> None:
    text = to_ics([calendar(replace(NIGHTS, suspend=True))], "fleet", BEGIN)
    assert set(values(text, "STATUS")) == {"TENTATIVE"}


def test_begin_and_end_are_balanced() -> None:
    text = to_ics([calendar()], "fleet", BEGIN)
    assert values(text, "BEGIN") == ["VCALENDAR", *["VEVENT"] * 3]
    assert sorted(values(text, "END")) == sorted(values(text, "BEGIN"))


def test_a_calendar_without_events_has_a_component_all_the_same() -> None:
    assert values(to_ics([], "fleet", BEGIN), "BEGIN") == ["VCALENDAR", "VTIMEZONE", "STANDARD"]
