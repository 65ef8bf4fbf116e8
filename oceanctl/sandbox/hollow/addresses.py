"""Pod addresses of one node."""

import ipaddress

from oceanctl.sandbox.errors import SandboxError


class Addresses:
    """Hands out every address of a range once; those given back last come last."""

    def __init__(self, pod_range: str) -> None:
        hosts = ipaddress.ip_network(pod_range).hosts()
        next(hosts)  # the gateway, on a real node
        self._free = dict.fromkeys(str(host) for host in hosts)
        self._range = pod_range

    def take(self) -> str:
        """The address that has been free for the longest time."""
        if not self._free:
            raise SandboxError(f"no free pod address in {self._range}")
        address = next(iter(self._free))
        del self._free[address]
        return address

    def keep(self, address: str) -> None:
        """Mark an address as in use, for pods that were found running."""
        self._free.pop(address, None)

    def give_back(self, address: str) -> None:
        """Let others have it."""
        if ipaddress.ip_address(address) in ipaddress.ip_network(self._range):
            self._free[address] = None
