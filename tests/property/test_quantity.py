"""Quantities against fractions, which are exact by nature."""

from fractions import Fraction
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.quantity import canonical, floor, parse, percent_of

MODERATE = settings(max_examples=300, deadline=None)
MAX_INT64 = 2**63 - 1

DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", start=1)}
FACTORS = {suffix: Fraction(10) ** power for suffix, power in DECIMAL.items()} | BINARY

resources = st.sampled_from(("cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "pods", "nvidia.com/gpu"))
amounts = st.one_of(
    st.integers(0, 2**75), st.integers(0, 20_000), st.integers(0, 2**40).map(lambda kib: kib * 1_024_000)
)
percents = st.integers(0, 100)
numbers = st.from_regex(r"[+-]?([0-9]{1,12}(\.[0-9]{0,8})?|\.[0-9]{1,8})", fullmatch=True, alphabet="0123456789.+-")


def written(number: str, factor: Fraction) -> Fraction:
    """The value in milli-units that a number with this factor stands for."""
    return Fraction(f"{number}0" if number.endswith(".") else number) * factor * 1000


def away_from_zero(value: Fraction) -> int:
    return ceil(value) if value >= 0 else -ceil(-value)


@MODERATE
@given(numbers, st.sampled_from(sorted(FACTORS)))
def test_a_quantity_is_its_number_times_its_suffix_rounded_away_from_zero(number: str, suffix: str) -> None:
    exact = away_from_zero(written(number, FACTORS[suffix]))
    largest = MAX_INT64 * 1000
    assert parse(number + suffix) == (max(-largest, min(largest, exact)) if suffix in BINARY else exact)


@MODERATE
@given(numbers, st.integers(-30, 30), st.sampled_from(("e", "E")))
def test_an_exponent_is_a_power_of_ten(number: str, exponent: int, letter: str) -> None:
    expected = away_from_zero(written(number, Fraction(10) ** exponent))
    assert parse(f"{number}{letter}{exponent}") == parse(f"{number}{letter}{exponent:+d}") == expected


@MODERATE
@given(st.integers(-(2**70), 2**70))
def test_an_integer_is_the_same_as_its_text(number: int) -> None:
    assert parse(number) == parse(str(number)) == number * 1000


@MODERATE
@given(resources, st.integers(-(2**72), 2**72))
def test_what_is_written_is_read_back(resource: str, milli: int) -> None:
    assert parse(canonical(resource, milli)) == milli


@MODERATE
@given(resources, amounts, amounts, percents, percents)
def test_more_left_or_a_larger_share_never_lends_less(
    resource: str, one: int, other: int, percent: int, larger: int
) -> None:
    (less, more), (percent, larger) = sorted((one, other)), sorted((percent, larger))
    assert floor(resource, less) <= floor(resource, more)
    assert (
        percent_of(less, percent, resource) <= percent_of(more, percent, resource) <= percent_of(more, larger, resource)
    )


@MODERATE
@given(resources, amounts, percents)
def test_a_share_is_the_largest_amount_that_can_be_lent_and_is_within_it(
    resource: str, milli: int, percent: int
) -> None:
    share = percent_of(milli, percent, resource)
    unit = 1 if resource == "cpu" else 1000
    assert share % unit == 0
    assert share <= Fraction(milli * percent, 100) < share + unit
    assert 0 <= share <= milli
    assert percent_of(milli, 100, resource) == floor(resource, milli)
