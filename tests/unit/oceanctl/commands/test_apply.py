from typing import Any

import pytest

from inventory.plan import Change, Plan, plan
from oceanctl.commands.apply import exit_code_of, recap_of, render_recap
from oceanctl.errors import ExitCode
from oceanctl.output import plain
from reconciler.gitops.carry import Outcome
from reconciler.kube.errors import TransientError
from tests.unit.reconciler.gitops.worlds import binding, inventory, live, policy

DRIFTED = live(policy("drifted", "east"))
DRIFTED["spec"]["priority"] = 9
DRIFTED["metadata"]["managedFields"].append(
    {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:priority": {}}}}
)
WANTED = inventory(
    binding("east"),
    binding("west"),
    policy("drifted", "east", priority=1),
    policy("new", "west"),
    policy("taken", "west"),
)
KEPT = live(policy("kept", "west"), annotations={"kubeocean.io/prune": "disabled"})
LIVE = [live(binding("east")), live(binding("west")), DRIFTED, live(policy("taken", "west"), owner="other"), KEPT]


def planned(*more_live: Any) -> Plan:
    return plan(WANTED, [*LIVE, *more_live], inventory_id="quick")


def outcome_of(made: Plan, **failures: str) -> Outcome:
    """Everything done but what is named."""
    changes = [*made.to_apply, *made.to_delete]
    failed: list[tuple[Change, str]] = [(each, failures[each.name]) for each in changes if each.name in failures]
    return Outcome(done=[each for each in changes if each.name not in failures], failures=failed)


def test_the_recap_counts_per_cluster() -> None:
    made = planned()
    assert recap_of(made, outcome_of(made)) == {
        "east": {"ok": 2, "changed": 1, "reverted": 1, "failed": 0, "protected": 0, "held": 0},
        "west": {"ok": 2, "changed": 1, "reverted": 0, "failed": 1, "protected": 1, "held": 0},
    }


def test_what_failed_is_not_ok() -> None:
    made = planned()
    east = recap_of(made, outcome_of(made, drifted="quota exceeded"))["east"]
    assert east == {"ok": 1, "changed": 0, "reverted": 0, "failed": 1, "protected": 0, "held": 0}


def test_the_recap_is_a_line_per_cluster() -> None:
    made = planned()
    assert [plain(line) for line in render_recap(made, outcome_of(made))] == [
        "",
        "east : ok=2 changed=1 reverted=1 failed=0 protected=0 held=0",
        "west : ok=2 changed=1 reverted=0 failed=1 protected=1 held=0",
    ]


CLEAN = plan(inventory(binding("east")), [live(binding("east"))], inventory_id="quick")
GROWING = plan(inventory(binding("east"), policy("a"), policy("b")), [live(binding("east"))], inventory_id="quick")
HELD = plan(
    inventory(binding("east")),
    [live(binding("east")), *(live(policy(f"p{n}")) for n in range(11))],
    inventory_id="quick",
)


@pytest.mark.parametrize(
    ("made", "outcome", "code"),
    [
        pytest.param(CLEAN, Outcome(), ExitCode.OK, id="nothing to do"),
        pytest.param(GROWING, outcome_of(GROWING), ExitCode.OK, id="all done"),
        pytest.param(GROWING, outcome_of(GROWING, b="no"), ExitCode.PARTIAL, id="half done"),
        pytest.param(GROWING, outcome_of(GROWING, a="no", b="no"), ExitCode.FAILED, id="all refused"),
        pytest.param(
            GROWING,
            Outcome(untried=list(GROWING.to_apply), outage=TransientError("gone")),
            ExitCode.TEMPORARY,
            id="outage",
        ),
        pytest.param(GROWING, Outcome(untried=list(GROWING.to_apply)), ExitCode.FAILED, id="interrupted at once"),
        pytest.param(HELD, Outcome(), ExitCode.REFUSED, id="held"),
        pytest.param(planned(), Outcome(), ExitCode.FAILED, id="conflict"),
        pytest.param(planned(), outcome_of(planned()), ExitCode.PARTIAL, id="conflict among others"),
    ],
)
def test_the_exit_code_of_an_apply(made: Plan, outcome: Outcome, code: ExitCode) -> None:
    assert exit_code_of(made, outcome) is code
