from typing import Any

import pytest

from inventory.plan import Plan, plan
from reconciler import names
from reconciler.decision import Action, Apply, Delete
from reconciler.gitops.carry import Outcome, carry_out
from reconciler.kube.errors import KubeError, RejectedError, TransientError
from tests.unit.reconciler.gitops.worlds import binding, inventory, live, policy

PLAN = plan(
    inventory(binding("east"), binding("west"), policy("night", "east"), policy("day", "west")),
    [live(policy("old-east", "east")), live(policy("old-west", "west"))],
    inventory_id="quick",
)


class Performing:
    """Refuses what it is told to refuse, and remembers what it was asked."""

    def __init__(self, **errors: KubeError) -> None:
        self.asked: list[str] = []
        self._errors = errors

    async def __call__(self, action: Action, because: str) -> Any:
        assert isinstance(action, Apply | Delete)
        assert because == "a reason"
        self.asked.append(f"{type(action).__name__.lower()} {action.target.name}")
        if error := self._errors.get(action.target.name.replace("-", "_")):
            raise error


async def carried(performing: Performing, what: Plan = PLAN) -> Outcome:
    return await carry_out(what, performing, "a reason")


async def test_bindings_come_before_their_policies_and_deletions_come_last() -> None:
    performing = Performing()
    await carried(performing)
    assert performing.asked == [
        "apply east",
        "apply night",
        "apply west",
        "apply day",
        "delete old-east",
        "delete old-west",
    ]


async def test_one_refused_object_does_not_keep_the_others_from_being_applied() -> None:
    outcome = await carried(Performing(night=RejectedError("quota exceeded", status=403)))
    assert [change.name for change in outcome.done] == ["east", "west", "day", "old-west"]


async def test_nothing_is_deleted_of_a_binding_in_which_something_failed() -> None:
    outcome = await carried(Performing(night=RejectedError("quota exceeded", status=403)))
    assert [(change.name, text) for change, text in outcome.failures] == [
        ("night", "quota exceeded"),
        ("old-east", "not deleted, because something else of its binding failed"),
    ]


async def test_an_outage_ends_it() -> None:
    performing = Performing(night=TransientError("timeout"))
    outcome = await carried(performing)
    assert performing.asked == ["apply east", "apply night"]
    assert [change.name for change in outcome.untried] == ["west", "day", "old-east", "old-west"]


async def test_a_server_error_about_one_object_is_no_outage() -> None:
    performing = Performing(night=TransientError("webhook failed", status=500))
    outcome = await carried(performing)
    assert "apply day" in performing.asked
    assert outcome.untried == []


async def test_an_interruption_leaves_the_rest_untried() -> None:
    performing = Performing()
    outcome = await carry_out(PLAN, performing, "a reason", lambda: len(performing.asked) == 2)
    assert performing.asked == ["apply east", "apply night"]
    assert len(outcome.untried) == 4


async def test_an_apply_carries_the_whole_intent_and_a_delete_the_uid() -> None:
    actions: list[Action] = []

    async def perform(action: Action, because: str) -> None:  # the name is part of the protocol
        assert because
        actions.append(action)

    await carry_out(PLAN, perform, "a reason")
    first, last = actions[0], actions[-1]
    assert isinstance(first, Apply)
    assert first.manifest["metadata"]["labels"] == {names.INVENTORY_ID: "quick"}
    assert isinstance(last, Delete)
    assert (last.target.resource, last.target.uid) == (names.POLICIES, "uid-old-west")


@pytest.mark.parametrize("kind", ["to_apply", "to_delete"])
def test_the_plan_of_these_tests_has_both_kinds_of_change(kind: str) -> None:
    assert getattr(PLAN, kind)
