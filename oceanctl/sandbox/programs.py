"""Where etcd and Kubernetes' own programs come from: a given folder, the cache, the official releases, or Debian's sources."""

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oceanctl.sandbox.components import COMPONENTS, ETCD
from oceanctl.sandbox.errors import MissingProgramsError
from oceanctl.sandbox.folders import cache_folder

GIVEN_FOLDERS: Final = (
    "OCEAN_KUBERNETES_BIN",
    "KUBEBUILDER_ASSETS",
)  # environment variables; the more specific one first
KUBECTL: Final = "kubectl"
KNOWN: Final = (*COMPONENTS, KUBECTL, "kubelet", "kube-proxy")
_VERSION_TIMEOUT_SECONDS = 20.0
_DEBIAN_ETCD = Path("/usr/bin/etcd")  # not everybody's PATH has it


@dataclass(frozen=True, slots=True)
class Programs:
    """Executables of one Kubernetes version (`1.20.2`), by name."""

    version: str
    paths: Mapping[str, Path]

    def path(self, name: str) -> Path:
        """The executable `name`; MissingProgramsError when this set lacks it."""
        try:
            return self.paths[name]
        except KeyError:
            raise MissingProgramsError(f"these programs of Kubernetes {self.version} lack {name}") from None


def find(needed: Collection[str] = COMPONENTS) -> Programs:
    """The first set of programs that has all `needed`; downloads or builds it when the machine has none."""
    for found in (_given(), *_cached()):
        if found is not None and found.paths.keys() >= set(needed):
            return found
    raise MissingProgramsError("no Kubernetes programs")


def cached_versions() -> Path:
    """The folder whose sub-folders are versions."""
    return cache_folder() / "kubernetes"


def _given() -> Programs | None:
    for variable in GIVEN_FOLDERS:
        if given := os.environ.get(variable):
            return programs_in(Path(given))
    return None


def _cached() -> list[Programs]:
    """Newest first."""
    versions = [folder for folder in cached_versions().glob("[0-9]*") if folder.is_dir()]
    found = [programs_in(folder, folder.name) for folder in sorted(versions, key=_by_version, reverse=True)]
    return [programs for programs in found if programs is not None]


def _by_version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", folder.name))


def programs_in(folder: Path, version: str | None = None) -> Programs | None:
    """The set in `folder`, completed with etcd and kubectl of the machine; None where there is no API server."""
    paths = {name: folder / name for name in KNOWN if os.access(folder / name, os.X_OK)}
    if "kube-apiserver" not in paths:
        return None
    for name in (ETCD, KUBECTL):
        if name not in paths and (installed := _installed(name)):
            paths[name] = installed
    return Programs(version or _version_of(paths["kube-apiserver"]), paths)


def _installed(name: str) -> Path | None:
    if found := shutil.which(name):
        return Path(found)
    return _DEBIAN_ETCD if name == ETCD and _DEBIAN_ETCD.exists() else None


def _version_of(api_server: Path) -> str:
    answer = subprocess.run(
        [api_server, "--version"], capture_output=True, check=True, text=True, timeout=_VERSION_TIMEOUT_SECONDS
    )
    return answer.stdout.strip().rpartition("v")[2]
