"""The owner of a worker may install policies there at any time, and take them away again; nobody here is asked or restarted."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

import crds
from reconciler import names
from reconciler.kube.client import Client
from reconciler.kube.resources import CRDS
from tests.integration.lending.hands import Hands, Json, found, own_annotation, policy, removed

POLICY = "owners-word"
(DEFINITION,) = (each for each in crds.load() if each["spec"]["names"]["kind"] == names.POLICIES.kind)


@pytest.fixture
async def owner(fleet: Hands) -> AsyncIterator[Client]:
    """The owner of worker-1, who has installed the CRD while it is lent; it is uninstalled in the end, and lent again."""
    worker = fleet.workers["worker-1"]
    await worker.create(CRDS, dict(DEFINITION))

    async def is_served() -> bool:
        return await worker.list(names.POLICIES) == []

    await fleet.until(is_served, "the worker to serve policies")
    yield worker
    await removed(worker, CRDS, DEFINITION["metadata"]["name"])

    async def is_uninstalled() -> bool:
        return await found(worker, CRDS, DEFINITION["metadata"]["name"]) is None

    await fleet.until(is_uninstalled, "the CRD to be uninstalled")
    await fleet.vnodes_ready(3, "worker-1")


async def is_closed(fleet: Hands) -> bool:
    vnodes = await fleet.vnodes("worker-1")
    return len(vnodes) == 3 and all(own_annotation(vnode, names.WINDOW_CLOSED_AT) for vnode in vnodes)


def closed_today() -> Json:
    day = (datetime.now(UTC) + timedelta(days=3)).strftime("%A")
    return policy(POLICY, "worker-1", timeWindows=[{"start": "00:00", "end": "00:00", "days": [day]}])


async def test_a_policy_of_the_owner_is_a_veto_from_when_it_is_there(fleet: Hands, owner: Client) -> None:
    await owner.create(names.POLICIES, closed_today())
    await fleet.until(lambda: is_closed(fleet), "the vnodes of worker-1 to close")
    await owner.patch(names.POLICIES, POLICY, {"spec": {"timeWindows": None}})
    await fleet.vnodes_ready(3, "worker-1")
    await owner.patch(names.POLICIES, POLICY, {"spec": {"resourceLimits": [{"resource": "cpu", "quantity": "1"}]}})

    async def is_smaller() -> bool:
        vnodes = await fleet.vnodes("worker-1")
        return {vnode["status"]["allocatable"]["cpu"] for vnode in vnodes} == {"1"}

    await fleet.until(is_smaller, "the smaller lease to hold")
    await owner.patch(names.POLICIES, POLICY, {"spec": {"timeZone": "Mars/Olympus"}})
    await fleet.until(lambda: is_closed(fleet), "a mistyped policy to veto as well")
