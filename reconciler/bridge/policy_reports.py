"""Views of policies for their status: what they cover and what they lend."""

from dataclasses import dataclass
from datetime import datetime

from inventory.model import NodeSelector, Policy
from inventory.selectors import matches
from reconciler.bottomup.reports import PolicyView, is_leased
from reconciler.bridge.ground import Ground
from reconciler.bridge.policies import PolicyBook
from reconciler.bridge.wiring import applied_policies


@dataclass(frozen=True, slots=True)
class _Count:
    """A number of nodes, and what it was counted from."""

    basis: tuple[object, ...]
    nodes: int


class PolicyObserver:
    """Builds PolicyViews; keys are names of policies."""

    def __init__(self, ground: Ground, book: PolicyBook) -> None:
        self._ground = ground
        self._book = book
        self._counts: dict[str, _Count] = {}

    async def observe(self, name: str, _now: datetime) -> PolicyView | None:
        """The view; None when the policy is gone or belongs to another binding."""
        parsed = self._book.get(name)
        if parsed is None or parsed.seen.metadata.is_deleting or not self._ground.worker.is_synced:
            return None
        ground = self._ground
        owned = (vnode for vnode in ground.computing.nodes.values() if ground.identity.owns_vnode(vnode))
        lends = sum(is_leased(vnode) and name in applied_policies(vnode) for vnode in owned)
        return PolicyView(parsed.seen, parsed.policy, parsed.problems, self._covered(parsed.policy), lends)

    def _covered(self, policy: Policy | None) -> int:
        """How many worker nodes both selectors match; counted again only when one of them, or a node's labels, have changed."""
        if policy is None:
            return 0
        selectors = (self._ground.bound().binding.node_selector, policy.node_selector)
        revision = self._ground.worker.labels_revision
        known = self._counts.get(policy.name)
        if known is None or known.basis != (selectors, revision):
            known = self._counts[policy.name] = _Count((selectors, revision), self._count(*selectors))
        return known.nodes

    def _count(self, *selectors: NodeSelector | None) -> int:
        nodes = (node.metadata for node in self._ground.worker.nodes.values())
        return sum(all(matches(selector, node.labels, node.name) for selector in selectors) for node in nodes)
