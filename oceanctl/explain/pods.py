"""Reading what concerns one pod from both clusters, live: no cache, so that what is missing is missing."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final

from oceanctl.explain.hub import Hub, hub_of, territory_of
from oceanctl.explain.names import unknown
from oceanctl.explain.pod import Placement
from oceanctl.explain.territory import Territory, case_of
from oceanctl.explain.worker import UnreachableError, worker_of
from oceanctl.fleet import listed
from reconciler import names
from reconciler.bottomup.reports import is_leased
from reconciler.bridge.computing import decode_partial, decode_pod
from reconciler.bridge.endings import ended_uid, ending_told
from reconciler.bridge.nodes import node_name_of
from reconciler.bridge.pods import copy_among, copy_names, ephemeral_api_of
from reconciler.kube.calls import Selection
from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError, NotFoundError
from reconciler.kube.placement import decode_pending
from reconciler.kube.projections import Copied, Node, PartialObject, Pod, Taint
from reconciler.kube.resources import PODS, Resource
from reconciler.marks import Identity
from reconciler.topdown.mapping import stands_for
from reconciler.topdown.references import references_of
from reconciler.topdown.silence import PATIENCE
from reconciler.topdown.view import Dependent, Disruption, EphemeralApi, PodView, Reference

_VNODE_TAINT: Final = Taint(names.TAINT_VNODE, "NoSchedule")


async def placement_of(client: Client, key: str, now: datetime) -> Placement:
    """Everything of a pod `namespace/name`; UnknownNameError with near names if there is none."""
    namespace, _, name = key.partition("/")
    pod = await _pod(client, namespace, name)
    if pod is None:
        known = await listed(client, PODS, Pod)
        raise unknown("pod", key, (each.metadata.key for each in known))
    hub = await hub_of(client)
    vnodes = Counter("open" if takes_pods(each) else "closed" for each in hub.vnodes.values())
    placement = Placement(pod, vnodes, is_tolerant(pod.raw))
    binding = _binding_of(hub, pod)
    return placement if binding is None else await _placed(hub, binding, placement, now)


def takes_pods(vnode: Node) -> bool:
    """Whether new pods may go to a vnode, apart from the taint that all of them have."""
    is_closed = any(taint.key == names.TAINT_CLOSED for taint in vnode.spec.taints)
    return is_leased(vnode) and not is_closed and not vnode.spec.unschedulable


def is_tolerant(raw_pod: bytes) -> bool:
    """Whether a pod (JSON) tolerates the taint of vnodes."""
    return any(each.covers(_VNODE_TAINT) for each in decode_pending.decode(raw_pod).spec.tolerations)


def _binding_of(hub: Hub, pod: Copied[Pod]) -> str | None:
    """Whose vnode it is on; of a vnode that is gone, the name tells."""
    node = pod.seen.spec.node_name
    vnode = hub.vnodes.get(node)
    for name in hub.valid_bindings():
        binding, state = hub.bound(name)
        if vnode is not None and state.identity.owns_vnode(vnode):
            return name
        if vnode is None and node.startswith(names.vnode_name(binding.cluster_id, "")):
            return name
    return None


async def _placed(hub: Hub, binding: str, placement: Placement, now: datetime) -> Placement:
    vnode_name = placement.pod.seen.spec.node_name
    vnode = hub.vnodes.get(vnode_name)
    node_name = node_name_of(vnode) if vnode else None
    node = node_name or vnode_name.removeprefix(names.vnode_name(hub.bound(binding)[0].cluster_id, ""))
    territory = await territory_of(hub, binding, node)
    view, trouble = await _view(hub, territory, node, placement.pod, now)
    return Placement(
        pod=placement.pod,
        vnodes=placement.vnodes,
        is_tolerant=placement.is_tolerant,
        view=view,
        node=case_of(territory, node, now),
        trouble=trouble,
    )


async def _view(hub: Hub, territory: Territory, node: str, pod: Copied[Pod], now: datetime) -> tuple[PodView, str]:
    view = PodView(
        binding=territory.binding,
        state=territory.state,
        key=pod.metadata.key,
        computing_pod=pod,
        worker_pod=None,
        vnode=territory.vnodes.get(pod.seen.spec.node_name),
        worker_node=territory.nodes.get(node),
        unreachable_since=now - PATIENCE,
    )
    try:
        async with AsyncExitStack() as stack:
            binding = territory.binding
            worker = await worker_of(stack, hub.client, binding, hub.pinned_uid(binding.name))
            return await _seen(view, Reader(hub.client, worker, territory.state.identity)), ""
    except (KubeError, UnreachableError) as error:
        return view, str(error)


async def _seen(view: PodView, reader: "Reader") -> PodView:
    """The view with what the worker shows."""
    pod = _there(view.computing_pod)
    found = await reader.worker_pods(pod)
    ours = [each for each in found if reader.identity.owns(each.metadata)]
    same = [each for each in ours if stands_for(each, pod)]
    worker_pod = next(iter(same or ours), None)
    dependents = await reader.dependents(pod)
    taken = copy_names(pod.metadata.namespace, pod.metadata.name, reader.identity)[0]
    return PodView(
        binding=view.binding,
        state=view.state,
        key=view.key,
        computing_pod=pod,
        worker_pod=worker_pod,
        worker_pod_is_gone=worker_pod is None,
        ended_by=await reader.ended_by(pod, worker_pod),
        name_is_taken=any(each.metadata.name == taken for each in found if each not in ours),
        vnode=view.vnode,
        worker_node=view.worker_node,
        dependents=dependents,
        ephemeral_api=await reader.ephemeral_api(pod, worker_pod) if worker_pod else None,
    )


class Reader:
    """Live reads of one pod's surroundings."""

    def __init__(self, computing: Client, worker: Client, identity: Identity) -> None:
        self.identity = identity
        self._computing = computing
        self._worker = worker

    async def worker_pods(self, pod: Copied[Pod]) -> list[Copied[Pod]]:
        """Whatever has one of the names that its worker pod may have."""
        possible = copy_names(pod.metadata.namespace, pod.metadata.name, self.identity)
        found = await asyncio.gather(*(_pod(self._worker, self.identity.mount_namespace, name) for name in possible))
        return [each for each in found if each is not None]

    async def ended_by(self, pod: Copied[Pod], worker_pod: Copied[Pod] | None) -> Disruption | None:
        """How somebody ended the worker pod, where the pods do not tell."""
        uid = ended_uid(pod, worker_pod)
        return await ending_told(self._worker, self.identity.mount_namespace, uid) if uid else None

    async def ephemeral_api(self, pod: Copied[Pod], worker_pod: Copied[Pod]) -> EphemeralApi | None:
        """How the worker takes what `kubectl debug` adds, if there is something to add."""
        return await ephemeral_api_of(self._worker, pod, worker_pod)

    async def dependents(self, pod: Copied[Pod]) -> tuple[Dependent, ...]:
        """What it references, as metadata only: nobody here wants to see a Secret."""
        namespace = pod.metadata.namespace
        return tuple(await asyncio.gather(*(self._dependent(each, namespace) for each in references_of(pod.raw))))

    async def _dependent(self, reference: Reference, namespace: str) -> Dependent:
        mount, possible = self.identity.mount_namespace, copy_names(namespace, reference.name, self.identity)
        origin, *copies = await asyncio.gather(
            _metadata(self._computing, reference.resource, namespace, reference.name),
            *(_metadata(self._worker, reference.resource, mount, name) for name in possible),
        )
        there = {each.metadata.key: each for each in copies if each is not None}
        copy_name, copy = copy_among(there.get, namespace, reference.name, self.identity)
        return Dependent(reference, origin.metadata if origin else None, copy, copy_name)


async def _pod(client: Client, namespace: str, name: str) -> Copied[Pod] | None:
    try:
        raw = await client.get_raw(PODS, name, namespace)
    except NotFoundError:
        return None
    return Copied(decode_pod(raw), raw)


async def _metadata(client: Client, resource: Resource, namespace: str, name: str) -> PartialObject | None:
    selection = Selection(resource, namespace, field_selector=f"metadata.name={name}", metadata_only=True)
    page = await client.page(selection)
    return decode_partial(bytes(page.items[0])) if page.items else None


def _there(pod: Copied[Pod] | None) -> Copied[Pod]:
    if pod is None:
        raise ValueError("there is no pod to look at")
    return pod
