"""The whole system on real clusters: a sandbox of the session, the real reconciler process, and hands on both sides."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from oceanctl.sandbox.process import Program
from oceanctl.sandbox.sandbox import Sandbox
from reconciler.kube.client import Client, connect
from reconciler.kube.kubeconfig import from_file
from tests.integration.lending.hands import MOUNT, Hands, binding, policy

RESYNC_SECONDS = 5


class ReconcilerProcess:
    """`python -m reconciler` with its own ServiceAccount, as in production; killable."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.audit = folder / "audit.jsonl"
        self._settings = {
            "kubeconfig": str(sandbox.reconciler_kubeconfig),
            "state-dir": str(folder / "state"),
            "audit-log": str(self.audit),
            "resync-seconds": str(RESYNC_SECONDS),
            "heartbeat-seconds": "2",
            "metrics-port": "0",
            "health-port": "0",
            "listen-address": "127.0.0.1",
        }
        self.program = Program(folder, "reconciler")

    @property
    def log(self) -> Path:
        """What it says."""
        return self.program.log

    @property
    def audit_size(self) -> int:
        """Bytes of the audit log: it grows with every write to a cluster."""
        return self.audit.stat().st_size if self.audit.exists() else 0

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.program.process is not None

    def start(self, **settings: str) -> None:
        """Start it, unless it runs; `settings` differ from those of the session for this run."""
        if self.is_running:
            return
        wanted = {**self._settings, **{name.replace("_", "-"): value for name, value in settings.items()}}
        flags = [f"--{name}={value}" for name, value in wanted.items()]
        self.program.start([sys.executable, "-m", "reconciler", *flags], dict(os.environ))

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self.program.stop()

    def kill(self) -> None:
        """End it without asking."""
        self.program.stop(signal.SIGKILL)

    def restart(self, **settings: str) -> None:
        """Stop and start."""
        self.stop()
        self.start(**settings)


@pytest.fixture(scope="session")
def reconciler_process(sandbox: Sandbox, state_folder: Path) -> Iterator[ReconcilerProcess]:
    folder = state_folder / "reconciler"
    folder.mkdir()
    process = ReconcilerProcess(folder, sandbox)
    yield process
    process.stop()


@pytest.fixture
async def computing(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with await connect(await from_file(sandbox.kubeconfig("computing"))) as client:
        yield client


@pytest.fixture
async def worker_1(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with await connect(await from_file(sandbox.kubeconfig("worker-1"))) as client:
        yield client


@pytest.fixture
async def worker_2(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with await connect(await from_file(sandbox.kubeconfig("worker-2"))) as client:
        yield client


@pytest.fixture
async def fleet(
    sandbox: Sandbox,
    reconciler_process: ReconcilerProcess,
    computing: Client,
    worker_1: Client,
    worker_2: Client,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Hands]:
    """Both workers bound and lent by an always-open policy each, six vnodes Ready, the reconciler running; a namespace of the test's own."""
    hands = Hands(sandbox, reconciler_process, computing, {"worker-1": worker_1, "worker-2": worker_2}, MOUNT)
    reconciler_process.start()
    for name in ("worker-1", "worker-2"):
        await hands.apply(binding(name))
        await hands.apply(policy(f"{name}-always", name))
    await hands.vnodes_ready(6)
    await hands.own_namespace(request.node.name)
    yield hands
    await hands.tidy()
