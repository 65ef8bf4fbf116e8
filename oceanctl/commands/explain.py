"""`oceanctl explain`: why a node is lent or is not, what a policy does, why a pod waits or ended."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from inventory.errors import OceanError
from inventory.model import Inventory
from oceanctl.access import computing_cluster
from oceanctl.errors import ExitCode, UsageMistakeError
from oceanctl.explain.files import territories_from
from oceanctl.explain.live import node_place, policy_territory
from oceanctl.explain.names import places_of, the_one_that_counts, unknown
from oceanctl.explain.node import NodeExplanation, explain_node
from oceanctl.explain.pod import PodExplanation, explain_pod
from oceanctl.explain.pods import placement_of
from oceanctl.explain.policy import PolicyExplanation, explain_policy
from oceanctl.explain.render import render_node, render_pod, render_policy
from oceanctl.explain.territory import Territory, case_of
from oceanctl.formats import Format, OutputOption
from oceanctl.instants import AtOption, instant_from
from oceanctl.output import Line
from oceanctl.problems import render_problems
from oceanctl.shell import Shell
from oceanctl.sources import valid_inventory

ClusterOption = Annotated[
    str | None, typer.Option("--cluster", metavar="NAME", help="The ClusterBinding whose node is meant.")
]
NodesOption = Annotated[
    Path | None,
    typer.Option(
        "--nodes",
        metavar="FILE",
        help="Ask no cluster: the nodes of a worker, as 'kubectl get nodes -o yaml' prints them, and the inventory.",
    ),
]
PodsOption = Annotated[
    Path | None,
    typer.Option(
        "--pods", metavar="FILE", help="With --nodes: the pods, as 'kubectl get pods -A -o yaml' prints them."
    ),
]


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """Of `explain node`."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="A node of a worker cluster, or a vnode.")]
    cluster: ClusterOption = None
    nodes: NodesOption = None
    pods: PodsOption = None
    at: AtOption = None
    output: OutputOption = Format.TEXT


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """Of `explain policy`."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="A ResourceLeasingPolicy.")]
    nodes: NodesOption = None
    pods: PodsOption = None
    at: AtOption = None
    output: OutputOption = Format.TEXT


@dataclass(frozen=True, slots=True)
class PodOptions:
    """Of `explain pod`."""

    name: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="A pod of the computing cluster.")]
    output: OutputOption = Format.TEXT


def node(shell: Shell, options: NodeOptions) -> ExitCode:
    """Explain why a node is lent, or is not. Every rule in order, with what went in and what came out."""
    now = instant_from(options.at)
    if _is_offline(options):
        found = _node_in_files(shell, options, now)
    else:
        found = asyncio.run(_node_live(shell, options, now))
    return _shown(shell, options.output, found.document(), render_node(found))


def policy(shell: Shell, options: PolicyOptions) -> ExitCode:
    """Explain what a policy does. When it is open, which nodes it lends, and which it loses to whom."""
    now = instant_from(options.at)
    if _is_offline(options):
        found = _policy_in_files(shell, options, now)
    else:
        found = asyncio.run(_policy_live(shell, options, now))
    return _shown(shell, options.output, found.document(), render_policy(found))


def pod(shell: Shell, options: PodOptions) -> ExitCode:
    """Explain why a pod waits, runs or has ended. What both clusters show of it, and what the reconciler makes of that."""
    namespace, _, name = options.name.partition("/")
    if not namespace or not name or "/" in name:
        raise UsageMistakeError(f"{options.name!r} is no pod's full name: write NAMESPACE/NAME, like default/web")
    now = instant_from(None)
    found = asyncio.run(_pod_live(shell, options.name, now))
    return _shown(shell, options.output, found.document(), render_pod(found))


def _is_offline(options: NodeOptions | PolicyOptions) -> bool:
    if options.pods is not None and options.nodes is None:
        raise UsageMistakeError("--pods goes with --nodes FILE; without both, the clusters are asked")
    return options.nodes is not None


def _node_in_files(shell: Shell, options: NodeOptions, now: datetime) -> NodeExplanation:
    territories = territories_from(_inventory(shell), *_files(shell, options), options.cluster)
    places = places_of(options.name, territories)
    return the_one_that_counts([_explained(territory, name, now) for territory, name in places])


def _policy_in_files(shell: Shell, options: PolicyOptions, now: datetime) -> PolicyExplanation:
    inventory = _inventory(shell)
    clusters = {located.value.name: located.value.cluster for located in inventory.policies}
    if options.name not in clusters:
        raise unknown("policy", options.name, clusters)
    (territory,) = territories_from(inventory, *_files(shell, options), clusters[options.name])
    return explain_policy(territory, options.name, now)


async def _node_live(shell: Shell, options: NodeOptions, now: datetime) -> NodeExplanation:
    async with computing_cluster(shell) as client:
        with shell.screen.awaiting(f"the clusters that may have {options.name}"):
            territory, name = await node_place(client, options.name, options.cluster)
    return _explained(territory, name, now)


async def _policy_live(shell: Shell, options: PolicyOptions, now: datetime) -> PolicyExplanation:
    async with computing_cluster(shell) as client:
        with shell.screen.awaiting(f"the cluster of {options.name}"):
            territory = await policy_territory(client, options.name)
    return explain_policy(territory, options.name, now)


async def _pod_live(shell: Shell, key: str, now: datetime) -> PodExplanation:
    async with computing_cluster(shell) as client:
        with shell.screen.awaiting(f"what both clusters show of {key}"):
            placement = await placement_of(client, key, now)
    return explain_pod(placement, now)


def _explained(territory: Territory, node_name: str, now: datetime) -> NodeExplanation:
    case = case_of(territory, node_name, now)
    if case is None:
        raise OceanError(f"node {node_name!r} has just gone; try again")
    return explain_node(case, now)


def _inventory(shell: Shell) -> Inventory:
    inventory, warnings = valid_inventory(shell.inventory_folder())
    for line in render_problems(warnings):
        shell.screen.note(*line)
    return inventory


def _files(shell: Shell, options: NodeOptions | PolicyOptions) -> tuple[Path, Path | None]:
    if options.nodes is None:
        raise UsageMistakeError("--nodes FILE is missing")
    if options.pods is None:
        shell.screen.warn("without --pods nothing counts as taken: what is lent may be less")
    return options.nodes, options.pods


def _shown(shell: Shell, output: Format, document: dict[str, Any], lines: Iterable[Line]) -> ExitCode:
    if output is Format.JSON:
        shell.screen.document(document)
        return ExitCode.OK
    for line in lines:
        shell.screen.result(*line)
    return ExitCode.OK
