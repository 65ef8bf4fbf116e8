import math

import pytest

from inventory.scalars import plain_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
    ],
)
def test_the_core_schema_of_yaml_1_2_is_read(text: str, value: object) -> None:
    read = plain_value(text)

    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    ["no", "yes", "on", "off", "y", "22:00", "2026-01-01", "1_000", "010", "-08", "9" * 5000, "TrUe", "0b1", "1.2.3"],
    ids=lambda text: text[:10],
)
def test_what_yaml_1_1_or_nobody_reads_as_something_else_stays_text(text: str) -> None:
    assert plain_value(text) == text


def test_not_a_number_is_one() -> None:
    read = plain_value(".nan")

    assert isinstance(read, float)
    assert math.isnan(read)
