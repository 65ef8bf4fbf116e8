"""The command line: parse argv to an Invocation, run it, and turn whatever comes out into an exit code and a message."""

import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any, Final

import typer

from inventory.errors import InvalidInventoryError
from oceanctl.commands import apply, demo, explain, plan, sandbox, status, validate
from oceanctl.commands import forecast as forecast_command
from oceanctl.commands import version as version_command
from oceanctl.commands import windows as windows_command
from oceanctl.errors import ExitCode, InvalidFilesError, cause_of, exit_code_for
from oceanctl.options import Globals, Invocation, parser_for, with_parameters_of
from oceanctl.output import Color, Screen, Volume
from oceanctl.problems import render_problems, tally
from oceanctl.shell import Interrupts, Shell

PROGRAM: Final = "oceanctl"
_HELP_NAMES: Final = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True, slots=True)
class _RootOptions:
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code and never raises."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        parsed = _parse(arguments)
        return _run(parsed) if isinstance(parsed, Invocation) else parsed
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # below the ^C that the terminal shows
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the flush at exit must not fail again
        return ExitCode.BROKEN_PIPE


def app() -> typer.Typer:
    """Every command; help is boxed and coloured for a terminal only."""
    markup: Any = (
        "rich" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" else None
    )
    root = _group(
        markup, help="Lend idle capacity of worker clusters to a computing cluster, as a Git repository says."
    )
    root.callback(invoke_without_command=True, result_callback=_joined)(
        with_parameters_of(_alone, _RootOptions, Globals)
    )
    _add(root, "validate", validate.run, validate.Options)
    _add(root, "plan", plan.run, plan.Options)
    _add(root, "apply", apply.run, apply.Options)
    _add(root, "status", status.run, status.Options)
    _add(root, "windows", windows_command.run, windows_command.Options)
    _add(root, "forecast", forecast_command.run, forecast_command.Options)
    reasons = _group(markup, help="Why things are as they are: the reconciler's rules, step by step.")
    _add(reasons, "node", explain.node, explain.NodeOptions)
    _add(reasons, "policy", explain.policy, explain.PolicyOptions)
    _add(reasons, "pod", explain.pod, explain.PodOptions)
    root.add_typer(reasons, name="explain")
    local = _group(markup, help="Real control planes with simulated nodes on this machine.")
    _add(local, "up", sandbox.up, sandbox.UpOptions)
    _add(local, "down", sandbox.down, sandbox.DownOptions)
    _add(local, "status", sandbox.status, sandbox.StatusOptions)
    root.add_typer(local, name="sandbox")
    _add(root, "demo", demo.run, demo.Options)
    _add(root, "version", version_command.run, version_command.Options)
    return root


def _group(markup: Any, **settings: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=markup,
        pretty_exceptions_enable=False,
        context_settings=_HELP_NAMES,
        **settings,
    )


def _add(group: typer.Typer, name: str, run: Callable[[Shell, Any], ExitCode], options: type) -> None:
    group.command(name, help=run.__doc__)(parser_for(run, options))


def _alone(*, version: bool, **_given: Any) -> Invocation[Any] | None:
    """What the program does without a command: nothing, but for --version."""
    return Invocation(version_command.run, version_command.Options(), Globals()) if version else None


def _joined(parsed: Invocation[Any] | None, *, version: bool, **given: Any) -> Invocation[Any] | None:
    """Global options typed before the command reach it here."""
    return _alone(version=version) if parsed is None or version else parsed.within(Globals(**given))


def _parse(arguments: list[str]) -> Invocation[Any] | ExitCode:
    command = typer.main.get_command(app())
    try:
        parsed = command.main(arguments, prog_name=PROGRAM, standalone_mode=False)
        if parsed is None:
            command.main(["--help"], prog_name=PROGRAM, standalone_mode=False)
            return ExitCode.USAGE
    except typer.TyperException as mistake:
        _explain(mistake)
        return ExitCode.USAGE
    return parsed if isinstance(parsed, Invocation) else ExitCode.OK  # 0 after --help


def _explain(mistake: typer.TyperException) -> None:
    screen = Screen(sys.stdout, sys.stderr)
    screen.error(_wording(mistake))
    context = getattr(mistake, "ctx", None)
    screen.note(f"Try '{context.command_path if context else PROGRAM} --help'.")


def _wording(mistake: typer.TyperException) -> str:
    near = getattr(mistake, "possibilities", None)
    if near:
        return f"{mistake.message}. Did you mean {near[0]!r}?"
    return mistake.format_message().replace(": Value error, ", ": ")


def _run(invocation: Invocation[Any]) -> int:
    screen = _screen_for(invocation.given)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return invocation.run(_shell_for(screen, invocation.given), invocation.options)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, a person gets a sentence and a script a code
        return _report(screen, cause_of(error))


def _report(screen: Screen, error: Exception) -> ExitCode:
    code = exit_code_for(error)
    screen.detail("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, InvalidInventoryError | InvalidFilesError):
        for line in render_problems(error.problems):
            screen.note(*line)
        subject = "the inventory is" if isinstance(error, InvalidInventoryError) else "files are"
        screen.error(f"{subject} invalid: {tally(error.problems)}")
    elif code is ExitCode.INTERNAL:
        screen.error(f"internal error, please report it: {type(error).__name__}: {error}")
        screen.note("Run the command again with -v to see where it happened.")
    else:
        screen.error(_sentence(error))
    return code


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _screen_for(given: Globals) -> Screen:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an ASCII terminal must not turn a name into a crash
    is_dumb = os.environ.get("TERM") == "dumb" and given.color is not Color.ALWAYS
    color = Color.NEVER if os.environ.get("NO_COLOR") or is_dumb else given.color or Color.AUTO
    volume = Volume.VERBOSE if given.verbose else Volume.QUIET if given.quiet else Volume.NORMAL
    return Screen(sys.stdout, sys.stderr, color, volume)


def _shell_for(screen: Screen, given: Globals) -> Shell:
    return Shell(
        screen=screen,
        interrupts=Interrupts(screen),
        inventory=given.inventory,
        kubeconfig=given.kubeconfig,
        context=given.context,
        may_ask=not given.no_input,
    )


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
