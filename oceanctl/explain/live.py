"""Finding in running clusters what a name means: which binding has a node of it, and where a policy belongs."""

import asyncio
from collections.abc import Sequence

from inventory.errors import OceanError
from oceanctl.explain.hub import Hub, hub_of, territory_of
from oceanctl.explain.names import UnknownNameError, ambiguous, node_names, unknown
from oceanctl.explain.territory import Territory
from oceanctl.explain.worker import node_names_in
from reconciler.bridge.nodes import node_name_of
from reconciler.kube.client import Client


async def node_place(client: Client, name: str, cluster: str | None) -> tuple[Territory, str]:
    """The territory with the node that is meant.

    Raises UnknownNameError with near names, or UsageMistakeError when several bindings have a node of this name.
    """
    hub = await hub_of(client)
    asked = _asked(hub, name, cluster)
    found = await asyncio.gather(*(territory_of(hub, binding, node) for binding, node in asked))
    places = [(territory, node) for territory, (_, node) in zip(found, asked, strict=True) if _has(territory, node)]
    if not places:
        raise await _nowhere(hub, name, found)
    if len(places) > 1:
        raise ambiguous(name, (territory.binding.name for territory, _ in places))
    return places[0]


async def policy_territory(client: Client, name: str) -> Territory:
    """The territory of a policy of the computing cluster, with all its nodes."""
    hub = await hub_of(client)
    seen = hub.policies.get(name)
    if seen is None:
        raise unknown("policy", name, hub.policies)
    cluster = seen.spec.get("cluster")
    if not isinstance(cluster, str) or cluster not in hub.bindings:
        raise OceanError(f"policy {name!r} is for binding {cluster!r}, which is not there: it lends nothing")
    return await territory_of(hub, cluster)


def _asked(hub: Hub, name: str, cluster: str | None) -> list[tuple[str, str]]:
    """Bindings to ask, and for which node."""
    if cluster is not None:
        hub.bound(cluster)
    wanted = [cluster] if cluster is not None else hub.valid_bindings()
    vnode = hub.vnodes.get(name)
    owners = [each for each in wanted if vnode and hub.bound(each)[1].identity.owns_vnode(vnode)]
    behind = node_name_of(vnode) if vnode else None
    if owners and behind:
        return [(owner, behind) for owner in owners]
    return [(each, _without_prefix(hub, each, name)) for each in wanted]


def _without_prefix(hub: Hub, binding: str, name: str) -> str:
    """The node behind the name that a vnode would have."""
    return name.removeprefix(f"vnode-{hub.bound(binding)[0].cluster_id}-")


def _has(territory: Territory, node: str) -> bool:
    return node in node_names(territory).values()


async def _nowhere(hub: Hub, name: str, asked: Sequence[Territory]) -> UnknownNameError:
    """What comes close, and which workers could not be asked."""
    silent = [territory.binding.name for territory in asked if territory.trouble]
    each = (node_names_in(hub.client, it.binding, hub.pinned_uid(it.binding.name)) for it in asked if not it.trouble)
    known = [found for names in await asyncio.gather(*each) for found in names]
    error = unknown("node", name, [*known, *hub.vnodes])
    return UnknownNameError(f"{error}; could not ask {', '.join(silent)}") if silent else error
