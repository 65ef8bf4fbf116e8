"""Views of worker nodes and their vnodes, and the pass over one of them."""

from datetime import datetime

from inventory.standing import Standing
from reconciler import names
from reconciler.bottomup import decide as bottomup
from reconciler.bottomup.capacity import sum_of
from reconciler.bottomup.load import LoadBook
from reconciler.bottomup.view import NodeView
from reconciler.bridge.computing import ON_NODE
from reconciler.bridge.ground import Ground
from reconciler.bridge.policies import PolicyBook, PolicyIndex
from reconciler.bridge.yields import Yields
from reconciler.decision import Decision
from reconciler.kube.errors import NotFoundError
from reconciler.kube.projections import Node
from reconciler.kube.resources import NODES
from reconciler.reclaim import decide as reclaim


class NodeObserver:
    """Builds NodeViews; keys are names of worker nodes."""

    def __init__(self, ground: Ground, book: PolicyBook, load: LoadBook) -> None:
        self._ground = ground
        self._policies = PolicyIndex(book)
        self._load = load
        self._worker_book: PolicyBook | None = None
        self.yields = Yields(ground, load, self._standing)

    async def observe(self, node_name: str, now: datetime) -> NodeView | None:
        """The view of one worker node; None when neither side has anything of it, or the vnode's name belongs to somebody else."""
        bound = self._ground.bound()
        identity = bound.state.identity
        vnode_name = names.vnode_name(identity.cluster_id, node_name)
        worker_node = self._ground.worker.nodes.get(node_name)
        vnode = self._ground.computing.nodes.get(vnode_name)
        if (worker_node is None and vnode is None) or not self._ground.may_conclude:
            return None
        if worker_node is None and self._ground.unreachable_since is None:
            await self._ground.confirm_gone(NODES, node_name)
        owed = self.yields.given_on(node_name, now)
        return NodeView(
            binding=bound.binding,
            state=bound.state,
            vnode_name=vnode_name,
            worker_node=worker_node,
            standing=self._standing(worker_node, now) if worker_node else None,
            foreign_load=sum_of((self._load.load_of(node_name), *(wish.requests for wish in owed))),
            vnode=vnode,
            computing_pods=tuple(pod.seen for pod in self._ground.computing.pods.by_index(ON_NODE, vnode_name)),
            unreachable_since=self._ground.unreachable_since,
            yields_to=tuple(sorted(wish.uid for wish in owed)),
        )

    def _standing(self, worker_node: Node, now: datetime) -> Standing | None:
        metadata = worker_node.metadata
        selection = self._policies.selection(
            self._ground.bound().binding, self._worker_policies(), worker_is_readable=self._worker_is_readable()
        )
        return selection.standing_of(metadata.labels, metadata.name, now)

    def _worker_policies(self) -> PolicyBook | None:
        if self._worker_book is None and self._ground.worker.policies is not None:
            self._worker_book = PolicyBook(self._ground.worker.policies, self._ground.identity.binding_name)
        return self._worker_book

    def _worker_is_readable(self) -> bool:
        cache = self._ground.worker.policies
        if cache is None or not cache.is_synced:
            return cache is None
        # A CRD that is uninstalled takes its policies with it first.
        is_uninstalled = isinstance(cache.last_error, NotFoundError) and len(cache) == 0
        return cache.last_error is None or is_uninstalled


def decide_node(view: NodeView, now: datetime) -> Decision:
    """Reclaim first; its verdict feeds the vnode's only author; the vnode is written before any pod is told to go."""
    verdict = reclaim.decide(view, now)
    decision = bottomup.decide(view, verdict, now)
    actions = (*decision.actions, *verdict.actions)
    because = verdict.because if verdict.actions else decision.because
    return Decision(because, actions, decision.wake_at)


def node_name_of(vnode: Node) -> str | None:
    """The worker node behind a vnode, from its providerID (labels cannot hold long names)."""
    prefix = f"{names.PROVIDER_SCHEME}://"
    provider_id = vnode.spec.provider_id
    return provider_id.removeprefix(prefix).partition("/")[2] or None if provider_id.startswith(prefix) else None
