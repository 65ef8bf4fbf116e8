"""`python -m tests.bench [NAME …]`: one JSON document with the ratios of this run on stdout, progress on stderr.

Whether a bound holds is told, not enforced: the exit code is 0 unless a bench could not run.
"""

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Final

from tests.bench import (
    cached_pods,
    closing,
    executing,
    latencies,
    machine,
    many_streams,
    pod_events,
    proxying,
    selecting,
    watching,
    writing,
)
from tests.bench.figures import Figure
from tests.bench.processes import attempt

Bench = Callable[[], Sequence[Figure]]

BENCHES: Final[Mapping[str, Bench]] = {
    "watch": watching.figures,
    "memory": cached_pods.figures,
    "selection": selecting.figures,
    "writes": writing.figures,
    "pod-event": pod_events.figures,
    "closing": closing.figures,
    "latency": latencies.figures,
    "proxying": proxying.figures,
    "streams": many_streams.figures,
    "exec": executing.figures,
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHES)}; all of them by default")
    names = parser.parse_args(arguments).names or list(BENCHES)
    if unknown := ", ".join(name for name in names if name not in BENCHES):
        parser.error(f"there is no bench {unknown}")
    document = run({name: BENCHES[name] for name in names})
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 1 if document["failed"] else 0


def run(benches: Mapping[str, Bench]) -> dict[str, Any]:
    """The document; each bench has a process of its own, and one that fails does not keep the others from running."""
    found: dict[str, list[dict[str, Any]]] = {}
    failed: dict[str, str] = {}
    for name, bench in benches.items():
        begun = monotonic()
        say(f"{name} …")
        outcome = attempt(bench)
        if isinstance(outcome, BaseException):
            traceback.print_exception(outcome, file=sys.stderr)
            failed[name] = str(outcome) or type(outcome).__name__
        else:
            found[name] = [figure.document for figure in outcome]
        say(f"{name}: {'failed' if name in failed else 'done'} after {monotonic() - begun:.0f} s")
    return {"machine": machine.facts(), "figures": found, "failed": failed}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
