"""`python -m reconciler`: settings, logs, signals, then the app."""

import argparse
import asyncio
import contextlib
import difflib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

from reconciler import app, logs
from reconciler.election import LostLeadershipError
from reconciler.kube.errors import KubeError
from reconciler.kube.kubeconfig import KubeconfigError
from reconciler.settings import Loaded, Settings, SettingsError, load

EXIT_FAILED, EXIT_USAGE, EXIT_DEFECT, EXIT_TRY_AGAIN = 1, 64, 70, 75  # as sysexits.h, like oceanctl
log = logging.getLogger("reconciler")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    options = _parser().parse_args(arguments)
    flags = {f.name: value for f in fields(Settings) if (value := getattr(options, f.name)) is not None}
    try:
        loaded = load(flags, os.environ, Path(options.config) if options.config else None)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    if options.print_config:
        sys.stdout.write(_rendered(loaded))
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


class _Parser(argparse.ArgumentParser):
    """Usage errors end with 64 and a suggestion."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and what was meant."""
        wrong = next((word.partition("=")[0] for word in message.split() if word.startswith("--")), "")
        near = difflib.get_close_matches(wrong, self._option_string_actions, n=1)
        hint = f"; did you mean '{near[0]}'?" if near and near[0] != wrong else ""
        self.exit(EXIT_USAGE, f"{message}{hint}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m reconciler",
        description="Keeps the computing cluster and its workers equal to the inventory.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", help="YAML file of settings; flags and OCEAN_* variables win over it")
    parser.add_argument(
        "--print-config", action="store_true", help="show the effective settings and where each came from, and exit"
    )
    for f in fields(Settings):
        parser.add_argument("--" + f.name.replace("_", "-"), help=f"{f.metadata['help']} (default: {f.default!r})")
    return parser


def _rendered(loaded: Loaded) -> str:
    return "".join(
        f"{f.name}: {getattr(loaded.settings, f.name)!r}  # {loaded.sources[f.name]}\n" for f in fields(Settings)
    )


if __name__ == "__main__":
    sys.exit(main())
