"""`oceanctl windows`: when the policies of an inventory open and close."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated

import typer

from inventory.calendar import calendar_of
from inventory.model import Inventory, Policy
from oceanctl.errors import ExitCode, UsageMistakeError
from oceanctl.instants import AtOption, HorizonOption, horizon_from
from oceanctl.problems import render_problems
from oceanctl.shell import Shell
from oceanctl.sources import valid_inventory
from oceanctl.windows.document import calendar_document
from oceanctl.windows.ics import to_ics
from oceanctl.windows.table import render


class WindowsFormat(StrEnum):
    """For a person, a program or a calendar."""

    TABLE = "table"
    JSON = "json"
    ICS = "ics"


@dataclass(frozen=True, slots=True)
class Options:
    """Its options."""

    policies: Annotated[
        list[str] | None, typer.Argument(metavar="[POLICY]...", help="Only these policies; by default all.")
    ] = None
    at: AtOption = None
    horizon: HorizonOption = "14d"
    output: Annotated[WindowsFormat, typer.Option("-o", "--output", help="How to print the result.")] = (
        WindowsFormat.TABLE
    )


def run(shell: Shell, options: Options) -> ExitCode:
    """Show when the policies of an inventory open and close. Works on files alone."""
    begin, end = horizon_from(options.at, options.horizon)
    inventory, warnings = valid_inventory(shell.inventory_folder())
    for line in render_problems(warnings):
        shell.screen.note(*line)
    calendars = [calendar_of(policy, begin, end) for policy in chosen(inventory, options.policies or ())]
    match options.output:
        case WindowsFormat.JSON:
            shell.screen.documents([calendar_document(calendar) for calendar in calendars])
        case WindowsFormat.ICS:
            shell.screen.raw(to_ics(calendars, inventory.id, begin))
        case WindowsFormat.TABLE:
            for line in render(calendars, begin, end):
                shell.screen.result(*line)
    return ExitCode.OK


def chosen(inventory: Inventory, wanted: Sequence[str]) -> list[Policy]:
    """The policies of these names, or all, by name; what a suspended binding holds is suspended.

    Raises UsageMistakeError for a name that no policy has.
    """
    suspended = {located.value.name for located in inventory.bindings if located.value.suspend}
    by_name = {
        policy.name: replace(policy, suspend=policy.suspend or policy.cluster in suspended)
        for policy in (located.value for located in inventory.policies)
    }
    for name in wanted:
        if name not in by_name:
            close = get_close_matches(name, by_name, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(sorted(by_name)) or 'none'}"
            raise UsageMistakeError(f"no policy {name!r} in the inventory; {hint}")
    return [by_name[name] for name in sorted(set(wanted) or by_name)]
