"""`oceanctl version`."""

import platform
from dataclasses import dataclass
from importlib.metadata import version

from oceanctl.errors import ExitCode
from oceanctl.formats import Format, OutputOption
from oceanctl.shell import Shell
from reconciler import names


@dataclass(frozen=True, slots=True)
class Options:
    """Its options."""

    output: OutputOption = Format.TEXT


def run(shell: Shell, options: Options) -> ExitCode:
    """Show the version of oceanctl."""
    release = version("kubeocean")
    if options.output is Format.JSON:
        api = f"{names.GROUP}/{names.VERSION}"
        shell.screen.document({"version": release, "apiVersion": api, "python": platform.python_version()})
    else:
        shell.screen.result(f"oceanctl {release}")
    return ExitCode.OK
