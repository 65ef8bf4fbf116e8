from datetime import UTC, datetime

from reconciler.conditions import Wanted, merged

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_an_unchanged_condition_is_equal_to_what_is_there() -> None:
    first = merged([], [Wanted("Ready", "True", "Fine", "all is well")], 1, NOW)
    assert merged(first, [Wanted("Ready", "True", "Fine", "all is well")], 1, LATER) == first


def test_the_transition_time_moves_with_the_status_only() -> None:
    first = merged([], [Wanted("Ready", "True", "Fine")], 1, NOW)
    other_reason = merged(first, [Wanted("Ready", "True", "Better")], 1, LATER)
    other_status = merged(first, [Wanted("Ready", "False", "Worse")], 1, LATER)
    assert other_reason[0]["lastTransitionTime"] == "2026-03-01T12:00:00Z"
    assert other_status[0]["lastTransitionTime"] == "2026-03-02T12:00:00Z"


def test_conditions_of_others_stay_where_they_are() -> None:
    foreign = {"type": "Theirs", "status": "True", "custom": "field"}
    result = merged([foreign, {"type": "Ready", "status": "False"}], [Wanted("Ready", "True", "Fine")], 2, NOW)
    assert result[0] == foreign
    assert [condition["type"] for condition in result] == ["Theirs", "Ready"]
