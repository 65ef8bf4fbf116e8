"""The reconciler is killed again and again while a Job runs and a window closes; the end is the same (issue case 2)."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from reconciler import names
from reconciler.kube.resources import CONFIGMAPS, PODS, SECRETS
from tests.integration.lending.hands import Hands, Json, own_annotation, policy, sleeper
from tests.integration.lending.test_closing import JOBS, POLICY, closed
from tests.integration.lending.test_dependents import configmap, secret

RUNS = 4
KILLS_PER_RUN = 5
RIGHT_AFTER_A_WRITE = 3  # of the five in each run
AT_LEAST_AFTER_A_WRITE = 2  # when there was something to write: eight in all runs, the rule asks for five
COMPLETIONS = 12
PARALLELISM = 4  # waves, so that there is something to write until the last kill


class Killer:
    """Kills and restarts the process at seeded moments, some of them right after a write of its own."""

    def __init__(self, fleet: Hands, seed: int) -> None:
        self.fleet = fleet
        self.random = random.Random(seed)
        self.after_writes = 0

    async def run(self) -> None:
        later = [True] * (RIGHT_AFTER_A_WRITE - 1) + [False] * (KILLS_PER_RUN - RIGHT_AFTER_A_WRITE)
        self.random.shuffle(later)
        for is_after_write in (True, *later):
            await asyncio.sleep(self.random.uniform(0.5, 3.0))  # a seeded moment is the subject of the test
            if is_after_write:
                await self._next_write()
            await asyncio.to_thread(self.fleet.process.kill)
            await asyncio.to_thread(self.fleet.process.start)

    async def _next_write(self) -> None:
        """Return within 200 ms after the process has written to a cluster."""
        size = self.fleet.process.audit_size
        try:
            async with asyncio.timeout(8):
                while self.fleet.process.audit_size == size:
                    await asyncio.sleep(0.005)
        except TimeoutError:
            return
        await asyncio.sleep(self.random.uniform(0, 0.15))
        self.after_writes += 1


@pytest.fixture
async def job_fleet(fleet: Hands) -> AsyncIterator[Hands]:
    yield fleet
    fleet.process.start()
    await fleet.apply(policy(POLICY, "worker-1"))
    await fleet.vnodes_ready(6)


def job() -> Json:
    pod = sleeper("unused", seconds=5)["spec"]
    pod["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "key"}}]
    spec = {
        "completions": COMPLETIONS,
        "parallelism": PARALLELISM,
        "backoffLimit": COMPLETIONS,
        "template": {"spec": pod},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}, "spec": spec}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(RUNS))
async def test_kills_change_nothing_about_the_end(job_fleet: Hands, seed: int) -> None:
    fleet = job_fleet
    bystander = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"bystander-{seed}"},
        "data": {"whose": "the owner's"},
    }
    before = await fleet.workers["worker-1"].create(CONFIGMAPS, bystander, fleet.mount)
    await fleet.create(CONFIGMAPS, configmap("settings", color="blue"))
    await fleet.create(SECRETS, secret("key", token="abc"))
    killer = Killer(fleet, seed)
    watcher = asyncio.create_task(watch_for_duplicates(fleet))
    killing = asyncio.create_task(killer.run())
    await fleet.create(JOBS, job())
    await fleet.until(lambda: is_under_way(fleet), "pods of the job on worker-1")
    await fleet.apply(closed())
    await killing
    await fleet.until(lambda: is_finished(fleet), "the job to finish", 120)
    watcher.cancel()
    assert (await asyncio.gather(watcher, return_exceptions=True))[0].__class__ is asyncio.CancelledError
    assert killer.after_writes >= AT_LEAST_AFTER_A_WRITE
    await fleet.until(lambda: is_settled(fleet), "both sides to agree")
    after = await fleet.workers["worker-1"].get(CONFIGMAPS, f"bystander-{seed}", fleet.mount)
    assert after == before


async def watch_for_duplicates(fleet: Hands) -> None:
    """No computing pod ever has two worker pods, anywhere."""
    while True:
        pods = [pod for worker in fleet.workers for pod in await fleet.worker_pods(worker)]
        uids = [own_annotation(pod, names.VIRTUAL_POD_UID) for pod in pods]
        assert len(uids) == len(set(uids)), uids
        await asyncio.sleep(0.2)


async def is_under_way(fleet: Hands) -> bool:
    return bool(await fleet.worker_pods("worker-1"))


async def is_finished(fleet: Hands) -> bool:
    found = await fleet.find(JOBS, "job")
    status = (found or {}).get("status", {})
    assert not any(condition["type"] == "Failed" for condition in status.get("conditions", [])), status
    return bool(status.get("succeeded") == COMPLETIONS)


async def is_settled(fleet: Hands) -> bool:
    """Every computing pod is finished, and every worker pod stands for one of them, finished as well."""
    pods = await fleet.computing.list(PODS, fleet.namespace)
    phases = {pod["metadata"]["uid"]: pod["status"]["phase"] for pod in pods}
    mirrored = [pod for worker in fleet.workers for pod in await fleet.worker_pods(worker)]
    stand_for = {own_annotation(pod, names.VIRTUAL_POD_UID): pod["status"]["phase"] for pod in mirrored}
    is_over = all(phase in ("Succeeded", "Failed") for phase in phases.values())
    return is_over and all(phases.get(uid or "") == phase for uid, phase in stand_for.items())
