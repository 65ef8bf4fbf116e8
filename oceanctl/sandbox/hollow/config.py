"""The configuration file of a hollow kubelet process: JSON, strictly read."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from oceanctl.sandbox.errors import SandboxError


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node.

    Attributes:
        name: The Node's name; the credential in `kubeconfig` must be `system:node:NAME` of group `system:nodes`.
        kubeconfig: How to reach the API server.
        port: Where its kubelet API listens, on 127.0.0.1.
        certificate: The serving certificate, valid for 127.0.0.1.
        key: Its private key.
        capacity: Resources, as quantities; allocatable is the same.
        pod_range: The /24 (or larger) from which its pods have their addresses.
        labels: Further labels of the Node.

    """

    name: str
    kubeconfig: Path
    port: int
    certificate: Path
    key: Path
    capacity: dict[str, str]
    pod_range: str
    labels: dict[str, str] = {}


class HollowConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One process with the nodes of one cluster.

    Attributes:
        version: The Kubernetes version that the nodes claim to run, without `v`.
        client_authority: Whose clients may use the kubelet API.
        folder: Where containers' logs are kept.
        nodes: The nodes.
        restart_backoff_seconds: The first delay before a container is restarted again; kubelets take 10 s.

    """

    version: str
    client_authority: Path
    folder: Path
    nodes: tuple[NodeConfig, ...]
    restart_backoff_seconds: Annotated[float, msgspec.Meta(gt=0)] = 10.0

    @property
    def restart_backoff(self) -> timedelta:
        """As a duration."""
        return timedelta(seconds=self.restart_backoff_seconds)


def load(file: Path) -> HollowConfig:
    """The configuration in `file`; SandboxError says what is wrong with it."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=HollowConfig, dec_hook=_path_from)
    except (OSError, msgspec.DecodeError) as error:
        raise SandboxError(f"{file}: {error}") from error


def dump(config: HollowConfig, file: Path) -> None:
    """The inverse of `load`."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(config, enc_hook=str)))


def _path_from(_kind: type, text: str) -> Path:
    """Paths are the only fields that are not JSON by themselves."""
    return Path(text)
