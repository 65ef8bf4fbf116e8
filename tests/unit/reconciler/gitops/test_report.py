import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.errors import Position, Problem
from reconciler.decision import Create, Emit, Patch
from reconciler.gitops.report import Outlook, Verdict, conditions_for, first_record, listed, problem_text, report
from reconciler.gitops.state import Held, Record, Source, State, config_map_for, record_from

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SOURCE = Source("https://git.example/fleet.git", "main")
APPLIED = Verdict(Outlook.DONE, "Applied", "revision 4f2c9e1 is in force")
INVALID = Verdict(Outlook.STUCK, "Invalid", "a.yaml:1:1: OE1203 the file is empty")
DOWN = Verdict(Outlook.RETRYING, "GitUnreachable", "connection refused on port 40123")


def written(record: Record | None, state: State, verdict: Verdict, now: datetime = NOW) -> Record:
    """The record as it is after a report."""
    if record is None:
        record = observed(config_map_for(State(state.inventory_id), SOURCE), "1")
    data: dict[str, str | None] = dict(record.data)
    for action in report(record, SOURCE, state, verdict, now):
        if isinstance(action, Patch):
            data |= action.patch["data"]
    config_map = {
        **config_map_for(state, SOURCE),
        "data": {key: text for key, text in data.items() if text is not None},
    }
    return observed(config_map, "2")


def observed(config_map: Any, version: str) -> Record:
    return record_from({**config_map, "metadata": {**config_map["metadata"], "uid": "u", "resourceVersion": version}})


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        pytest.param(APPLIED, {"Ready": "True", "Reconciling": "False", "Stalled": "False"}, id="done"),
        pytest.param(DOWN, {"Ready": "False", "Reconciling": "True", "Stalled": "False"}, id="retrying"),
        pytest.param(INVALID, {"Ready": "False", "Reconciling": "False", "Stalled": "True"}, id="stuck"),
    ],
)
def test_conditions_are_those_of_kstatus(verdict: Verdict, expected: dict[str, str]) -> None:
    assert {condition.type: condition.status for condition in conditions_for(verdict)} == expected


def test_a_report_that_changes_nothing_writes_nothing() -> None:
    state = State("quick", revision="4f2c9e1" + "0" * 33, source="s", cluster_uid="hub")
    record = written(None, state, APPLIED)
    assert report(record, SOURCE, record.state, APPLIED, NOW + timedelta(hours=1)) == ()


def test_a_report_patches_only_what_changed_on_exactly_the_object_it_saw() -> None:
    record = written(None, State("quick", revision="1" * 40), APPLIED)
    actions = report(record, SOURCE, replace(record.state, revision="2" * 40), APPLIED, NOW)
    assert actions == (Patch(record.target, {"data": {"revision": "2" * 40}}),)
    assert record.target.resource_version == "2"


def test_what_is_over_is_removed() -> None:
    held = Held("sha256:ab", "too many", ("ResourceLeasingPolicy/a",))
    record = written(None, State("quick", held=held), APPLIED)
    (patch,) = report(record, SOURCE, replace(record.state, held=None), APPLIED, NOW)
    assert isinstance(patch, Patch)
    assert patch.patch == {"data": {"heldPrune": None}}


def test_a_transition_emits_one_event_about_the_config_map() -> None:
    record = written(None, State("quick"), APPLIED)
    _, emit = report(record, SOURCE, record.state, INVALID, NOW)
    assert isinstance(emit, Emit)
    assert (emit.type, emit.reason, emit.message) == ("Warning", "Invalid", INVALID.message)
    assert (emit.regarding.name, emit.regarding.uid) == ("kubeocean-inventory-quick", "u")


def test_other_problems_of_the_same_kind_are_a_transition_too() -> None:
    record = written(None, State("quick"), INVALID)
    actions = report(record, SOURCE, record.state, replace(INVALID, message="another"), NOW)
    assert [type(action) for action in actions] == [Patch, Emit]


def test_an_outage_is_written_once_however_its_words_vary() -> None:
    record = written(None, State("quick"), DOWN)
    again = replace(DOWN, message="connection refused on port 40999")
    assert report(record, SOURCE, record.state, again, NOW + timedelta(minutes=5)) == ()


def test_a_transition_time_moves_only_with_the_status() -> None:
    record = written(None, State("quick"), INVALID)
    later = written(record, record.state, replace(INVALID, message="another"), NOW + timedelta(hours=1))
    assert later.state.condition("Ready")["message"] == "another"
    assert later.state.condition("Ready")["lastTransitionTime"] == "2026-03-02T12:00:00Z"
    mended = written(later, later.state, APPLIED, NOW + timedelta(hours=2))
    assert mended.state.condition("Ready")["lastTransitionTime"] == "2026-03-02T14:00:00Z"


def test_the_first_record_is_created_under_the_inventorys_id() -> None:
    create = first_record("quick", SOURCE)
    assert isinstance(create, Create)
    assert create.target.name == "kubeocean-inventory-quick"
    assert json.loads(create.manifest["data"]["conditions"]) == []


def test_long_lists_are_counted() -> None:
    assert listed(["a", "b"]) == "a; b"
    assert listed(list("abcdefg")) == "a; b; c; d; e; and 2 more"


def test_a_problem_starts_with_its_place() -> None:
    assert (
        problem_text(Problem("OE1203", "the file is empty", Position("a.yaml", 2, 3)))
        == "a.yaml:2:3: OE1203 the file is empty"
    )
