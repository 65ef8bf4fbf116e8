"""Reaching the computing cluster: the kubeconfig of the person who types, and a client that is closed again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oceanctl.shell import Shell
from reconciler.kube import kubeconfig
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import RejectedError
from reconciler.kube.resources import NAMESPACES
from reconciler.names import BINDINGS, POLICIES


@asynccontextmanager
async def computing_cluster(shell: Shell) -> AsyncIterator[Client]:
    """A client for the cluster of --kubeconfig and --context, known to have our kinds."""
    access = await kubeconfig.from_file(shell.kubeconfig, shell.context)
    async with await connect(access) as client:
        shell.screen.detail(f"computing cluster {client.server}")
        await _require_kinds(client)
        yield client


async def cluster_uid(client: Client) -> str:
    """What tells one cluster from another: the UID of its kube-system namespace."""
    namespace = await client.get(NAMESPACES, "kube-system")
    return str(namespace["metadata"]["uid"])


async def _require_kinds(client: Client) -> None:
    for resource in (BINDINGS, POLICIES):
        if not await client.has(resource):
            raise RejectedError(
                f"{client.server} does not know {resource.plural}.{resource.group}: is this the computing cluster, and are the CRDs of crds/ installed?"
            )
