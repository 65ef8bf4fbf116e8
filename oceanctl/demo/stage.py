"""What the demo works with: the sandbox, the inventory repository, the reconciler as a process, and a kubectl per cluster."""

import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from oceanctl.demo.errors import DemoError
from oceanctl.demo.narrator import OUTPUT_MARGIN, Narrator
from oceanctl.demo.programs import Checkout, Kubectl
from oceanctl.sandbox import programs
from oceanctl.sandbox.process import Program
from oceanctl.sandbox.proxiers import SandboxProxier
from oceanctl.sandbox.sandbox import COMPUTING, Sandbox
from oceanctl.shell import Shell
from reconciler import names
from reconciler.gitops.state import State, record_from

POLL_SECONDS: Final = 2  # how often the demo's reconciler asks for news; the default of a minute is for real fleets
BRANCH: Final = "main"
EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "quickstart"  # of a checkout; a wheel has none
INVENTORY_ID: Final = "quickstart"
DEMO_FOLDER: Final = "demo"  # within the folder of the sandbox


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the steps act on."""

    shell: Shell
    narrator: Narrator
    sandbox: Sandbox
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.sandbox.folder / DEMO_FOLDER)

    @property
    def checkout(self) -> Checkout:
        """The inventory, as its author has it."""
        return Checkout(self.folder / "inventory")

    @property
    def remote(self) -> Path:
        """The inventory, as the reconciler fetches it."""
        return self.folder / "inventory.git"

    @property
    def reconciler(self) -> Program:
        """The reconciler's process; `sandbox down` stops it too."""
        return Program(self.sandbox.folder, "reconciler")

    def kubectl(self, cluster: str = COMPUTING) -> Kubectl:
        """Of the sandbox' own Kubernetes version, as administrator."""
        return Kubectl(programs.find().path("kubectl"), self.sandbox.kubeconfig(cluster))

    def author_shell(self) -> Shell:
        """How the author of the inventory calls oceanctl."""
        shell = self.shell
        return Shell(
            screen=replace(shell.screen, margin=OUTPUT_MARGIN),
            interrupts=shell.interrupts,
            inventory=self.checkout.folder,
            kubeconfig=self.sandbox.kubeconfig(COMPUTING),
            may_ask=False,
        )

    def state(self) -> State | None:
        """What the reconciler has written about the inventory."""
        arguments = ["-n", names.SYSTEM_NAMESPACE, "get", "configmap", "-o", "json"]
        listed = json.loads(self.kubectl().run(*arguments, "-l", f"{names.INVENTORY_ID}={INVENTORY_ID}"))
        return record_from(listed["items"][0]).state if listed["items"] else None

    def get(self, *arguments: str) -> list[dict[str, Any]]:
        """Objects of the computing cluster."""
        self.check_reconciler()
        items: list[dict[str, Any]] = json.loads(self.kubectl().run("get", *arguments, "-o", "json"))["items"]
        return items

    def check_reconciler(self) -> None:
        """DemoError with the end of its log when the reconciler has died: waiting for it would be in vain."""
        if self.reconciler.process is None:
            raise DemoError(
                f"the reconciler ended; its log {self.reconciler.log} closes with:\n{self.reconciler.log_tail()}"
            )

    def remove(self) -> None:
        """Delete the demo's own files; its process went with the sandbox."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_reconciler(self) -> None:
        """`python -m reconciler`, with its own ServiceAccount's permissions."""
        config = self.folder / "reconciler.yaml"
        config.write_text(json.dumps(self._settings(), indent=2) + "\n")  # JSON is YAML
        self.reconciler.start([sys.executable, "-m", "reconciler", "--role", "all", "--config", str(config)])

    def start_proxiers(self, bindings: Iterable[str]) -> None:
        """`python -m proxier` for each binding, with its own ServiceAccount's permissions; `sandbox down` stops them too."""
        for binding in bindings:
            SandboxProxier(self.sandbox, binding).start()

    def _settings(self) -> dict[str, Any]:
        return {
            "kubeconfig": str(self.sandbox.reconciler_kubeconfig),
            "state_dir": str(self.folder / "reconciler"),
            "git_url": str(self.remote),
            "git_branch": BRANCH,
            "git_allow_local": True,
            "git_poll_seconds": POLL_SECONDS,
            "metrics_port": 0,
            "health_port": 0,
        }
