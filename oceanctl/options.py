"""From argv to a value: every command's options are a dataclass, and the global ones may stand before or after the command.

The command line is parsed completely before anything runs: parsing yields an Invocation, running it is `cli`'s business.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, Generic, TypeVar, get_type_hints

import typer

from oceanctl.errors import ExitCode
from oceanctl.output import Color
from oceanctl.shell import Shell

_PANEL: Final = "Global options"

OptionsT = TypeVar("OptionsT")


@dataclass(frozen=True, slots=True)
class Globals:
    """What every command understands; None and 0 mean that nothing was said."""

    inventory: Annotated[
        Path | None,
        typer.Option(
            "--inventory",
            metavar="DIR",
            help="The inventory's folder; by default the nearest one upwards with inventory.yaml or ocean.yaml.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            "--kubeconfig",
            metavar="FILE",
            help="How to reach the computing cluster; by default $KUBECONFIG or ~/.kube/config.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="NAME", help="The context of the kubeconfig to use.", rich_help_panel=_PANEL),
    ] = None
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only results and errors.", rich_help_panel=_PANEL)] = (
        False
    )
    verbose: Annotated[
        bool,
        typer.Option("-v", "--verbose", help="Details, and the trace of an internal error.", rich_help_panel=_PANEL),
    ] = False
    color: Annotated[
        Color | None,
        typer.Option("--color", help="When to colour (default: auto); NO_COLOR wins.", rich_help_panel=_PANEL),
    ] = None
    no_input: Annotated[
        bool, typer.Option("--no-input", help="Never ask; fail where an answer is needed.", rich_help_panel=_PANEL)
    ] = False

    def or_else(self, others: "Globals") -> "Globals":
        """What was said here, and of the rest what was said there."""
        return Globals(*(getattr(self, f.name) or getattr(others, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Of commands that have none of their own."""


@dataclass(frozen=True, slots=True)
class Invocation(Generic[OptionsT]):
    """One command with everything that was typed."""

    run: Callable[[Shell, OptionsT], ExitCode]
    options: OptionsT
    given: Globals

    def within(self, outer: Globals) -> "Invocation[OptionsT]":
        """The same with the global options typed before the command; those typed after it win."""
        return Invocation(self.run, self.options, self.given.or_else(outer))


def parser_for(
    run: Callable[[Shell, OptionsT], ExitCode], options: type[OptionsT]
) -> Callable[..., Invocation[OptionsT]]:
    """What typer calls: a function whose parameters are the fields of `options` and of Globals, and which only packs them up."""
    own = _names(options)

    def pack(**given: Any) -> Invocation[OptionsT]:
        return Invocation(
            run,
            options(**{name: given[name] for name in own}),
            Globals(**{name: value for name, value in given.items() if name not in own}),
        )

    return with_parameters_of(pack, options, Globals)


def with_parameters_of(function: Callable[..., Any], *kinds: type) -> Callable[..., Any]:
    """Let `function`, which takes keywords, show the fields of dataclasses as its parameters."""
    parameters = [parameter for kind in kinds for parameter in _parameters(kind)]
    vars(function)["__signature__"] = inspect.Signature(parameters)  # what inspect.signature reads first
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return function


def _names(kind: type) -> list[str]:
    return [f.name for f in fields(kind)]


def _parameters(kind: type) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=_default(f), annotation=hints[f.name])
        for f in fields(kind)
    ]


def _default(described: Field[Any]) -> Any:
    return inspect.Parameter.empty if described.default is MISSING else described.default
