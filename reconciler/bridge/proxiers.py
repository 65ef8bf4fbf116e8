"""Where the kubelets of vnodes answer: proxiers announce themselves by Leases, and every vnode gets one of them and a port of its own.

A proxier lives while its Lease is renewed, by our own watch's clock: clocks of machines differ. Each vnode picks by rendezvous hashing, so that a proxier
that dies moves only its own vnodes, and one that comes takes a fair share from each. Ports stay on the vnodes' labels; all proxiers of a binding open all.
"""

import asyncio
import hashlib
import ipaddress
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from reconciler import names
from reconciler.bottomup.view import Endpoint, NodeView
from reconciler.kube.cache import Change
from reconciler.kube.projections import Node, ObjectMeta, Projection

LOOK_SECONDS: Final = 0.5
_NEVER: Final = float("-inf")  # a Lease that was given back is as good as lapsed
LAPSES_AFTER: Final = timedelta(seconds=3.5)  # without a renewal; moved vnodes are seen within 5 s of a proxier's death


class LeaseSpec(Projection, frozen=True):
    """Who holds a Lease; nobody once it was given back."""

    holder_identity: str = ""


class ProxierLease(Projection, frozen=True):
    """The Lease of a proxier."""

    metadata: ObjectMeta
    spec: LeaseSpec = LeaseSpec()


decode_lease = msgspec.json.Decoder(ProxierLease).decode


@dataclass(frozen=True, slots=True)
class Proxier:
    """One replica that serves a binding."""

    name: str
    address: str
    ports: range


def proxier_of(lease: ProxierLease) -> Proxier | None:
    """What a Lease announces; None when it says nothing usable."""
    annotations = lease.metadata.annotations
    first, _, last = annotations.get(names.PROXIER_PORTS, "").partition("-")
    try:
        address = str(ipaddress.ip_address(annotations.get(names.PROXIER_ADDRESS, "")))
        ports = range(int(first), int(last) + 1)
    except ValueError:
        return None
    return Proxier(lease.metadata.name, address, ports) if ports else None


def chosen_for(vnode_name: str, proxiers: Iterable[Proxier]) -> Proxier | None:
    """The proxier of a vnode; the same as long as that one is there."""
    return max(proxiers, key=lambda each: _weight(vnode_name, each.name), default=None)


def port_for(vnode_name: str, ports: range, is_free: Callable[[int], bool]) -> int | None:
    """A free port for a vnode, the same one for the same name where possible; None when all are taken."""
    start = _weight(vnode_name, "port") % len(ports)
    candidates = (ports[(start + step) % len(ports)] for step in range(len(ports)))
    return next((port for port in candidates if is_free(port)), None)


def _weight(*parts: str) -> int:
    return int.from_bytes(hashlib.blake2b("/".join(parts).encode(), digest_size=8).digest(), "big")


Holders = Callable[[int], Iterable[str]]
"""Names of the vnodes, of any binding, whose label has the port."""


class Proxiers:
    """The living proxiers of one binding, and the ports that its vnodes were promised."""

    def __init__(self, binding_name: str, holders: Holders, loop_time: Callable[[], float]) -> None:
        self._binding = names.label_value(binding_name)
        self._holders = holders
        self._loop_time = loop_time
        self._known: dict[str, tuple[Proxier, float]] = {}
        self._promised: dict[int, str] = {}  # by port: what was decided, but is not seen on a label yet
        self._living: frozenset[str] = frozenset()

    def take(self, change: Change[ProxierLease]) -> None:
        """A Lease has changed; every renewal counts from now."""
        lease = change.after
        if lease is None:
            self._known.pop(change.key, None)
            return
        if lease.metadata.labels.get(names.CLUSTER_BINDING) != self._binding:
            return
        proxier = proxier_of(lease)
        if proxier is None:
            self._known.pop(change.key, None)
        else:
            self._known[change.key] = (proxier, self._loop_time() if lease.spec.holder_identity else _NEVER)

    @property
    def are_there(self) -> bool:
        """Whether any proxier lives."""
        return bool(self._alive())

    def has_changed(self) -> bool:
        """Whether a proxier has come or died since this was asked last."""
        before, self._living = self._living, frozenset(proxier.name for proxier in self._alive())
        return before != self._living

    def endpoint_for(self, vnode_name: str, vnode: Node | None) -> Endpoint | None:
        """Where the vnode's kubelet answers; while no announced proxier lives, where it did before."""
        proxier = chosen_for(vnode_name, self._alive())
        if proxier is None:
            return _endpoint_of(vnode) if self._known and vnode is not None else None
        port = self._port(vnode_name, vnode, proxier.ports)
        return Endpoint(proxier.address, port) if port is not None else None

    def _alive(self) -> list[Proxier]:
        since = self._loop_time() - LAPSES_AFTER.total_seconds()
        return [proxier for proxier, seen_at in self._known.values() if seen_at >= since]

    def _port(self, vnode_name: str, vnode: Node | None, ports: range) -> int | None:
        """The one on the label, unless it is unusable or an elder name has it too; else the promised one; else a new one."""
        current = _label_port(vnode) if vnode is not None else None
        if current is not None and current in ports and min({vnode_name} | self._claims(current)) == vnode_name:
            self._forget(vnode_name)
            return current
        promised = next((port for port, name in self._promised.items() if name == vnode_name), None)
        if promised is not None and promised in ports:
            return promised
        port = port_for(vnode_name, ports, lambda each: not self._claims(each))
        if port is not None:
            self._forget(vnode_name)
            self._promised[port] = vnode_name
        return port

    def _claims(self, port: int) -> set[str]:
        promised = self._promised.get(port)
        return {*self._holders(port)} | ({promised} if promised is not None else set())

    def _forget(self, vnode_name: str) -> None:
        for port in [port for port, name in self._promised.items() if name == vnode_name]:
            del self._promised[port]


def _label_port(vnode: Node) -> int | None:
    text = vnode.metadata.labels.get(names.PROXIER_PORT, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len("65535") else None


def _endpoint_of(vnode: Node) -> Endpoint | None:
    port = vnode.status.daemon_endpoints.kubelet_endpoint.port
    address = next((each.address for each in vnode.status.addresses if each.type == "InternalIP"), "")
    return Endpoint(address, port) if address and port else None


Observe = Callable[[str, datetime], Awaitable[NodeView | None]]


def with_endpoints(observe: Observe, proxiers: Proxiers) -> Observe:
    """The same views, with the proxier that each vnode is to be pointed at."""

    async def observe_endpoint_too(node_name: str, now: datetime) -> NodeView | None:
        view = await observe(node_name, now)
        if view is None:
            return None
        return replace(view, endpoint=proxiers.endpoint_for(view.vnode_name, view.vnode))

    return observe_endpoint_too


async def follow_proxiers(proxiers: Proxiers, wake: Callable[[], None]) -> None:
    """Call `wake` whenever a proxier has come or died, until cancelled."""
    while True:
        if proxiers.has_changed():
            wake()
        await asyncio.sleep(LOOK_SECONDS)
