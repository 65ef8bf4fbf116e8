"""The bridge of one cluster's nodes, with a /24 of its own, and the cables that lead from it into the nodes.

A cable vanishes with the node's namespace. The bridge stays until `remove_bridge`; its name follows from the cluster's folder.
"""

import hashlib
import ipaddress
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from oceanctl.sandbox.errors import NotReadyError, SandboxError
from oceanctl.sandbox.folders import cache_folder, locked
from oceanctl.sandbox.realnodes.requirements import SYSTEM_PATH

_RANGE: Final = ipaddress.ip_network("198.18.0.0/15")  # meant for tests of network devices; nobody routes it
_FIRST_NODE: Final = 10
_TIMEOUT_SECONDS: Final = 20.0
_UNSHARE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge that is there."""

    name: str
    network: ipaddress.IPv4Network

    @property
    def address(self) -> str:
        """This machine's own address on it."""
        return str(self.network[1])

    def node_address(self, number: int) -> str:
        """The address of the node with a number from 1 on, with the prefix length."""
        return f"{self.network[_FIRST_NODE + number]}/{self.network.prefixlen}"


def mark_of(folder: Path) -> str:
    """What tells one cluster's bridge and control groups from another's."""
    return hashlib.blake2b(str(folder.resolve()).encode(), digest_size=4).hexdigest()


def bridge_of(folder: Path) -> Bridge:
    """The bridge of the cluster in `folder`, made unless it is there; SandboxError where the machine has none to give."""
    name = f"oc{mark_of(folder)}"
    cache_folder().mkdir(parents=True, exist_ok=True)
    with locked(cache_folder()):
        networks = dict(_networks())
        if name not in networks:
            networks[name] = _free_network(folder, set(networks.values()))
            if name not in {link["ifname"] for link in _ip_json("link", "show")}:
                ip("link", "add", name, "type", "bridge")
            ip("addr", "add", f"{networks[name][1]}/{networks[name].prefixlen}", "dev", name)
        ip("link", "set", name, "up")
    return Bridge(name, networks[name])


def remove_bridge(folder: Path) -> None:
    """Remove the bridge of the cluster in `folder`, and whatever hangs on it."""
    mark = mark_of(folder)
    for name in sorted(link["ifname"] for link in _ip_json("link", "show")):
        if name == f"oc{mark}" or name.startswith(f"oc{mark}-"):
            _delete(name)


def plug(bridge: Bridge, number: int, pid: int) -> None:
    """Lead a cable to the network namespace that the process `pid` is about to make; inside it is called eth0."""
    give_up_at = time.monotonic() + _UNSHARE_SECONDS
    while _network_namespace(pid) == _network_namespace(os.getpid()):
        if time.monotonic() > give_up_at:
            raise NotReadyError(f"process {pid} has no network of its own after {_UNSHARE_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)
    cable = f"{bridge.name}-{number}"
    _delete(cable)  # of the node's former life: the kernel takes its time with that
    ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    ip("link", "set", cable, "master", bridge.name, "up")


def ip(*arguments: str) -> str:
    """The answer of iproute2; SandboxError with its complaint."""
    command = ["ip", *arguments]
    environment = {**os.environ, "PATH": SYSTEM_PATH}
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False, env=environment
    )
    if answer.returncode:
        raise SandboxError(f"{' '.join(command)}: {answer.stderr.strip()}")
    return answer.stdout


def _delete(link: str) -> None:
    """A cable goes by itself when its node has gone."""
    with suppress(SandboxError):
        ip("link", "del", link)


def _ip_json(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ip("-json", *arguments) or "[]")
    return [link for link in found if link]  # old versions show empty ones


def _networks() -> Iterator[tuple[str, ipaddress.IPv4Network]]:
    for link in _ip_json("-4", "addr", "show"):
        for each in link.get("addr_info", ()):
            interface = ipaddress.IPv4Interface(f"{each['local']}/{each['prefixlen']}")
            yield link["ifname"], interface.network


def _free_network(folder: Path, taken: set[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    networks = list(_RANGE.subnets(new_prefix=24))
    first = int(mark_of(folder), 16) % len(networks)
    for network in (*networks[first:], *networks[:first]):
        if isinstance(network, ipaddress.IPv4Network) and not any(network.overlaps(other) for other in taken):
            return network
    raise SandboxError(f"no network is free in {_RANGE}")


def _network_namespace(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except FileNotFoundError:
        raise SandboxError(f"process {pid} has ended") from None
