"""Supplies from running clusters: each worker's nodes, pods and policies, read through its binding; what cannot be read is left out and told."""

import asyncio
from collections.abc import Sequence

from inventory.errors import InvalidInventoryError
from inventory.model import Binding
from oceanctl.access import computing_cluster
from oceanctl.explain.hub import Hub, hub_of, territory_of
from oceanctl.explain.territory import Territory
from oceanctl.forecast.supply import Supply, supply_of
from oceanctl.shell import Shell
from reconciler.bottomup.load import LoadBook

Found = Supply | str
"""What a worker has to lend, or why nobody knows."""


async def live_supplies(shell: Shell, bindings: Sequence[Binding]) -> tuple[tuple[Supply, ...], tuple[str, ...]]:
    """What the workers have to lend now, and what has to be known of it."""
    async with computing_cluster(shell) as client:
        hub = await hub_of(client)
        with shell.screen.awaiting("the workers"):
            found = await asyncio.gather(*(supply_from(hub, binding) for binding in bindings))
    supplies = tuple(each for each in found if isinstance(each, Supply))
    notes = [each for each in found if isinstance(each, str)]
    notes += [
        f"{supply.binding.name}: its own policies cannot be listed, so it lends nothing new"
        for supply in supplies
        if supply.worker is None
    ]
    return supplies, tuple(notes)


async def supply_from(hub: Hub, binding: Binding) -> Found:
    """One worker's."""
    if binding.name not in hub.bindings:
        return f"{binding.name}: left out, it is not in the computing cluster yet"
    try:
        territory = await territory_of(hub, binding.name)
    except InvalidInventoryError:
        return f"{binding.name}: left out, its binding in the computing cluster is invalid"
    if territory.trouble:
        return f"{binding.name}: left out, it cannot be read: {territory.trouble}"
    worker = territory.sides.worker
    return supply_of(binding, territory.nodes.values(), _load(territory), None if worker is None else tuple(worker))


def _load(territory: Territory) -> LoadBook:
    book = LoadBook()
    for pods in territory.foreign_pods.values():
        for pod in pods:
            book.apply(None, pod)
    return book
