"""Comparing an inventory with a cluster, for `plan` and `apply` alike: what is live, what has to change, and what the server would refuse."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from inventory.codes import Code
from inventory.errors import InvalidInventoryError, Position, Problem
from inventory.model import Guards, Inventory
from inventory.plan import Change, Plan, plan
from oceanctl.access import cluster_uid
from oceanctl.output import Line
from oceanctl.sources import valid_inventory
from reconciler import names
from reconciler.gitops.carry import resource_of
from reconciler.gitops.live import live_objects
from reconciler.kube.calls import APPLY_PATCH
from reconciler.kube.client import Client
from reconciler.kube.errors import ConflictError, RejectedError

_AT_ONCE: Final = 8  # dry runs under way: enough to hide the distance, few enough for a busy server
_DRY_RUN: Final = {"fieldManager": names.GIT_FIELD_MANAGER, "force": "true", "dryRun": "All"}
_STYLES: Final = {"+": "green", "~": "yellow", "-": "red", "!": "magenta", "#": "cyan", "?": "cyan", "x": "bold red"}


@dataclass(frozen=True, slots=True)
class Desired:
    """An inventory that may be applied: valid, and with an ID that marks its objects."""

    folder: Path
    inventory: Inventory
    inventory_id: str
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """A plan and the cluster it was made for."""

    desired: Desired
    plan: Plan
    server: str
    cluster_uid: str


def read_desired(folder: Path) -> Desired:
    """The inventory of a folder.

    Raises InvalidInventoryError, also when there is no `inventory.id`: without it our objects cannot be told from others.
    """
    inventory, warnings = valid_inventory(folder)
    if inventory.id is None:
        hint = "write  inventory: {id: NAME}  into it, unique among the inventories of the computing cluster"
        at = Position("ocean.yaml")
        raise InvalidInventoryError([Problem(Code.MISSING, "'inventory.id' is missing", at, hint=hint)])
    return Desired(folder, inventory, inventory.id, warnings)


async def compare(client: Client, desired: Desired, approved: frozenset[str] = frozenset()) -> Compared:
    """The plan, with everything that the API server would refuse among its problems."""
    live = await live_objects(client)
    made = plan(desired.inventory, live, inventory_id=desired.inventory_id, approved=approved)
    refused = await _refusals(client, made)
    checked = replace(made, problems=(*made.problems, *refused))
    return Compared(desired, checked, client.server, await cluster_uid(client))


def with_limit(desired: Desired, limit: str | None) -> Desired:
    """The inventory with its guards replaced by `--max-delete`: a count (`5`) or a share (`30%`)."""
    if limit is None:
        return desired
    approve = desired.inventory.guards.approve
    if limit.endswith("%"):
        guards = replace(desired.inventory.guards, max_delete_percent=int(limit[:-1]))
    else:
        guards = Guards(max_delete=int(limit), max_delete_percent=100, approve=approve)
    return replace(desired, inventory=replace(desired.inventory, guards=guards))


def styled(line: str) -> Line:
    """A line of a rendered plan, coloured by its symbol."""
    style = _STYLES.get(line.strip()[:2].strip())
    return ((line, style),) if style and line.startswith("  ") else (line,)


def heading(compared: Compared) -> Line:
    """Whose plan this is, and for which cluster."""
    desired = compared.desired
    return ((f"inventory {desired.inventory_id}", "bold"), f" ({desired.folder}) -> {compared.server}")


def origin_document(compared: Compared) -> dict[str, Any]:
    """Where a plan comes from and goes to, as JSON."""
    return {
        "source": {"folder": str(compared.desired.folder)},
        "target": {"server": compared.server, "clusterUID": compared.cluster_uid},
    }


async def _refusals(client: Client, made: Plan) -> list[Problem]:
    """What a dry run of every create and update is refused for; nothing is sent when there is nothing to apply."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def tried(change: Change) -> Problem | None:
        async with limit:
            return await _refusal(client, change)

    async with asyncio.TaskGroup() as tasks:
        tries = [tasks.create_task(tried(change), name=f"dry run of {change.name}") for change in made.to_apply]
    return [problem for each in tries if (problem := each.result()) is not None]


async def _refusal(client: Client, change: Change) -> Problem | None:
    path = resource_of(change.kind).path(change.name)
    try:
        await client.request("PATCH", path, query=_DRY_RUN, body=change.manifest, content_type=APPLY_PATCH)
    except (RejectedError, ConflictError) as error:
        message = f"the API server refuses {change.kind} '{change.name}': {error}"
        return Problem(Code.REFUSED, message, _place(change, str(error)))
    return None


def _place(change: Change, message: str) -> Position:
    """The file's place of the first changed field that the server's message names, else that of the object."""
    named = [each.origin for each in change.fields if each.origin is not None and each.field in message]
    return named[0] if named else change.at or Position(change.name)


def guard_help(compared: Compared) -> str:
    """What somebody who wants the held deletions can do."""
    guard = compared.plan.guard
    if guard.token is None:
        return f"deletions are held: {guard.because}"
    return f"{len(compared.plan.held)} deletions are held: {guard.because}; to carry them out: oceanctl apply --approve {guard.token}"
