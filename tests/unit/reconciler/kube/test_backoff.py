"""Delays between attempts."""

import pytest

from reconciler.kube.backoff import Backoff


@pytest.mark.parametrize(
    ("attempt", "longest"),
    [
        pytest.param(0, 2, id="first"),
        pytest.param(1, 4, id="doubled"),
        pytest.param(5, 64, id="doubled-five-times"),
        pytest.param(8, 300, id="capped"),
        pytest.param(10_000, 300, id="no-overflow"),
    ],
)
def test_a_delay_doubles_up_to_the_cap(attempt: int, longest: float) -> None:
    assert Backoff(2, 300, lambda: 1.0).delay_seconds(attempt) == longest


@pytest.mark.parametrize(
    ("drawn", "share"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)], ids=["shortest", "middle", "longest"]
)
def test_the_upper_half_of_a_delay_is_random(drawn: float, share: float) -> None:
    assert Backoff(8, 300, lambda: drawn).delay_seconds(0) == 8 * share


def test_two_delays_of_one_attempt_differ() -> None:
    assert len({Backoff(8, 300).delay_seconds(3) for _ in range(10)}) > 1
