"""The custom resources of the computing cluster, as plans need them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from reconciler import names
from reconciler.kube.client import Client
from reconciler.kube.resources import Resource


async def live_objects(client: Client) -> tuple[Mapping[str, Any], ...]:
    """Every ClusterBinding and ResourceLeasingPolicy with its managedFields, read now: a cache would lack them."""
    async with asyncio.TaskGroup() as tasks:
        bindings = tasks.create_task(_listed(client, names.BINDINGS), name="bindings")
        policies = tasks.create_task(_listed(client, names.POLICIES), name="policies")
    return (*bindings.result(), *policies.result())


async def _listed(client: Client, resource: Resource) -> list[Mapping[str, Any]]:
    found = await client.list(resource)
    return [{"apiVersion": resource.api_version, "kind": resource.kind, **each} for each in found]
