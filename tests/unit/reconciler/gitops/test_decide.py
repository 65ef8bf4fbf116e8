import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from inventory.errors import Position, Problem, Severity
from inventory.plan import Change
from reconciler.decision import Action, Create, Emit, Patch
from reconciler.gitops.carry import Outcome
from reconciler.gitops.decide import GitDecision, conclude, decide
from reconciler.gitops.report import Outlook
from reconciler.gitops.state import Record, record_from
from reconciler.gitops.view import Failed, Fetched, GitView
from tests.unit.reconciler.gitops.worlds import (
    FIRST,
    HUB,
    SECOND,
    SOURCE,
    binding,
    inventory,
    live,
    policy,
    record,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FLEET = inventory(binding(), policy())
LIVE = (live(binding()), live(policy()))
DOWN = Failed("GitUnreachable", "no route to host", Outlook.RETRYING)
BROKEN = Fetched(SECOND, None, (Problem("OE1101", "not YAML", Position("a.yaml", 2, 3)),))
MANY = [policy(f"p{number}") for number in range(11)]


def view(**changes: Any) -> GitView:
    usual = GitView(SOURCE, HUB, Fetched(FIRST, FLEET), record(), LIVE, last_good=FLEET)
    return replace(usual, **changes)


def writes(decision: GitDecision) -> list[str]:
    """The changes that would be carried out, as `action name`."""
    if decision.plan is None:
        return []
    return [f"{change.action.value} {change.name}" for change in (*decision.plan.to_apply, *decision.plan.to_delete)]


def done(decision: GitDecision) -> Outcome:
    plan = decision.plan
    return Outcome(done=[*plan.to_apply, *plan.to_delete] if plan else [])


def reported(seen: GitView, outcome: Outcome | None = None) -> list[Action]:
    decision = decide(seen, NOW)
    return list(conclude(seen, decision, outcome or done(decision), NOW))


def data_of(actions: list[Action]) -> dict[str, Any]:
    (patch,) = [action for action in actions if isinstance(action, Patch)]
    return dict(patch.patch["data"])


def after(seen: GitView) -> GitView:
    """The same world with the report written."""
    data = {**dict(seen.record.data if seen.record else {}), **data_of(reported(seen))}
    return replace(
        seen, record=with_data(seen.record, {key: value for key, value in data.items() if value is not None})
    )


def with_data(old: Record | None, data: dict[str, str]) -> Record:
    assert old is not None
    metadata = {
        "name": "kubeocean-inventory-quick",
        "uid": "u",
        "resourceVersion": "2",
        "labels": {"kubeocean.io/inventory": "quick"},
    }
    return record_from({"metadata": metadata, "data": data})


def test_an_inventory_that_is_met_for_the_first_time_gets_its_config_map_first() -> None:
    decision = decide(view(record=None), NOW)
    assert [type(action) for action in decision.first] == [Create]
    assert decision.plan is None


def test_there_is_nothing_to_report_on_before_there_is_a_record() -> None:
    assert reported(view(record=None)) == []


def test_a_new_commit_is_applied_and_recorded() -> None:
    seen = view(news=Fetched(SECOND, inventory(binding(), policy(), policy("day"))))
    assert writes(decide(seen, NOW)) == ["create day"]
    assert data_of(reported(seen))["revision"] == SECOND


def test_an_unchanged_world_gets_no_write_at_all() -> None:
    settled = after(view())
    decision = decide(settled, NOW)
    assert writes(decision) == []
    assert conclude(settled, decision, Outcome(), NOW) == ()


def test_a_change_by_hand_is_taken_back_and_told() -> None:
    drifted = live(policy())
    drifted["spec"]["priority"] = 9  # whoever edits a field takes it over
    drifted["metadata"]["managedFields"].append(
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:priority": {}}}}
    )
    seen = after(view(news=Fetched(FIRST, inventory(binding(), policy(priority=7))), live=(live(binding()), drifted)))
    assert writes(decide(seen, NOW)) == ["update night"]
    (emit,) = reported(seen)
    assert isinstance(emit, Emit)
    assert emit.reason == "DriftReverted"
    assert emit.message == "ResourceLeasingPolicy/night spec.priority (set by kubectl-edit)"


@pytest.mark.parametrize(
    ("news", "reason", "status"),
    [
        pytest.param(DOWN, "GitUnreachable", {"Reconciling": "True", "Stalled": "False"}, id="unreachable"),
        pytest.param(BROKEN, "Invalid", {"Reconciling": "False", "Stalled": "True"}, id="invalid"),
        pytest.param(Fetched(SECOND, FLEET, lost=FIRST), "Rewritten", {"Reconciling": "False", "Stalled": "True"}, id="rewritten"),
        pytest.param(Fetched(SECOND, inventory(inventory_id=None)), "Invalid", {"Reconciling": "False", "Stalled": "True"}, id="no id"),
        pytest.param(Failed("BranchNotFound", "no branch", Outlook.STUCK), "BranchNotFound", {"Reconciling": "False", "Stalled": "True"}, id="no branch"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_leaves_everything_in_force_and_says_so(
    news: Any, reason: str, status: dict[str, str]
) -> None:
    seen = view(news=news, live=(*LIVE, live(policy("left-over"))))
    assert writes(decide(seen, NOW)) == []
    actions = reported(seen)
    conditions = {each["type"]: each for each in json.loads(data_of(actions)["conditions"])}
    assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("False", reason)
    assert {kind: conditions[kind]["status"] for kind in status} == status
    assert "revision" not in data_of(actions)
    assert [action.reason for action in actions if isinstance(action, Emit)] == [reason]


@pytest.mark.parametrize("news", [DOWN, BROKEN])
def test_the_last_good_inventory_is_still_kept_up_but_deletes_nothing(news: Any) -> None:
    seen = view(news=news, live=(live(binding()), live(policy("left-over"))))
    assert writes(decide(seen, NOW)) == ["create night"]


def test_nothing_is_known_good_after_a_restart_during_an_outage() -> None:
    assert decide(view(news=DOWN, last_good=None), NOW).plan is None


def test_problems_are_named_by_place() -> None:
    assert decide(view(news=BROKEN), NOW).verdict.message == "revision 222222222222: a.yaml:2:3: OE1101 not YAML"


def test_warnings_do_not_appear_among_the_errors() -> None:
    warning = Problem("OE3105", "overlap", Position("a.yaml"), Severity.WARNING)
    broken = replace(BROKEN, problems=(warning, *BROKEN.problems))
    assert "overlap" not in decide(view(news=broken), NOW).verdict.message


def test_a_rewritten_history_that_somebody_approved_is_followed() -> None:
    seen = view(news=Fetched(SECOND, FLEET, lost=FIRST), record=record(approvals=[SECOND]))
    assert data_of(reported(seen))["revision"] == SECOND


def test_a_policy_whose_file_is_gone_is_deleted_by_its_uid() -> None:
    decision = decide(view(news=Fetched(SECOND, inventory(binding()))), NOW)
    assert writes(decision) == ["delete night"]
    assert decision.plan is not None
    assert decision.plan.to_delete[0].uid == "uid-night"


def test_objects_of_others_are_never_deleted() -> None:
    seen = view(live=(*LIVE, live(policy("theirs"), owner="other"), live(policy("manual"), owner=None)))
    assert writes(decide(seen, NOW)) == []


def test_an_object_marked_to_stay_stays() -> None:
    kept = live(policy("kept"), annotations={"kubeocean.io/prune": "disabled"})
    assert writes(decide(view(live=(*LIVE, kept)), NOW)) == []


def test_an_empty_inventory_deletes_nothing_even_if_approved() -> None:
    token = "sha256:" + "0" * 64
    seen = view(news=Fetched(SECOND, inventory()), record=record(approvals=[token]))
    decision = decide(seen, NOW)
    assert writes(decision) == []
    assert decision.verdict.reason == "PruneHeld"
    assert "approve" not in decision.verdict.message


def many(**changes: Any) -> GitView:
    """Twelve live objects, three of which the new commit does not have, and one that it adds."""
    wanted = inventory(binding(), *MANY[:8], policy("new"))
    return view(news=Fetched(SECOND, wanted), live=(live(binding()), *map(live, MANY)), **changes)


def held_token(seen: GitView) -> str:
    return str(json.loads(data_of(reported(seen))["heldPrune"])["token"])


def test_too_many_deletions_are_held_and_the_rest_is_applied() -> None:
    decision = decide(many(), NOW)
    assert writes(decision) == ["create new"]
    assert (decision.verdict.reason, decision.verdict.outlook) == ("PruneHeld", Outlook.STUCK)
    data = data_of(reported(many()))
    assert data["revision"] == SECOND
    held = json.loads(data["heldPrune"])
    assert held["objects"] == ["ResourceLeasingPolicy/p10", "ResourceLeasingPolicy/p8", "ResourceLeasingPolicy/p9"]
    assert held["token"] in decision.verdict.message


def test_an_approved_token_lets_exactly_these_deletions_through() -> None:
    approved = many(record=record(approvals=[held_token(many())]))
    assert writes(decide(approved, NOW)) == ["create new", "delete p10", "delete p8", "delete p9"]
    other = replace(approved, live=(*approved.live, live(policy("p99"))))
    assert writes(decide(other, NOW)) == ["create new"]


def test_a_held_prune_is_forgotten_when_it_is_over() -> None:
    over = replace(after(many()), live=(live(binding()), *map(live, MANY[:8]), live(policy("new"))))
    assert data_of(reported(over))["heldPrune"] is None


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"record": record(source="another")}, id="repository, branch or path"),
        pytest.param({"record": record(cluster="another")}, id="cluster"),
    ],
)
def test_a_changed_source_or_cluster_deletes_nothing_until_approved(changed: dict[str, Any]) -> None:
    seen = view(news=Fetched(SECOND, inventory(binding(), policy("new"))), **changed)
    assert writes(decide(seen, NOW)) == ["create new"]
    data = data_of(reported(seen))
    assert "source" not in data
    assert "clusterUID" not in data
    again = after(seen)
    assert writes(decide(again, NOW)) == ["create new"]
    approved = replace(seen, record=replace(changed["record"], approvals=frozenset({held_token(seen)})))
    assert writes(decide(approved, NOW)) == ["create new", "delete night"]
    assert data_of(reported(approved)).keys() >= {"revision"}


