"""How long to wait before the next attempt."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MOST_DOUBLINGS: Final = 32  # beyond any cap, and 2.0**n stays finite


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential: `base_seconds` doubles with every attempt up to `cap_seconds`.

    Of each delay the upper half is random, so that what failed together does not come back together. `random` yields numbers in [0, 1).
    """

    base_seconds: float
    cap_seconds: float
    random: Callable[[], float] = random.random

    def delay_seconds(self, attempt: int) -> float:
        """The delay after failed attempt number `attempt`, counted from 0."""
        full = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt, _MOST_DOUBLINGS))
        return full * (0.5 + 0.5 * self.random())
