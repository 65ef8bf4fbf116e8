"""What a bench reports: figures of ours beside a reference's, as ratios of one run."""

import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any


class CannotRunError(Exception):
    """This machine lacks what a bench needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two measurements made one right after the other."""

    ours: float
    reference: float

    @property
    def ratio(self) -> float:
        return self.ours / self.reference


@dataclass(frozen=True, slots=True)
class Figure:
    """`ratio` is the median of the pairs' ratios, which need not be the ratio of the medians; `bound` is the most it may be, if somebody said so."""

    what: str
    unit: str
    ours: float
    reference: float
    ratio: float
    bound: float | None = None

    @classmethod
    def of(cls, what: str, unit: str, pairs: Sequence[Pair], *, bound: float | None = None) -> "Figure":
        return cls(
            what,
            unit,
            statistics.median(pair.ours for pair in pairs),
            statistics.median(pair.reference for pair in pairs),
            statistics.median(pair.ratio for pair in pairs),
            bound,
        )

    @property
    def ok(self) -> bool | None:
        """Whether the bound holds; None without one."""
        return None if self.bound is None else self.ratio <= self.bound

    @property
    def document(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "unit": self.unit,
            "ours": _rounded(self.ours),
            "reference": _rounded(self.reference),
            "ratio": _rounded(self.ratio),
            "bound": self.bound,
            "ok": self.ok,
        }


def interleaved(rounds: int, ours: Callable[[], float], reference: Callable[[], float]) -> list[Pair]:
    """Measure ours, the reference, ours, the reference …, so that a machine that gets slower meanwhile slows both."""
    return [Pair(ours(), reference()) for _ in range(rounds)]


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process for one call, with what earlier calls left behind collected first."""
    gc.collect()
    begun = process_time()
    work()
    return process_time() - begun


def _rounded(value: float) -> float:
    """Three significant digits: more would pretend."""
    return float(f"{value:.3g}")
