"""Windows and instants in the words of the tests."""

from datetime import UTC, datetime

from inventory.model import Window
from inventory.windows import parse_days, parse_time


def window(start: str, end: str, *days: str) -> Window:
    return Window(parse_time(start, is_end=False), parse_time(end, is_end=True), parse_days(days))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
