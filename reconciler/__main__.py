"""`python -m reconciler`: settings, logs, signals, then the app."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence

from reconciler import app, logs
from reconciler.election import LostLeadershipError
from reconciler.kube.errors import KubeError
from reconciler.kube.kubeconfig import KubeconfigError
from reconciler.layered import EXIT_USAGE, SettingsError, from_command_line, parser_of
from reconciler.settings import Settings

EXIT_FAILED, EXIT_DEFECT, EXIT_TRY_AGAIN = 1, 70, 75  # as sysexits.h, like oceanctl
PURPOSE = "Keeps the computing cluster and its workers equal to the inventory."
log = logging.getLogger("reconciler")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    options = parser_of(Settings, "python -m reconciler", PURPOSE).parse_args(arguments)
    try:
        loaded = from_command_line(Settings, options, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    if options.print_config:
        sys.stdout.write(loaded.rendered())
        return 0
    try:
        logs.configure(loaded.settings.log_level, loaded.settings.audit_log)
        asyncio.run(_until_signalled(loaded.settings))
    except (KubeconfigError, KubeError, OSError) as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return EXIT_FAILED
    except ExceptionGroup as error:
        return _ended_by(error)
    return 0


def _ended_by(error: ExceptionGroup) -> int:
    if error.subgroup(LostLeadershipError):
        log.error("another process leads; starting afresh is all that is left")
        return EXIT_TRY_AGAIN
    log.critical("the process ends", exc_info=error)
    return EXIT_DEFECT


async def _until_signalled(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(app.run(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    sys.exit(main())
