"""The wheel: everything once per period."""

from hypothesis import given
from hypothesis import strategies as st

from reconciler.leases.due import Wheel

KEYS = [f"vnode-{number}" for number in range(200)]


def wheel(*keys: str) -> Wheel:
    made = Wheel(10.0, 50)
    for key in keys:
        made.add(key)
    return made


def test_every_key_is_due_once_in_every_period() -> None:
    turning = wheel(*KEYS)
    turning.due(1000.0)
    for period in range(3):
        moments = [1000.0 + 10 * period + 0.2 * (step + 1) for step in range(50)]
        assert sorted(key for moment in moments for key in turning.due(moment + 0.05)) == sorted(KEYS)


def test_keys_spread_over_the_period() -> None:
    turning = wheel(*KEYS)
    turning.due(1000.0)
    assert max(len(turning.due(1000.25 + 0.2 * step)) for step in range(50)) < len(KEYS) / 10


def test_a_key_keeps_its_place_through_a_restart() -> None:
    assert wheel(*KEYS).due(1003.3) == wheel(*KEYS).due(2003.3)


def test_a_late_question_hands_out_what_was_missed_once() -> None:
    turning = wheel(*KEYS)
    turning.due(1000.0)
    assert sorted(turning.due(1075.0)) == sorted(KEYS)
    assert turning.due(1075.0) == ()


def test_a_removed_key_is_never_due() -> None:
    turning = wheel("a", "b")
    turning.remove("a")
    turning.remove("unknown")
    turning.due(1000.0)
    assert turning.due(1010.0) == ("b",)


def test_a_key_is_on_the_wheel_once() -> None:
    turning = wheel("a", "a")
    turning.due(1000.0)
    assert turning.due(1010.0) == ("a",)


def test_the_hand_moves_at_the_end_of_its_slot() -> None:
    assert 0 < wheel().seconds_to_next(1000.05) <= 0.2


@given(st.integers(0, 10**7).map(lambda tenths: tenths / 10))
def test_the_next_slot_is_always_ahead(now: float) -> None:
    turning = wheel()
    later = now
    for _ in range(3):
        later += turning.seconds_to_next(later)
    assert turning._index(later) > turning._index(now)


@given(st.lists(st.floats(0.01, 40), min_size=1, max_size=30))
def test_no_key_waits_longer_than_a_period_and_the_gap_between_two_questions(gaps: list[float]) -> None:
    turning = wheel("a")
    now = last = 1000.0
    turning.due(now)
    for gap in gaps:
        now += gap
        times = len(turning.due(now))
        assert times <= 1
        assert times == 1 or now - last <= 10.2
        last = now if times else last
