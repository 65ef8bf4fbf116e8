import pytest

from proxier.strangers import Strangers, source_of


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_source_is_what_one_host_commonly_has(address: str, source: str) -> None:
    assert source_of(address) == source


def test_a_source_has_its_share_and_others_theirs() -> None:
    strangers = Strangers(most=10, most_of_source=2)
    leave = [strangers.seat("a") for _ in range(2)]
    assert (strangers.why_not("a"), strangers.why_not("b")) == ("source", None)
    leave[0]()
    assert strangers.why_not("a") is None


def test_all_of_them_have_so_many_places() -> None:
    strangers = Strangers(most=2, most_of_source=2)
    leave = [strangers.seat(source) for source in "ab"]
    assert strangers.why_not("c") == "strangers"
    leave[1]()
    assert strangers.why_not("c") is None


def test_a_place_is_given_back_once() -> None:
    strangers = Strangers(most=10, most_of_source=1)
    first = strangers.seat("a")
    first()
    strangers.seat("a")
    first()
    assert strangers.why_not("a") == "source"
