"""The program as a person runs it, against a real API server."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oceanctl.cli import main
from oceanctl.sandbox import install
from oceanctl.sandbox.controlplane import ControlPlane
from reconciler import names
from reconciler.kube.client import connect
from reconciler.kube.kubeconfig import from_file
from tests.quickstart import Repository


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run of the program left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What it printed as JSON."""
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed


Run = Callable[..., Answer]


@pytest.fixture(scope="session")
def hub(bare_cluster: ControlPlane, state_folder: Path) -> ControlPlane:
    """A computing cluster with CRDs and permissions."""
    install.install_computing(bare_cluster, state_folder / "oceanctl-reconciler.yaml")
    return bare_cluster


@pytest.fixture
def prefix(hub: ControlPlane) -> Iterator[str]:
    """Of all names of a test; what is called so is removed afterwards."""
    text = f"t{uuid.uuid4().hex[:8]}-"
    yield text
    asyncio.run(_remove(hub, text))


async def _remove(hub: ControlPlane, prefix: str) -> None:
    async with await connect(await from_file(hub.kubeconfig)) as client:
        for resource in (names.POLICIES, names.BINDINGS):
            for each in await client.list(resource):
                if each["metadata"]["name"].startswith(prefix):
                    await client.delete(resource, each["metadata"]["name"], uid=each["metadata"]["uid"])


@pytest.fixture
def repository(tmp_path: Path, prefix: str) -> Repository:
    """The quickstart under names of the test's own."""
    repository = Repository(tmp_path / "fleet")
    repository.rename(prefix)
    return repository


@pytest.fixture
def run(
    hub: ControlPlane, repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run the program in the inventory's folder; there is no terminal."""
    monkeypatch.chdir(repository.folder)

    def run_(*arguments: str) -> Answer:
        code = main([*arguments, "--kubeconfig", str(hub.kubeconfig)])
        captured = capsys.readouterr()
        return Answer(int(code), captured.out, captured.err)

    return run_
