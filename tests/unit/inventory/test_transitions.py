from datetime import UTC, datetime, timedelta

import pytest

from inventory.model import Policy, Window
from inventory.standing import Standing
from inventory.transitions import Direction, Transition, next_handover, next_transition
from tests.leasing import AFTER_NOON, AROUND_NOON, MONDAY_NOON, MORNING, at, policy, standing_by

TOMORROW = timedelta(days=1)
SHIFTS = tuple(policy(f"shift-{hour}", windows=(Window(hour * 60, hour * 60 + 239),)) for hour in range(0, 24, 4))


def found(*policies: Policy, worker: tuple[Policy, ...] = ()) -> Transition | None:
    def standing_at(now: datetime) -> Standing:
        return standing_by(*policies, worker=worker, now=now)

    return next_transition(standing_at, MONDAY_NOON)


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param((policy(windows=AROUND_NOON),), Transition(at(13), Direction.CLOSE), id="open"),
        pytest.param((policy(windows=MORNING),), Transition(at(8) + TOMORROW, Direction.OPEN), id="closed"),
        pytest.param(
            (policy("a", windows=AROUND_NOON), policy("b", windows=AFTER_NOON)),
            Transition(at(14), Direction.CLOSE),
            id="another takes over",
        ),
        pytest.param((policy(),), None, id="always"),
        pytest.param((policy(expires_at=at(15)),), Transition(at(15), Direction.CLOSE), id="expires"),
        pytest.param((policy(windows=AFTER_NOON, expires_at=at(12, 30)),), None, id="expires before it opens"),
        pytest.param(SHIFTS, None, id="one after the other, for ever"),
        pytest.param((), None, id="no policy"),
    ],
)
def test_a_transition_is_where_lending_begins_or_ends(
    policies: tuple[Policy, ...], expected: Transition | None
) -> None:
    assert found(*policies) == expected


def test_nothing_breaks_at_the_end_of_the_calendar() -> None:
    now = datetime(9999, 6, 7, 12, tzinfo=UTC)
    found = next_transition(lambda at_: standing_by(policy(windows=AROUND_NOON), now=at_), now)
    assert found == Transition(now.replace(hour=13), Direction.CLOSE)


def test_the_other_side_has_its_say() -> None:
    assert found(policy(), worker=(policy(windows=AROUND_NOON),)) == Transition(at(13), Direction.CLOSE)


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param(
            (policy("a", windows=AROUND_NOON, priority=1), policy("b", notice=600)), (at(13), ("b",)), id="takes over"
        ),
        pytest.param((policy("a", windows=AROUND_NOON),), (at(13), ()), id="nobody takes over"),
        pytest.param((policy("a"), policy("b", windows=AFTER_NOON, priority=-1)), None, id="never wins"),
    ],
)
def test_a_handover_is_where_others_lend(
    policies: tuple[Policy, ...], expected: tuple[datetime, tuple[str, ...]] | None
) -> None:
    found_ = next_handover(lambda now: standing_by(*policies, now=now), MONDAY_NOON)
    assert (found_ and (found_[0], tuple(each.name for each in found_[1].lenders))) == expected
