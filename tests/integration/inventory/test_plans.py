"""Plans against what a real API server says of managed fields: what was applied is done, and nothing else is touched."""

from typing import Any

from inventory.model import Inventory
from inventory.names import GIT_FIELD_MANAGER
from inventory.plan import Action, Change, plan
from reconciler.kube.client import Client
from reconciler.names import POLICIES
from tests.unit.inventory.repository import binding, policy, read

RICH = """\
  priority: 5
  noticeSeconds: 3
  nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: gpu, operator: Exists}]}]}
  timeWindows: [{start: "08:00", end: "09:00"}, {start: "10:00", end: "11:00"}]
  resourceLimits: [{resource: cpu, percent: 50}, {resource: memory, quantity: 1Gi}]
"""
LEAN = """\
  priority: 6
  timeWindows: [{start: "10:00", end: "11:30"}]
  resourceLimits: [{resource: pods, quantity: 5}, {resource: memory, quantity: 2Gi}]
"""


def inventory(name: str, extra: str) -> Inventory:
    found, problems = read({"b.yaml": binding("w"), "p.yaml": policy(name, "w", extra)})
    assert found is not None, problems
    return found


async def live(client: Client, name: str) -> dict[str, Any]:
    return dict(await client.get(POLICIES, name))


async def change_for(client: Client, name: str, extra: str) -> Change:
    made = plan(inventory(name, extra), [await live(client, name)], inventory_id="prod")
    (found,) = (change for change in made.changes if change.name == name)
    return found


async def apply(client: Client, name: str, extra: str) -> None:
    (located,) = inventory(name, extra).policies
    made = plan(inventory(name, extra), [], inventory_id="prod")
    (change,) = (each for each in made.changes if each.at == located.at)
    assert change.manifest is not None
    await client.apply(POLICIES, name, change.manifest, field_manager=GIT_FIELD_MANAGER)


def fields(change: Change) -> set[tuple[str, str]]:
    return {(each.op, each.field) for each in change.fields}


async def test_after_an_apply_nothing_is_left_to_do(client: Client, name: str) -> None:
    await apply(client, name, RICH)

    assert (await change_for(client, name, RICH)).action is Action.UNCHANGED


async def test_a_new_version_of_a_file_is_told_apart_and_then_carried_out(client: Client, name: str) -> None:
    await apply(client, name, RICH)

    assert fields(await change_for(client, name, LEAN)) == {
        ("remove", "spec.nodeSelector"),
        ("remove", "spec.noticeSeconds"),
        ("replace", "spec.priority"),
        ("remove", "spec.resourceLimits[cpu]"),
        ("replace", "spec.resourceLimits[memory].quantity"),
        ("add", "spec.resourceLimits[pods]"),
        ("replace", "spec.timeWindows[0].start"),
        ("replace", "spec.timeWindows[0].end"),
        ("remove", "spec.timeWindows[1]"),
    }
    await apply(client, name, LEAN)
    assert (await change_for(client, name, LEAN)).action is Action.UNCHANGED
    spec = (await live(client, name))["spec"]
    assert (spec["noticeSeconds"], "nodeSelector" in spec, spec["timeWindows"]) == (
        0,
        False,
        [{"start": "10:00", "end": "11:30"}],
    )


async def test_a_change_by_hand_is_drift_where_the_file_speaks_and_none_where_it_does_not(
    client: Client, name: str
) -> None:
    await apply(client, name, RICH)
    by_hand = {"priority": 7, "drainSeconds": 4, "resourceLimits": [{"resource": "cpu", "percent": 99}]}
    await client.patch(POLICIES, name, {"spec": by_hand})

    change = await change_for(client, name, RICH)

    assert {each.field for each in change.fields} == {
        "spec.priority",
        "spec.resourceLimits[cpu].percent",
        "spec.resourceLimits[memory]",
    }
    assert all(each.drift_by is not None for each in change.fields)
    await apply(client, name, RICH)
    assert (await change_for(client, name, RICH)).action is Action.UNCHANGED
    assert (await live(client, name))["spec"]["drainSeconds"] == 4


async def test_an_object_made_by_hand_is_adopted_with_what_it_has(client: Client, name: str) -> None:
    manifest = {"apiVersion": POLICIES.api_version, "kind": POLICIES.kind, "metadata": {"name": name}}
    await client.create(POLICIES, {**manifest, "spec": {"cluster": "w", "priority": 1, "drainSeconds": 9}})

    assert fields(await change_for(client, name, "  priority: 6\n")) == {
        ("add", "metadata.labels"),
        ("replace", "spec.priority"),
    }
    await apply(client, name, "  priority: 6\n")
    assert (await change_for(client, name, "  priority: 6\n")).action is Action.UNCHANGED
    assert (await live(client, name))["spec"]["drainSeconds"] == 9
