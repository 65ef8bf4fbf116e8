"""`python -m proxier --binding NAME`: settings, logs, signals, then the app."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from inventory.errors import InvalidInventoryError
from proxier import app
from proxier.settings import Settings, check_certificate
from reconciler import logs
from reconciler.kube.kubeconfig import KubeconfigError
from reconciler.layered import EXIT_USAGE, SettingsError, from_command_line, parser_of

EXIT_FAILED, EXIT_TRY_AGAIN = 1, 75  # as sysexits.h
HIGHEST_PORT = 65535
PURPOSE = "Answers for the vnodes of one binding as kubelets would."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    options = parser_of(Settings, "python -m proxier", PURPOSE).parse_args(arguments)
    try:
        loaded = from_command_line(Settings, options, os.environ)
        _check(loaded.settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    if options.print_config:
        sys.stdout.write(loaded.rendered())
        return 0
    try:
        logs.configure(loaded.settings.log_level)
        asyncio.run(_until_signalled(loaded.settings))
    except (KubeconfigError, InvalidInventoryError, OSError) as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return EXIT_FAILED
    except ExceptionGroup as error:
        if not error.subgroup(app.ReplacedBindingError):
            raise
        sys.stderr.write("the binding was deleted and made anew\n")
        return EXIT_TRY_AGAIN
    return 0


def _check(settings: Settings) -> None:
    if not settings.binding:
        raise SettingsError("binding: is required")
    check_certificate(settings)
    if not 0 < settings.first_port <= settings.last_port <= HIGHEST_PORT:
        raise SettingsError("first_port, last_port: must be a range of ports")


async def _until_signalled(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await app.run(settings, stopping)


if __name__ == "__main__":
    sys.exit(main())
