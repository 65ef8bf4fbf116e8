"""`oceanctl demo`."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from inventory.errors import OceanError
from oceanctl.commands.sandbox import StateDirOption, sandbox_in
from oceanctl.demo import steps
from oceanctl.demo.narrator import Narrator
from oceanctl.demo.stage import EXAMPLE, Stage
from oceanctl.errors import ExitCode, UsageMistakeError
from oceanctl.sandbox.sandbox import default_folder
from oceanctl.shell import Shell

_STEPS: Final = (steps.bring_up, steps.publish, steps.change, steps.compute, steps.reclaim)
_LAST_LINES: Final = 10
_LONGEST_LINE: Final = 300  # a traceback in a JSON line fills a screen


@dataclass(frozen=True, slots=True)
class Options:
    """Its options."""

    keep: Annotated[bool, typer.Option("--keep", help="Leave the sandbox and the reconciler running.")] = False
    state_dir: StateDirOption = None


def run(shell: Shell, options: Options) -> ExitCode:
    """Run the main job in a sandbox, step by step. Lend, compute and reclaim, with every step explained."""
    if not EXAMPLE.is_dir():
        raise UsageMistakeError(
            "the demo needs a checkout of the repository: there is no examples/quickstart beside this program"
        )
    sandbox = sandbox_in(options.state_dir or default_folder().with_name("demo"))
    if sandbox.shape is not None:
        raise UsageMistakeError(
            f"there is a sandbox in {sandbox.folder} already: 'oceanctl sandbox down --state-dir {sandbox.folder}' removes it"
        )
    stage = Stage(shell, Narrator(shell.screen, len(_STEPS) + 1), sandbox)
    try:
        for step in _STEPS:
            step(stage)
        steps.recap(stage, is_kept=options.keep)
    except OceanError:
        shell.screen.note("The demo did not finish. The reconciler's log closes with:")
        for line in stage.reconciler.log_tail(_LAST_LINES).splitlines():
            shell.screen.note(line[:_LONGEST_LINE])
        raise
    finally:
        if not options.keep:
            take_down(stage)
    return ExitCode.OK


def take_down(stage: Stage) -> None:
    """Leave nothing behind: no process, no file."""
    stage.narrator.tell("Taking the sandbox down.")
    stage.sandbox.down()
    stage.remove()
    with suppress(OSError):  # a folder that the user named may hold other things, or be a mount point
        stage.sandbox.folder.rmdir()
    stage.narrator.tell("Nothing is left behind.")
