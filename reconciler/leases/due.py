"""Which keys are due when each is due once per period: a wheel of slots, so that ten thousand keys need one timer."""

from zlib import crc32


class Wheel:
    """Keys on the rim, a hand that goes round once per period.

    A key's slot follows from its name: keys spread over the period, and stay in their places through a restart. `now` is the time of a monotonic clock.
    """

    def __init__(self, period_seconds: float, slots: int) -> None:
        self._width = period_seconds / slots
        self._slots: tuple[dict[str, None], ...] = tuple({} for _ in range(slots))
        self._hand: int | None = None  # the last slot that was handed out, counted from the beginning of the clock

    def add(self, key: str) -> None:
        """Put a key on the wheel, if it is not on it."""
        self._slot_of(key)[key] = None

    def remove(self, key: str) -> None:
        """Take a key off the wheel, if it is on it."""
        self._slot_of(key).pop(key, None)

    def due(self, now: float) -> tuple[str, ...]:
        """The keys of every slot that the hand has come to since it was asked last; each key once, however long ago that was."""
        at = self._index(now)
        first = at if self._hand is None else max(self._hand + 1, at - len(self._slots) + 1)
        self._hand = at
        return tuple(key for index in range(first, at + 1) for key in self._slots[index % len(self._slots)])

    def seconds_to_next(self, now: float) -> float:
        """How long until the hand comes to the next slot; never so short that a clock would not show it."""
        return max((self._index(now) + 1) * self._width - now, self._width / 100)

    def _index(self, now: float) -> int:
        return int(now / self._width)

    def _slot_of(self, key: str) -> dict[str, None]:
        return self._slots[crc32(key.encode()) % len(self._slots)]
