"""Which proxiers live, ready or not: one that asks for its first certificate serves nobody yet."""

from collections.abc import Callable, Mapping

from reconciler.bridge.proxiers import LAPSES_AFTER, ProxierLease, proxier_of
from reconciler.kube.cache import Cache, Change


class Living:
    """Proxiers whose Lease was seen renewed of late, by our own watch's clock. What was there at first proves nothing until it is renewed."""

    def __init__(self, loop_time: Callable[[], float]) -> None:
        self._loop_time = loop_time
        self._renewed: dict[str, tuple[str, str, float]] = {}
        self._follows = False

    def follow(self, leases: Cache[ProxierLease]) -> Callable[[], None]:
        """Take every change from now on; call the answer to end it."""
        end = leases.subscribe(self.take)
        self._follows = True
        return end

    def take(self, change: Change[ProxierLease]) -> None:
        """A Lease has changed."""
        proxier = proxier_of(change.after) if change.after is not None else None
        if proxier is None:
            self._renewed.pop(change.key, None)
        elif self._follows:
            self._renewed[change.key] = (proxier.name, proxier.address, self._loop_time())

    def addresses(self) -> Mapping[str, str]:
        """What each living proxier announces, by the name of its Lease."""
        since = self._loop_time() - LAPSES_AFTER.total_seconds()
        return {name: address for name, address, seen_at in self._renewed.values() if seen_at >= since}
