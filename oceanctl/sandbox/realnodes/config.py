"""The configuration file of a node's first process: JSON, strictly read."""

from pathlib import Path

import msgspec

from oceanctl.sandbox.errors import SandboxError


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node.

    Attributes:
        name: The Node's name; the credential in `kubeconfig` must be `system:node:NAME` of group `system:nodes`.
        folder: Where it keeps everything: containers, volumes, logs.
        cgroup: Its control group, from the root of the hierarchies; all its processes are in it.
        address: Its address on the bridge, with the length of the prefix.
        pod_range: The /24 from which its pods have their addresses.
        version: The kubelet's version, without `v`.
        kubelet: The executable.
        kubeconfig: How to reach the API server.
        client_authority: Whose clients may use the kubelet's API.
        certificate: The serving certificate, valid for the address.
        key: Its private key.
        images: Archives to import before the kubelet starts.
        sandbox_image: What holds a pod's namespaces; one of the imported.

    """

    name: str
    folder: Path
    cgroup: str
    address: str
    pod_range: str
    version: str
    kubelet: Path
    kubeconfig: Path
    client_authority: Path
    certificate: Path
    key: Path
    images: tuple[Path, ...]
    sandbox_image: str

    @property
    def ip(self) -> str:
        """The address alone."""
        return self.address.partition("/")[0]

    @property
    def minor(self) -> int:
        """The 20 of 1.20.2."""
        return int(self.version.split(".")[1])


def load(file: Path) -> NodeConfig:
    """The configuration in `file`; SandboxError says what is wrong with it."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=NodeConfig, dec_hook=_path_from)
    except (OSError, msgspec.DecodeError) as error:
        raise SandboxError(f"{file}: {error}") from error


def dump(config: NodeConfig, file: Path) -> None:
    """The inverse of `load`."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(config, enc_hook=str)))


def _path_from(_kind: type, text: str) -> Path:
    """Paths are the only fields that are not JSON by themselves."""
    return Path(text)
