"""`oceanctl validate`: everything that is wrong with an inventory, at once and offline."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from inventory.errors import Problem, Severity
from inventory.model import Inventory
from oceanctl.errors import ExitCode, UsageMistakeError
from oceanctl.formats import Format, OutputOption
from oceanctl.output import Line
from oceanctl.problems import counted, problem_document, render_problems, tally
from oceanctl.shell import Shell
from oceanctl.sources import read_folder


@dataclass(frozen=True, slots=True)
class Options:
    """Its options."""

    path: Annotated[
        Path | None, typer.Argument(metavar="[PATH]", help="The inventory's folder; the same as --inventory.")
    ] = None
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for errors.")] = False
    output: OutputOption = Format.TEXT


def run(shell: Shell, options: Options) -> ExitCode:
    """Check an inventory offline. Syntax, fields, values, and the files against each other: every problem at once."""
    folder = _existing(options.path) if options.path is not None else shell.inventory_folder()
    inventory, problems = read_folder(folder)
    is_valid = inventory is not None and not (options.strict and problems)
    if options.output is Format.JSON:
        shell.screen.document(_document(inventory, problems, is_valid=is_valid))
    else:
        for line in render_problems(problems, _from_here(folder)):
            shell.screen.result(*line)
        shell.screen.result(*_summary(inventory, problems, is_valid=is_valid))
    return ExitCode.OK if is_valid else ExitCode.INVALID


def _existing(path: Path) -> Path:
    if not path.is_dir():
        raise UsageMistakeError(
            f"{path}: {'not a folder; name the one that holds the inventory' if path.exists() else 'no such folder'}"
        )
    return path


def _summary(inventory: Inventory | None, problems: Sequence[Problem], *, is_valid: bool) -> Line:
    if inventory is None:
        return (("invalid", "bold red"), f": {tally(problems)}")
    verdict = ("valid", "bold green") if is_valid else ("invalid because of --strict", "bold red")
    bindings = counted(len(inventory.bindings), "binding")
    policies = counted(len(inventory.policies), "policy", "policies")
    return (verdict, f": {bindings}, {policies}, {tally(problems)}")


def _from_here(folder: Path) -> Path:
    """As one would type it here, so that a click on `file:line` finds the file."""
    return Path(os.path.relpath(folder))


def _document(inventory: Inventory | None, problems: Sequence[Problem], *, is_valid: bool) -> dict[str, Any]:
    return {
        "valid": is_valid,
        "inventory": inventory.id if inventory else None,
        "problems": [problem_document(problem) for problem in problems],
        "summary": {
            "errors": sum(problem.severity is Severity.ERROR for problem in problems),
            "warnings": sum(problem.severity is Severity.WARNING for problem in problems),
            "bindings": len(inventory.bindings) if inventory else None,
            "policies": len(inventory.policies) if inventory else None,
        },
    }
