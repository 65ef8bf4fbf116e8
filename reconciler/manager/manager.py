"""The manager: one controller over all bindings, and the supervisor of their Bridges."""

from datetime import datetime

from reconciler import names
from reconciler.bridge.bridge import Surroundings
from reconciler.controller import Controller, Reconciler, Shell
from reconciler.kube.cache import Change
from reconciler.kube.projections import CustomObject, PartialObject
from reconciler.kube.transport import OnRequest
from reconciler.manager.decide import decide
from reconciler.manager.observe import ManagerObserver
from reconciler.manager.supervise import Supervisor
from reconciler.manager.view import ManagerView
from reconciler.perform import Written

WORKERS = 8  # a binding whose worker hangs must not hold up the others


class Manager:
    """Keeps every binding validated and every valid binding's Bridge running."""

    def __init__(self, around: Surroundings, on_request: OnRequest) -> None:
        self._around = around
        self._supervisor = Supervisor(self._wake)
        observer = ManagerObserver(around, self._supervisor, on_request)
        reconciler: Reconciler[ManagerView] = Reconciler(observer.observe, decide)
        shell = Shell(around.performer(None), self._seen, around.clock, around.metrics, around.wakeups)
        self._controller = Controller("manager", reconciler, shell)

    async def run(self) -> None:
        """Run until cancelled; every Bridge ends with it."""
        computing = self._around.computing
        ends = (computing.secrets.subscribe(self._on_secret), computing.bindings.subscribe(self._on_binding))
        self._wake_all()
        try:
            await self._controller.run(WORKERS)
        finally:
            for end in ends:
                end()
            await self._supervisor.stop_all()

    def _wake(self, name: str) -> None:
        self._controller.queue.add(name)

    def _wake_all(self) -> None:
        for binding in self._around.computing.bindings.values():
            self._wake(binding.metadata.name)

    def _on_secret(self, change: Change[PartialObject]) -> None:
        for binding in self._around.computing.bindings.values():
            ref = binding.spec.get("secretRef") or {}
            if change.key == f"{ref.get('namespace')}/{ref.get('name')}":
                self._wake(binding.metadata.name)

    def _on_binding(self, change: Change[CustomObject]) -> None:
        """Rivals are judged anew with every change that is not our own report."""
        if _matters(change.before) != _matters(change.after):
            self._wake(change.key)
            self._wake_all()

    async def _seen(self, written: Written, timeout_seconds: float) -> None:
        if written.target.resource == names.BINDINGS:
            bindings = self._around.computing.bindings
            await bindings.wait_seen(written.target.name, written.resource_version, timeout_seconds)


def _matters(seen: CustomObject | None) -> tuple[object, datetime | None] | None:
    if seen is None:
        return None
    metadata = seen.metadata
    return (
        seen.spec,
        metadata.annotations,
        metadata.finalizers,
        seen.status.get("workerClusterUID"),
    ), metadata.deletion_timestamp
