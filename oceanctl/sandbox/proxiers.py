"""The proxiers of a sandbox: a process per replica, on an address of this machine that no other sandbox has."""

import hashlib
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oceanctl.sandbox.pki import Authority, Identity, Usage
from oceanctl.sandbox.process import Program
from oceanctl.sandbox.sandbox import COMPUTING, Sandbox


@dataclass(frozen=True, slots=True)
class SandboxProxier:
    """One replica that serves one binding; `number` tells replicas apart."""

    sandbox: Sandbox
    binding: str
    number: int = 1

    @property
    def address(self) -> str:
        """In 127.0.0.0/8, by the sandbox' folder and the replica's number: replicas open the same ports."""
        digest = hashlib.blake2b(f"{self.sandbox.folder.resolve()}/{self.number}".encode(), digest_size=3).digest()
        return f"127.{1 + digest[0] % 254}.{digest[1]}.{1 + digest[2] % 254}"

    @property
    def program(self) -> Program:
        """Its process; `sandbox down` stops it too."""
        return Program(self.sandbox.folder, f"proxier-{self.binding}-{self.number}")

    def start(self, **settings: Any) -> None:
        """Start it, unless it runs; it begins to serve when its binding is there."""
        wanted = {**self._settings(), **settings}
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in wanted.items()]
        self.program.start([sys.executable, "-P", "-m", "proxier", *flags])

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Stop it; SIGKILL for a crash."""
        self.program.stop(signum)

    def _settings(self) -> dict[str, Any]:
        pki = Path(self.sandbox.cluster(COMPUTING).folder, "pki")
        name = f"proxier-{self.number}"
        serving = Identity("kubeocean-proxier", hosts=(self.address,), usage=Usage.SERVER)
        issued = Authority(pki).issue(name, serving)
        return {
            "binding": self.binding,
            "name": f"{self.binding}-{self.number}",
            "kubeconfig": self.sandbox.proxier_kubeconfig,
            "address": self.address,
            "advertise_address": self.address,
            "tls_cert_file": issued.certificate,
            "tls_key_file": issued.key,
            "drain_seconds": 2,
            "metrics_port": 0,
            "health_port": 0,
        }
