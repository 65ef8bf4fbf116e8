"""`oceanctl sandbox up|down|status`."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from oceanctl.demo.stage import DEMO_FOLDER
from oceanctl.errors import ExitCode
from oceanctl.formats import Format, OutputOption
from oceanctl.output import Line, Part
from oceanctl.sandbox.sandbox import ClusterStatus, Sandbox, SandboxStatus, Shape, default_folder
from oceanctl.shell import Shell
from oceanctl.tables import columns

StateDirOption = Annotated[
    Path | None,
    typer.Option("--state-dir", metavar="DIR", help="Where the sandbox lives; by default .state/sandbox."),
]


@dataclass(frozen=True, slots=True)
class UpOptions:
    """Options of `up`. None leaves the size that a sandbox has."""

    workers: Annotated[int | None, typer.Option(min=1, max=20, help="Worker clusters (default: 2).")] = None
    nodes: Annotated[int | None, typer.Option(min=1, max=1000, help="Simulated nodes per worker (default: 3).")] = None
    real_nodes: Annotated[
        int | None,
        typer.Option(min=0, max=20, help="Further nodes per worker with a kubelet and containers; needs root."),
    ] = None
    state_dir: StateDirOption = None
    output: OutputOption = Format.TEXT


@dataclass(frozen=True, slots=True)
class DownOptions:
    """Options of `down`."""

    state_dir: StateDirOption = None


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """Options of `status`."""

    state_dir: StateDirOption = None
    output: OutputOption = Format.TEXT


def up(shell: Shell, options: UpOptions) -> ExitCode:
    """Start the sandbox, or what is missing of it. One computing cluster, and worker clusters with simulated nodes."""
    sandbox = sandbox_in(options.state_dir)
    before = sandbox.shape or Shape()
    wanted = replace(
        before,
        workers=options.workers or before.workers,
        nodes=options.nodes or before.nodes,
        real_nodes=before.real_nodes if options.real_nodes is None else options.real_nodes,
    )
    with shell.screen.awaiting("the sandbox"):
        status = sandbox.up(wanted, shell.screen.say)
    _show(shell, status, options.output)
    return ExitCode.OK if status.is_up else ExitCode.UNHEALTHY


def down(shell: Shell, options: DownOptions) -> ExitCode:
    """Stop the sandbox and delete all of it."""
    sandbox = sandbox_in(options.state_dir)
    is_there = sandbox.folder.is_dir() and any(sandbox.folder.iterdir())
    with shell.screen.awaiting("the programs of the sandbox to end"):
        sandbox.down(shell.screen.say)
        shutil.rmtree(sandbox.folder / DEMO_FOLDER, ignore_errors=True)  # of a demo that was kept
    shell.screen.result(
        f"The sandbox in {sandbox.folder} is gone." if is_there else f"There is no sandbox in {sandbox.folder}."
    )
    return ExitCode.OK


def status(shell: Shell, options: StatusOptions) -> ExitCode:
    """Show the sandbox and where its kubeconfigs are. The exit code is 7 unless all of it is up."""
    seen = sandbox_in(options.state_dir).status()
    _show(shell, seen, options.output)
    return ExitCode.OK if seen.is_up else ExitCode.UNHEALTHY


def sandbox_in(folder: Path | None) -> Sandbox:
    """The sandbox in a folder, by default in the usual one."""
    return Sandbox((folder or default_folder()).absolute())


def render(status: SandboxStatus) -> Iterator[Line]:
    """Clusters as a table, and what does not run."""
    if not status.clusters:
        yield (f"There is no sandbox in {status.folder}; 'oceanctl sandbox up' starts one.",)
        return
    yield from columns(["CLUSTER", "STATE", "NODES", "KUBECONFIG"], [_row(cluster) for cluster in status.clusters])
    for cluster in status.clusters:
        missing = _missing(cluster)
        if missing:
            yield (f"{cluster.name}: not running or not ready: {', '.join(missing)}",)


def status_document(status: SandboxStatus) -> dict[str, Any]:
    """The sandbox as JSON."""
    return {
        "folder": str(status.folder),
        "up": status.is_up,
        "clusters": [
            {
                "name": cluster.name,
                "server": cluster.server,
                "kubeconfig": str(cluster.kubeconfig),
                "programs": cluster.programs,
                "nodes": cluster.nodes,
            }
            for cluster in status.clusters
        ],
    }


def _show(shell: Shell, status: SandboxStatus, output: Format) -> None:
    if output is Format.JSON:
        shell.screen.document(status_document(status))
        return
    for line in render(status):
        shell.screen.result(*line)


def _row(cluster: ClusterStatus) -> list[Part]:
    state: Part = ("up", "green") if cluster.is_up else ("down", "red")
    ready = sum(cluster.nodes.values())
    return [cluster.name, state, f"{ready}/{len(cluster.nodes)}" if cluster.nodes else "", str(cluster.kubeconfig)]


def _missing(cluster: ClusterStatus) -> list[str]:
    return [name for parts in (cluster.programs, cluster.nodes) for name, is_well in parts.items() if not is_well]
