"""`python -m oceanctl.sandbox.realnodes --config FILE`: a node, as the first process of its namespaces."""

import argparse
from pathlib import Path

from oceanctl.sandbox.realnodes.config import load
from oceanctl.sandbox.realnodes.init import run


def main() -> None:
    """Read the arguments and be the node."""
    parser = argparse.ArgumentParser(prog="python -m oceanctl.sandbox.realnodes", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON file, see realnodes/config.py")
    run(load(parser.parse_args().config))


if __name__ == "__main__":
    main()
