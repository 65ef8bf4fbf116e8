"""An unchanged world is not written to (issue case 1), counted at the API servers by their own audit logs."""

import asyncio
from pathlib import Path

from reconciler.kube.resources import CONFIGMAPS, NODES, PODS, SECRETS
from tests.integration.audit import AuditLog, Request
from tests.integration.lending.conftest import RESYNC_SECONDS
from tests.integration.lending.hands import Hands, eventually
from tests.integration.lending.test_dependents import configmap, reader, secret

OURS = ("system:serviceaccount:kubeocean-system:", "system:serviceaccount:kubeocean-worker:")
EXEMPT = {"leases", "selfsubjectaccessreviews"}  # renewals and access reviews, as the rule says


def our_writes(log: AuditLog) -> list[Request]:
    return [write for account in OURS for write in log.writes(by=account) if write.resource not in EXEMPT]


async def test_a_second_pass_over_an_unchanged_world_writes_nothing(fleet: Hands) -> None:
    vnodes = sorted(vnode["metadata"]["name"] for vnode in await fleet.vnodes())
    await fleet.create(CONFIGMAPS, configmap("settings", color="blue"))
    await fleet.create(SECRETS, secret("key", token="abc"))
    for number, vnode in enumerate(vnodes):
        await fleet.create(PODS, reader(f"reader-{number}", vnode))
    for number in range(len(vnodes)):
        await fleet.running(f"reader-{number}")
    logs = [AuditLog(audit_file(fleet, cluster)) for cluster in ("computing", "worker-1", "worker-2")]
    await settled(logs)
    await asyncio.sleep(2 * RESYNC_SECONDS + 1)  # the very subject: two resync periods without a write
    assert [write for log in logs for write in our_writes(log)] == []


async def test_the_counter_sees_a_patch_that_changes_nothing(fleet: Hands) -> None:
    log = AuditLog(audit_file(fleet, "computing"))
    vnode = (await fleet.vnodes())[0]["metadata"]["name"]
    await fleet.computing.patch(NODES, vnode, {})

    async def is_counted() -> bool:
        return any(write.resource == "nodes" and write.name == vnode for write in log.writes())

    await eventually(is_counted, "the no-op patch in the audit log")


async def settled(logs: list[AuditLog]) -> None:
    """Wait until nothing of ours has been written for one resync period."""

    async def is_settled() -> bool:
        for log in logs:
            log.mark()
        await asyncio.sleep(RESYNC_SECONDS)
        return not any(our_writes(log) for log in logs)

    await eventually(is_settled, "the world to settle", 60)


def audit_file(fleet: Hands, cluster: str) -> Path:
    """The audit log of a cluster's API server."""
    file = fleet.sandbox.cluster(cluster).wants.audit_log
    assert file is not None
    return file
