"""A real repository, a real API server, and the loop between them, one pass at a time."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from oceanctl.sandbox import install
from oceanctl.sandbox.controlplane import ControlPlane
from reconciler import names
from reconciler.bridge.computing import cluster_uid
from reconciler.clock import SystemClock
from reconciler.decision import Side
from reconciler.events import EventRecorder
from reconciler.gitops.live import live_objects
from reconciler.gitops.loop import GitLoop
from reconciler.gitops.state import Record, name_for, record_from
from reconciler.kube.client import Client, connect
from reconciler.kube.kubeconfig import from_file
from reconciler.kube.resources import CONFIGMAPS, EVENTS
from reconciler.perform import Performer
from reconciler.settings import Settings
from tests.quickstart import Repository
from tests.recording import new_recorder


@dataclass(slots=True)
class Fleet:
    """An inventory of its own ID and names, which are the quickstart's with a prefix.

    `client` is the reconciler's, with its own permissions; `person` is an administrator.
    """

    repository: Repository
    settings: Settings
    client: Client
    person: Client
    cluster_uid: str
    prefix: str
    loop: GitLoop = field(init=False)
    recorder: EventRecorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = new_recorder()
        self.restart()

    @property
    def inventory_id(self) -> str:
        return f"{self.prefix}quickstart"

    def restart(self, **settings: Any) -> None:
        """A reconciler that remembers nothing; what lies in its state folder is still there."""
        self.settings = replace(self.settings, **settings)
        performer = Performer({Side.COMPUTING: self.client}, SystemClock(), lambda _line: None, self.recorder.record)
        self.loop = GitLoop(self.settings, self.client, performer, self.cluster_uid, SystemClock())

    async def settle(self) -> None:
        """As many passes as a first meeting takes: one makes the ConfigMap, the next applies."""
        for _ in range(2):
            await self.attend()

    async def attend(self) -> None:
        """One pass, and its Events."""
        await self.loop.attend()
        await self.recorder.flush()

    async def names(self) -> set[str]:
        """The custom resources of this inventory, without the prefix."""
        live = await live_objects(self.client)
        return {
            each["metadata"]["name"].removeprefix(self.prefix)
            for each in live
            if each["metadata"].get("labels", {}).get(names.INVENTORY_ID) == self.inventory_id
        }

    async def record(self) -> Record:
        """The ConfigMap of this inventory."""
        return record_from(await self.client.get(CONFIGMAPS, name_for(self.inventory_id), names.SYSTEM_NAMESPACE))

    async def ready(self) -> tuple[str, str, str]:
        """Status, reason and message of Ready."""
        condition = (await self.record()).state.condition("Ready")
        return condition["status"], condition["reason"], condition["message"]

    async def events(self) -> list[str]:
        """Reasons of all Events about the ConfigMap, the oldest first."""
        selector = f"involvedObject.name={name_for(self.inventory_id)}"
        found = await self.person.list(EVENTS, names.SYSTEM_NAMESPACE, field_selector=selector)
        uid = (await self.record()).uid
        assert {each["involvedObject"]["uid"] for each in found} == {uid}
        return [each["reason"] for each in sorted(found, key=lambda each: int(each["metadata"]["resourceVersion"]))]

    async def approve(self, token: str) -> None:
        """What a person does with kubectl annotate."""
        patch = {"metadata": {"annotations": {names.APPROVE: token}}}
        await self.person.patch(CONFIGMAPS, name_for(self.inventory_id), patch, names.SYSTEM_NAMESPACE)


@pytest.fixture(scope="session")
def hub(bare_cluster: ControlPlane, state_folder: Path) -> tuple[ControlPlane, Path]:
    """A computing cluster with CRDs and permissions, and the kubeconfig of the reconciler's own ServiceAccount."""
    file = state_folder / "gitops-reconciler.yaml"
    install.install_computing(bare_cluster, file)
    return bare_cluster, file


@pytest.fixture
async def fleet(hub: tuple[ControlPlane, Path], tmp_path: Path) -> AsyncIterator[Fleet]:
    """The quickstart, applied once with the reconciler's own permissions."""
    prefix = f"t{uuid.uuid4().hex[:8]}-"
    repository = Repository(tmp_path / "fleet")
    repository.rename(prefix)
    settings = Settings(git_url=str(repository.folder), git_allow_local=True, state_dir=str(tmp_path / "state"))
    async with (
        await connect(await from_file(hub[1])) as client,
        await connect(await from_file(hub[0].kubeconfig)) as person,
    ):
        fleet = Fleet(repository, settings, client, person, await cluster_uid(client), prefix)
        await fleet.settle()
        yield fleet
        for each in await live_objects(person):
            if each["metadata"]["name"].startswith(prefix):
                resource = names.BINDINGS if each["kind"] == names.BINDINGS.kind else names.POLICIES
                await person.delete(resource, each["metadata"]["name"], uid=each["metadata"]["uid"])
