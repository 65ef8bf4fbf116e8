"""What can go wrong when real programs are started on this machine.

SandboxError
├── MissingProgramsError  Kubernetes' programs were neither found nor could be made; the text says what to install
├── ProgramDiedError      a program ended although it should run; the text ends with the tail of its log
└── NotReadyError         a deadline passed; the text says what was awaited and the last answer
"""

from inventory.errors import OceanError


class SandboxError(OceanError):
    """The sandbox cannot do what was asked."""


class MissingProgramsError(SandboxError):
    """There is no etcd or no Kubernetes here."""


class ProgramDiedError(SandboxError):
    """A program ended by itself."""


class NotReadyError(SandboxError):
    """Something did not become ready in time."""
