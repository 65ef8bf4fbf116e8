"""`python -m oceanctl.sandbox.hollow --config FILE`: the simulated nodes of one cluster, until SIGTERM."""

import argparse
import asyncio
import logging
import signal
from contextlib import suppress
from pathlib import Path

from oceanctl.sandbox.hollow.config import HollowConfig, load
from oceanctl.sandbox.hollow.kubelet import play
from reconciler import logs


def main() -> None:
    """Read the arguments and play."""
    parser = argparse.ArgumentParser(prog="python -m oceanctl.sandbox.hollow", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON file, see hollow/config.py")
    config = load(parser.parse_args().config)
    logs.configure("INFO")
    logging.getLogger("oceanctl").setLevel(logging.INFO)
    asyncio.run(_play_all(config))


async def _play_all(config: HollowConfig) -> None:
    task = asyncio.current_task()
    assert task is not None
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, task.cancel)
    with suppress(asyncio.CancelledError):  # the way to end
        async with asyncio.TaskGroup() as nodes:
            for node in config.nodes:
                nodes.create_task(play(config, node), name=f"node {node.name}")


if __name__ == "__main__":
    main()
