"""`python -m oceanctl`, the same as the console script."""

import sys

from oceanctl.cli import main

if __name__ == "__main__":
    sys.exit(main())
