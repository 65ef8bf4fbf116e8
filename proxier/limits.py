"""How many streams at once: per vnode and per user, so that neither can take the proxier from the others."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from proxier.errors import BusyError


class Limits:
    """Counts what runs."""

    def __init__(self, per_vnode: int, per_user: int) -> None:
        self._per_vnode = per_vnode
        self._per_user = per_user
        self._of_vnodes: Counter[str] = Counter()
        self._of_users: Counter[str] = Counter()

    @contextmanager
    def room_for(self, vnode: str, user: str) -> Iterator[None]:
        """Take a place while the context lasts.

        Raises:
            BusyError: 429 when there is none.

        """
        if self._of_vnodes[vnode] >= self._per_vnode:
            raise BusyError(429, f"{vnode} serves {self._per_vnode} requests already")
        if self._of_users[user] >= self._per_user:
            raise BusyError(429, f"{self._per_user} requests of this user are served already")
        self._of_vnodes[vnode] += 1
        self._of_users[user] += 1
        try:
            yield
        finally:
            _leave(self._of_vnodes, vnode)
            _leave(self._of_users, user)


def _leave(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