def test_a_changed_source_that_deletes_nothing_is_simply_followed() -> None:
    seen = view(record=record(source="another"))
    assert data_of(reported(seen))["source"] == SOURCE.fingerprint


def test_an_object_of_another_inventory_is_a_conflict_and_stays() -> None:
    seen = view(live=(live(binding()), live(policy(), owner="other")))
    decision = decide(seen, NOW)
    assert writes(decision) == []
    assert (decision.verdict.reason, decision.verdict.outlook) == ("Conflict", Outlook.STUCK)
    assert "belongs to the inventory 'other'" in decision.verdict.message


def test_an_object_that_is_going_is_waited_for() -> None:
    going = live(policy())
    going["metadata"]["deletionTimestamp"] = "2026-03-02T11:00:00Z"
    decision = decide(view(live=(live(binding()), going)), NOW)
    assert (decision.verdict.reason, decision.verdict.outlook) == ("Waiting", Outlook.RETRYING)


def test_a_failed_apply_is_named_and_the_revision_is_not_recorded() -> None:
    seen = view(news=Fetched(SECOND, inventory(binding(), policy(), policy("day"))))
    decision = decide(seen, NOW)
    assert decision.plan is not None
    (change,) = decision.plan.to_apply
    failures: list[tuple[Change, str]] = [(change, "quota exceeded")]
    data = data_of(reported(seen, Outcome(failures=failures)))
    ready = next(each for each in json.loads(data["conditions"]) if each["type"] == "Ready")
    assert (ready["reason"], ready["message"]) == ("ApplyFailed", "ResourceLeasingPolicy/day: quota exceeded")
    assert "revision" not in data
