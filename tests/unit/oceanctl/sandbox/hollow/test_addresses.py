import pytest

from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.hollow.addresses import Addresses


def test_no_address_is_given_twice() -> None:
    addresses = Addresses("10.1.2.0/29")
    assert [addresses.take() for _ in range(5)] == [f"10.1.2.{number}" for number in (2, 3, 4, 5, 6)]


def test_a_full_range_says_so() -> None:
    addresses = Addresses("10.1.2.0/30")
    addresses.take()
    with pytest.raises(SandboxError, match=r"no free pod address in 10\.1\.2\.0/30"):
        addresses.take()


def test_an_address_that_is_in_use_is_not_given() -> None:
    addresses = Addresses("10.1.2.0/29")
    addresses.keep("10.1.2.2")
    assert addresses.take() == "10.1.2.3"


def test_an_address_that_was_given_back_comes_last() -> None:
    addresses = Addresses("10.1.2.0/29")
    addresses.give_back(addresses.take())
    assert [addresses.take() for _ in range(5)][-1] == "10.1.2.2"


def test_an_address_of_another_range_is_not_taken_in() -> None:
    addresses = Addresses("10.1.2.0/30")
    addresses.take()
    addresses.give_back("192.0.2.1")
    with pytest.raises(SandboxError):
        addresses.take()
