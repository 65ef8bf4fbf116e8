"""`python -m reconciler`: settings, logs, signals, then the app."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from reconciler import app, logs
from reconciler.settings import Loaded, Settings, SettingsError, load

EXIT_USAGE = 64


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
    logs.configure(loaded.settings.log_level, loaded.settings.audit_log)
    asyncio.run(_until_signalled(loaded.settings))
    return 0


async def _until_signalled(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(app.run(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reconciler", description="Keeps the computing cluster and its workers equal to the inventory."
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
