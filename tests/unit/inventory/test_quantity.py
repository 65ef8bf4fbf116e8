from typing import Any

import pytest

from inventory.errors import InvalidValueError
from inventory.quantity import canonical, floor, is_whole_number, parse, percent_of

MAX_INT64 = 2**63 - 1
GI = 2**30 * 1000  # milli-bytes


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        (0, 0),
        (4, 4000),
        (-1, -1000),
        ("0", 0),
        ("-0", 0),
        ("1", 1000),
        ("+1", 1000),
        ("-1", -1000),
        ("00012", 12000),
        ("1.", 1000),
        (".5", 500),
        ("0.5", 500),
        ("2.500", 2500),
        ("1500m", 1500),
        ("1u", 1),
        ("1000u", 1),
        ("1001u", 2),
        ("1n", 1),
        ("0.1n", 1),
        ("0n", 0),
        ("1.0001", 1001),
        ("-0.0001", -1),
        ("-1.5m", -2),
        ("0.30000000000000004", 301),
        ("2k", 2 * 10**6),
        ("1M", 10**9),
        ("1G", 10**12),
        ("1T", 10**15),
        ("1P", 10**18),
        ("1E", 10**21),
        ("1Ki", 1024 * 1000),
        ("1Mi", 2**20 * 1000),
        ("1Gi", 2**30 * 1000),
        ("1Ti", 2**40 * 1000),
        ("1Pi", 2**50 * 1000),
        ("1Ei", 2**60 * 1000),
        ("0.5Ki", 512 * 1000),
        ("1.1Ki", 1126400),
        ("0.9Gi", 966367641600),
        ("-1.5Gi", -(3 * 2**29) * 1000),
        ("1e3", 10**6),
        ("1E3", 10**6),
        ("1e+3", 10**6),
        ("1e-3", 1),
        ("12.5e1", 125000),
        ("1e-999", 1),
        ("1e0003", 10**6),
        ("8Ei", MAX_INT64 * 1000),
        ("-9Ei", -MAX_INT64 * 1000),
        ("7.5Ei", 15 * 2**59 * 1000),
        ("100E", 10**23),
        ("18446744073709551616", 2**64 * 1000),
    ],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(text: str | int, milli: int) -> None:
    assert parse(text) == milli


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1 ", " 1", "1\n", ".", "+", "-", "+-1", "1.2.3", "Ki", "m", "e3"),
        *("1K", "1ki", "1KI", "1Kib", "4GB", "1mi", "1e", "1e1.5", "1e+", "1 Gi", "1m5"),
        *("1_000", "1,5", "0x10", "NaN", "inf", "\u0661", "1e1000", "1" * 65),
    ],
)
def test_anything_else_is_refused_and_shown(text: str) -> None:
    with pytest.raises(InvalidValueError, match="is not a quantity: write a number") as caught:
        parse(text)
    assert caught.value.message.startswith(repr(text)[:60])


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (0.5, "write it in quotes"),
        (1.0, "write it in quotes"),
        (float("nan"), "write it in quotes"),
        (True, "write a number"),
        (None, "write a number"),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused_although_an_equal_number_was_read_before(value: Any, hint: str) -> None:
    assert parse(1) == 1000
    with pytest.raises(InvalidValueError, match=hint):
        parse(value)


@pytest.mark.parametrize(
    ("resource", "milli", "text"),
    [
        ("cpu", 0, "0"),
        ("cpu", 1500, "1500m"),
        ("cpu", 2000, "2"),
        ("cpu", -1500, "-1500m"),
        ("cpu", 1024000, "1024"),
        ("memory", 0, "0"),
        ("memory", 1000, "1"),
        ("memory", 1023 * 1000, "1023"),
        ("memory", 1024 * 1000, "1Ki"),
        ("memory", 1500 * 1000, "1500"),
        ("memory", 4608 * 2**20 * 1000, "4608Mi"),
        ("memory", 6 * GI, "6Gi"),
        ("memory", 1024 * GI, "1Ti"),
        ("memory", 2**60 * 1000, "1Ei"),
        ("memory", -2 * GI, "-2Gi"),
        ("memory", 2**63 * 1000, "9223372036854775808"),
        ("memory", 966367641600, "966367641600m"),
        ("ephemeral-storage", 3 * GI, "3Gi"),
        ("storage", 10 * GI, "10Gi"),
        ("hugepages-2Mi", 512 * 2**20 * 1000, "512Mi"),
        ("hugepages-1Gi", 2 * GI, "2Gi"),
        ("pods", 110 * 1000, "110"),
        ("pods", 1024 * 1000, "1024"),
        ("nvidia.com/gpu", 8000, "8"),
    ],
)
def test_an_amount_is_written_exactly_and_shortly(resource: str, milli: int, text: str) -> None:
    assert canonical(resource, milli) == text
    assert parse(text) == milli


@pytest.mark.parametrize(
    ("resource", "whole"),
    [
        ("cpu", False),
        ("memory", True),
        ("ephemeral-storage", True),
        ("pods", True),
        ("hugepages-2Mi", True),
        ("nvidia.com/gpu", True),
    ],
)
def test_only_cpu_is_divisible(resource: str, *, whole: bool) -> None:
    assert is_whole_number(resource) is whole


@pytest.mark.parametrize(
    ("resource", "milli", "lent"),
    [
        ("cpu", 1501, 1501),
        ("pods", 51500, 51000),
        ("pods", 999, 0),
        ("memory", 1999, 1000),
        ("nvidia.com/gpu", 8000, 8000),
    ],
)
def test_what_cannot_be_divided_is_rounded_down(resource: str, milli: int, lent: int) -> None:
    assert floor(resource, milli) == lent


@pytest.mark.parametrize(
    ("resource", "of", "percent", "lent"),
    [
        ("cpu", "3", 50, "1500m"),
        ("cpu", "1", 33, "330m"),
        ("cpu", "1m", 99, "0"),
        ("memory", "6Gi", 75, "4608Mi"),
        ("memory", "3", 50, "1"),
        ("pods", "103", 50, "51"),
        ("nvidia.com/gpu", "7", 50, "3"),
        ("nvidia.com/gpu", "1", 99, "0"),
        ("hugepages-2Mi", "1Gi", 100, "1Gi"),
        ("cpu", "64", 0, "0"),
    ],
)
def test_a_share_is_rounded_down_to_what_can_be_lent(resource: str, of: str, percent: int, lent: str) -> None:
    assert canonical(resource, percent_of(parse(of), percent, resource)) == lent


@pytest.mark.parametrize("percent", [-1, 101, 150])
def test_a_share_is_between_none_and_all(percent: int) -> None:
    with pytest.raises(InvalidValueError, match=f"{percent} is not a percentage"):
        percent_of(1000, percent, "cpu")
