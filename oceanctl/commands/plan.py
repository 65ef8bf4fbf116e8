"""`oceanctl plan`: what an inventory would change in the cluster."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

import typer

from inventory.render import to_json, to_text
from oceanctl.access import computing_cluster
from oceanctl.errors import ExitCode
from oceanctl.formats import Format, OutputOption
from oceanctl.planning import Compared, Desired, compare, heading, origin_document, read_desired, styled
from oceanctl.problems import render_problems
from oceanctl.shell import Shell


@dataclass(frozen=True, slots=True)
class Options:
    """Its options."""

    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there is something to change.")
    ] = False
    output: OutputOption = Format.TEXT


def run(shell: Shell, options: Options) -> ExitCode:
    """Show what an inventory would change. Nothing is written to the computing cluster."""
    desired = read_desired(shell.inventory_folder())
    for line in render_problems(desired.warnings):
        shell.screen.note(*line)
    compared = asyncio.run(_compared(shell, desired))
    show(shell, compared, options.output)
    if compared.plan.problems:
        return ExitCode.FAILED
    is_different = compared.plan.has_changes or bool(compared.plan.held)
    return ExitCode.CHANGES if options.detailed_exitcode and is_different else ExitCode.OK


def show(shell: Shell, compared: Compared, output: Format) -> None:
    """The plan as the result of the command."""
    if output is Format.JSON:
        shell.screen.document({**to_json(compared.plan), **origin_document(compared)})
        return
    shell.screen.result(*heading(compared))
    for line in to_text(compared.plan).splitlines():
        shell.screen.result(*styled(line))


async def _compared(shell: Shell, desired: Desired) -> Compared:
    async with computing_cluster(shell) as client:
        with shell.screen.awaiting(f"the plan for {client.server}"):
            return await compare(client, desired)
