"""Those who have connected and not been let in yet: so many in all, and so many from one place, so that no host can take every place."""

import ipaddress
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

_SITE_BITS: Final = 64  # of IPv6: a host commonly has all addresses behind that prefix


def source_of(address: str) -> str:
    """What counts as one source: an IPv4 address, however it is written, or the network of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, _SITE_BITS), strict=False))
        found = found.ipv4_mapped
    return str(found)


class Strangers:
    """Counts them."""

    def __init__(self, most: int, most_of_source: int) -> None:
        self._most = most
        self._most_of_source = most_of_source
        self._of_sources: Counter[str] = Counter()

    def why_not(self, source: str) -> str | None:
        """Why there is no place for one more from there; None when there is one."""
        if self._of_sources.total() >= self._most:
            return "strangers"
        return "source" if self._of_sources[source] >= self._most_of_source else None

    def seat(self, source: str) -> Callable[[], None]:
        """Take a place; what gives it back, once, however often it is called."""
        self._of_sources[source] += 1
        place = ExitStack()
        place.callback(self._leave, source)
        return place.close

    def _leave(self, source: str) -> None:
        self._of_sources[source] -= 1
        if not self._of_sources[source]:
            del self._of_sources[source]
