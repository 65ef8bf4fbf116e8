"""Which vnode is behind which port: pure over the vnodes' labels, which the syncer writes and an administrator may have spoiled."""

from collections.abc import Iterable
from datetime import UTC, datetime

from reconciler import names
from reconciler.kube.projections import Node
from reconciler.marks import Identity

_NEVER = datetime.max.replace(tzinfo=UTC)


def ports_of(vnodes: Iterable[Node], identity: Identity, ports: range) -> dict[int, str]:
    """The vnodes of a binding by port. A port that several claim is the eldest's; one outside the range is nobody's."""
    claimed: dict[int, str] = {}
    for vnode in sorted(vnodes, key=lambda node: (node.metadata.creation_timestamp or _NEVER, node.metadata.name)):
        port = port_of(vnode)
        if port is not None and port in ports and identity.owns_vnode(vnode):
            claimed.setdefault(port, vnode.metadata.name)
    return claimed


def port_of(vnode: Node) -> int | None:
    """The port on a vnode's label; None where there is no number."""
    text = vnode.metadata.labels.get(names.PROXIER_PORT, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len("65535") else None
