"""Which keys a change of either side wakes; everything else follows from the caches."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from reconciler import names, promise
from reconciler.bottomup.load import LoadBook
from reconciler.bridge.computing import NAMES_DEPENDENT, ON_NODE, dependent_key, dependent_keys
from reconciler.bridge.ground import Ground
from reconciler.bridge.nodes import node_name_of
from reconciler.bridge.worker import COPY_OF, WorkerPodEntry
from reconciler.bridge.yields import Yields
from reconciler.kube.cache import Change
from reconciler.kube.projections import Copied, CustomObject, Node, PartialObject, Pod
from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource
from reconciler.kube.workqueue import WorkQueue
from reconciler.marks import virtual_pod_key

PATIENCE_SECONDS = 5.0  # with a watch that broke: every node would be written to, and again when it stands
REPORT_DELAY_SECONDS = 0.5  # many vnodes change together; one report tells it


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of one Bridge, by what their keys name."""

    nodes: WorkQueue[str]
    pods: WorkQueue[str]
    dependents: WorkQueue[str]
    policies: WorkQueue[str]
    binding: WorkQueue[str]


class Wiring:
    """Turns changes into keys, for one Bridge."""

    def __init__(self, ground: Ground, load: LoadBook, queues: Queues, yields: Yields) -> None:
        self._ground = ground
        self._computing = ground.computing
        self._worker = ground.worker
        self._identity = ground.identity
        self._load = load
        self._queues = queues
        self._yields = yields
        yields.on_change = lambda nodes: self._add(queues.nodes, nodes)
        self._vnode_listeners: list[Callable[[Change[Node]], None]] = []

    def connect(self) -> list[Callable[[], None]]:
        """Subscribe to both sides; the result ends the subscriptions to the shared side."""
        worker, computing = self._worker, self._computing
        worker.nodes.subscribe(self._on_worker_node)
        worker.pods.subscribe(self._on_worker_pod)
        worker.configmaps.subscribe(lambda change: self._on_copy(change, CONFIGMAPS))
        worker.secrets.subscribe(lambda change: self._on_copy(change, SECRETS))
        return [
            computing.nodes.subscribe(self._on_vnode),
            computing.pods.subscribe(self._on_computing_pod),
            computing.configmaps.subscribe(lambda change: self._on_origin(change, CONFIGMAPS)),
            computing.secrets.subscribe(lambda change: self._on_origin(change, SECRETS)),
            computing.policies.subscribe(self._on_policy),
            computing.bindings.subscribe(self._on_binding),
        ]

    def connect_worker_policies(self) -> None:
        """Subscribe to the worker's own policies, once it is known whether it has any."""
        if self._worker.policies is not None:
            self._worker.policies.subscribe(self._on_worker_policy)
            self._worker.policies.on_trouble = self._on_trouble_with_policies

    def on_vnode(self, listener: Callable[[Change[Node]], None]) -> None:
        """Call `listener` for every change of a vnode of this binding."""
        self._vnode_listeners.append(listener)

    def wake_all(self) -> None:
        """Look at everything again: at the start, at each resync, when the worker comes back."""
        self.wake_nodes()
        self._add(
            self._queues.policies,
            (policy.metadata.name for policy in self._computing.policies.values() if self._is_for_us(policy)),
        )
        self._add(
            self._queues.pods,
            (pod.metadata.key for pod in self._computing.pods.values() if self._ground.owns_pod(pod)),
        )
        self._add(
            self._queues.pods,
            (
                key
                for pod in self._worker.pods.values()
                if isinstance(pod, Copied) and (key := virtual_pod_key(pod.metadata))
            ),
        )
        for resource in (CONFIGMAPS, SECRETS):
            self._add(
                self._queues.dependents,
                (key for copy in self._worker.copies(resource).values() if (key := self._origin_of(copy, resource))),
            )
        self._add(
            self._queues.dependents, (key for pod in self._computing.pods.values() for key in dependent_keys(pod))
        )
        self._queues.binding.add(self._identity.binding_name)

    def wake_nodes(self) -> None:
        """Look at every worker node and every vnode again."""
        self._yields.look_again()
        self._add(self._queues.nodes, self._node_names())

    def _node_names(self) -> Iterator[str]:
        yield from (node.metadata.name for node in self._worker.nodes.values())
        yield from (name for vnode in self._computing.nodes.values() if (name := self._node_behind(vnode)))

    def _on_worker_node(self, change: Change[Node]) -> None:
        self._queues.nodes.add(change.key)
        self._yields.node_changed(change.key)
        if change.before is None or change.after is None or change.before.metadata.uid != change.after.metadata.uid:
            self._wake_pods_on(names.vnode_name(self._identity.cluster_id, change.key))

    def _on_worker_pod(self, change: Change[WorkerPodEntry]) -> None:
        self._yields.take(change)
        for node in self._load.apply(change.before, change.after):
            self._queues.nodes.add(node)
            self._yields.node_changed(node)
        for pod in (change.before, change.after):
            if isinstance(pod, Copied) and (key := virtual_pod_key(pod.metadata)):
                self._queues.pods.add(key)

    def _on_copy(self, change: Change[PartialObject], resource: Resource) -> None:
        for copy in (change.before, change.after):
            if copy is not None and (key := self._origin_of(copy, resource)):
                self._queues.dependents.add(key)
                self._wake_pods_naming(key)

    def _on_origin(self, change: Change[PartialObject], resource: Resource) -> None:
        namespace, _, name = change.key.partition("/")
        key = dependent_key(resource, namespace, name)
        if self._computing.pods.by_index(NAMES_DEPENDENT, key) or self._worker.copies(resource).by_index(COPY_OF, key):
            self._queues.dependents.add(key)
            self._wake_pods_naming(key)

    def _on_computing_pod(self, change: Change[Copied[Pod]]) -> None:
        self._queues.pods.add(change.key)
        for pod in (change.before, change.after):
            if pod is None:
                continue
            vnode = self._computing.nodes.get(pod.seen.spec.node_name)
            if vnode is not None and (name := self._node_behind(vnode)):
                self._queues.nodes.add(name)
            self._add(self._queues.dependents, dependent_keys(pod))

    def _on_vnode(self, change: Change[Node]) -> None:
        vnode = change.after or change.before
        if vnode is None or not (name := self._node_behind(vnode)):
            return
        self._queues.nodes.add(name)
        for listener in self._vnode_listeners:
            listener(change)
        if _standing(change.before) != _standing(change.after):
            self._wake_pods_on(vnode.metadata.name)
        self._queues.binding.add_after(self._identity.binding_name, REPORT_DELAY_SECONDS)
        for policy in applied_policies(change.before) | applied_policies(change.after):
            self._queues.policies.add_after(policy, REPORT_DELAY_SECONDS)

    def _on_policy(self, change: Change[CustomObject]) -> None:
        before, after = change.before, change.after
        if not any(policy is not None and self._is_for_us(policy) for policy in (before, after)):
            return
        self._report(self._queues.policies, change)
        if _says(before) != _says(after):
            self.wake_nodes()

    def _on_worker_policy(self, change: Change[CustomObject]) -> None:
        if _says(change.before) != _says(change.after):
            self.wake_nodes()

    def _on_trouble_with_policies(self) -> None:
        """Policies can be listed again, or not any more; a connection that only breaks is there again before that counts."""
        if self._worker.policies is None or self._worker.policies.last_error is None:
            self.wake_nodes()
            return
        for name in self._node_names():
            self._queues.nodes.add_after(name, PATIENCE_SECONDS)

    def _on_binding(self, change: Change[CustomObject]) -> None:
        if change.key != self._identity.binding_name:
            return
        self._report(self._queues.binding, change)
        before, after = change.before, change.after
        if (
            before is None
            or after is None
            or before.spec != after.spec
            or before.metadata.is_deleting != after.metadata.is_deleting
        ):
            self.wake_nodes()

    def _wake_pods_on(self, vnode_name: str) -> None:
        self._add(self._queues.pods, (pod.metadata.key for pod in self._computing.pods.by_index(ON_NODE, vnode_name)))

    def _wake_pods_naming(self, key: str) -> None:
        """Those that may wait for a copy: to be started, or for an ephemeral container to be added."""
        naming = self._computing.pods.by_index(NAMES_DEPENDENT, key)
        self._add(
            self._queues.pods,
            (
                pod.metadata.key
                for pod in naming
                if pod.seen.spec.ephemeral_containers or not self._worker.pods_for(pod.metadata.key)
            ),
        )

    def _origin_of(self, copy: PartialObject, resource: Resource) -> str | None:
        annotations = copy.metadata.annotations
        if not self._identity.owns(copy.metadata) or names.VIRTUAL_NAME not in annotations:
            return None
        return dependent_key(resource, annotations.get(names.VIRTUAL_NAMESPACE, ""), annotations[names.VIRTUAL_NAME])

    def _node_behind(self, vnode: Node) -> str | None:
        return node_name_of(vnode) if self._identity.owns_vnode(vnode) else None

    def _is_for_us(self, policy: CustomObject) -> bool:
        return policy.spec.get("cluster") == self._identity.binding_name

    @staticmethod
    def _report(queue: WorkQueue[str], change: Change[CustomObject]) -> None:
        """Look at once, but not at a status: it is ours most likely, and looking at once would make every report call for the next one."""
        if is_status_only(change):
            queue.add_after(change.key, REPORT_DELAY_SECONDS)
        else:
            queue.add(change.key)

    @staticmethod
    def _add(queue: WorkQueue[str], keys: Iterable[str]) -> None:
        for key in keys:
            queue.add(key)


def _says(policy: CustomObject | None) -> tuple[object, ...]:
    """What of a policy matters to nodes: not its status."""
    return (policy.spec, policy.metadata.uid, policy.metadata.is_deleting) if policy is not None else ()


def is_status_only(change: Change[CustomObject]) -> bool:
    """Whether a change of an object touched nothing but its status."""
    before, after = change.before, change.after
    if before is None or after is None:
        return False
    return before.spec == after.spec and before.metadata == msgspec.structs.replace(
        after.metadata, resource_version=before.metadata.resource_version
    )


def _standing(vnode: Node | None) -> tuple[object, ...]:
    if vnode is None:
        return ()
    annotations = vnode.metadata.annotations
    ready = next((each.status for each in vnode.status.conditions if each.type == "Ready"), None)
    return (vnode.metadata.uid, vnode.metadata.is_deleting, ready, *(annotations.get(key) for key in promise.KEYS))


def applied_policies(vnode: Node | None) -> frozenset[str]:
    """Names of the policies that lend a vnode."""
    applied = vnode.metadata.annotations.get(names.POLICIES_APPLIED, "") if vnode else ""
    return frozenset(name for name in applied.split(",") if name)
