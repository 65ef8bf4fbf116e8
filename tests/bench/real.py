"""Real clusters for benches; one bench at a time has them, and what a killed one left behind is taken down first."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from oceanctl.sandbox import controlplane
from oceanctl.sandbox.controlplane import ControlPlane, Wants
from oceanctl.sandbox.folders import locked
from oceanctl.sandbox.programs import find
from oceanctl.sandbox.progress import to_stderr
from oceanctl.sandbox.sandbox import Sandbox, Shape
from tests.integration.lending.conftest import ReconcilerProcess

STATE: Final = Path(__file__).parents[2] / ".state" / "bench"


@contextmanager
def state_folder() -> Iterator[Path]:
    """The folder of benches, ours alone."""
    STATE.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(STATE):
        yield STATE


@contextmanager
def api_server() -> Iterator[ControlPlane]:
    """etcd and kube-apiserver, nothing else."""
    with state_folder() as state:
        folder = state / "api-server"
        controlplane.remove(folder)
        cluster = ControlPlane.prepare(folder, find(), Wants(controller_manager=False, scheduler=False))
        try:
            cluster.start()
            yield cluster
        finally:
            controlplane.remove(folder)


@contextmanager
def sandbox_with_reconciler(shape: Shape) -> Iterator[tuple[Sandbox, ReconcilerProcess]]:
    """A sandbox that is up, and a reconciler for it that is yet to be started."""
    with state_folder() as state:
        sandbox, folder = Sandbox(state / "sandbox"), state / "reconciler"
        folder.mkdir(exist_ok=True)
        process = ReconcilerProcess(folder, sandbox)
        _end(process, sandbox)
        try:
            sandbox.up(shape, to_stderr())
            yield sandbox, process
        finally:
            _end(process, sandbox)
            shutil.rmtree(folder)
            shutil.rmtree(sandbox.folder)


def _end(process: ReconcilerProcess, sandbox: Sandbox) -> None:
    process.stop()
    sandbox.down()
