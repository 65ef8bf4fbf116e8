"""What a worker shows of its nodes, through the kubeconfig of its binding; what cannot be read is told, not guessed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from inventory.model import Binding
from oceanctl.access import cluster_uid
from oceanctl.fleet import listed
from reconciler import names
from reconciler.bottomup.load import ForeignPod, foreign_pod_for
from reconciler.bridge.computing import decode_pod
from reconciler.kube.calls import Selection
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import KubeError
from reconciler.kube.projections import CustomObject, Node, Pod
from reconciler.kube.resources import NODES, PODS
from reconciler.manager.probe import KubeconfigUnusableError, credential_of

TIMEOUT_SECONDS: Final = 10.0  # a person waits
_UNBOUND: Final = "spec.nodeName=,status.phase=Pending"


class UnreachableError(Exception):
    """The worker cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Of one worker; `policies` None: they cannot be listed, empty: there are none. `trouble` says why nothing is known.

    `waiting` are pods of the owner that no node has room for.
    """

    nodes: Sequence[Node] = ()
    pods: Sequence[Pod] = ()
    waiting: Sequence[ForeignPod] = ()
    policies: Sequence[CustomObject] | None = None
    trouble: str = ""


async def worker_of(stack: AsyncExitStack, computing: Client, binding: Binding, pinned_uid: str | None) -> Client:
    """A client of the worker, open as long as the stack is; UnreachableError if it does not answer or is another cluster."""
    try:
        credential = await credential_of(computing, binding)
        client = await stack.enter_async_context(await connect(credential.access, timeout_seconds=TIMEOUT_SECONDS))
        uid = await cluster_uid(client)
    except (KubeError, KubeconfigUnusableError) as error:
        raise UnreachableError(str(error)) from error
    if pinned_uid not in (None, uid):
        raise UnreachableError("another cluster answers under its address")
    return client


async def look(computing: Client, binding: Binding, pinned_uid: str | None, node_name: str | None) -> Sight:
    """All nodes and pods of a worker, or one node and the pods on it."""
    field = {"node": f"metadata.name={node_name}", "pod": f"spec.nodeName={node_name}"} if node_name else {}
    try:
        async with AsyncExitStack() as stack:
            client = await worker_of(stack, computing, binding, pinned_uid)
            nodes = await listed(client, NODES, Node, field_selector=field.get("node", ""))
            pods = await listed(client, PODS, Pod, field_selector=field.get("pod", "")) if nodes else []
            return Sight(nodes, pods, [each async for each in _waiting(client)], await _policies(client))
    except (KubeError, UnreachableError) as error:
        return Sight(trouble=str(error))


async def _waiting(client: Client) -> AsyncIterator[ForeignPod]:
    """As the reconciler keeps them: from their bytes."""
    selection, rest = Selection(PODS, field_selector=_UNBOUND), ""
    while True:
        page = await client.page(selection, rest)
        for raw in page.items or ():
            pod = foreign_pod_for(decode_pod(bytes(raw)), bytes(raw))
            if pod.waiting is not None:
                yield pod
        rest = page.metadata.continue_
        if not rest:
            return


async def _policies(client: Client) -> Sequence[CustomObject] | None:
    try:
        return await listed(client, names.POLICIES, CustomObject) if await client.has(names.POLICIES) else ()
    except KubeError:
        return None


async def node_names_in(computing: Client, binding: Binding, pinned_uid: str | None) -> list[str]:
    """Names of its nodes, to suggest one; none if it cannot be read."""
    try:
        async with AsyncExitStack() as stack:
            client = await worker_of(stack, computing, binding, pinned_uid)
            return [node.metadata.name for node in await listed(client, NODES, Node)]
    except (KubeError, UnreachableError):
        return []
