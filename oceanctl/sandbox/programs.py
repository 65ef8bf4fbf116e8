"""Where etcd and Kubernetes' own programs come from: a given folder, the cache, the official releases, or Debian's sources."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oceanctl.sandbox import debian, downloads
from oceanctl.sandbox.components import API_SERVER, COMPONENTS, ETCD
from oceanctl.sandbox.errors import MissingProgramsError
from oceanctl.sandbox.folders import cache_folder, locked
from oceanctl.sandbox.progress import Say, to_stderr

GIVEN_FOLDERS: Final = (
    "OCEAN_KUBERNETES_BIN",
    "KUBEBUILDER_ASSETS",
)  # environment variables; the more specific one first
KUBECTL: Final = "kubectl"
NEEDED: Final = (*COMPONENTS, KUBECTL)
KNOWN: Final = (*NEEDED, "kubelet", "kube-proxy")
_VERSION_TIMEOUT_SECONDS = 20.0
_DEBIAN_ETCD = Path("/usr/bin/etcd")  # not everybody's PATH has it
_UNFINISHED = ".unfinished-"


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


def find(needed: Collection[str] = NEEDED, say: Say | None = None) -> Programs:
    """The first set of programs that has all `needed`; downloaded or built when the machine has none.

    Raises MissingProgramsError with what to do when all of that fails. Progress goes to stderr unless `say` takes it.
    """
    return _present(needed) or _made(needed, say or to_stderr())


def programs_in(folder: Path, version: str | None = None) -> Programs | None:
    """The set in `folder`, completed with etcd and kubectl of the machine; None where there is no API server."""
    paths = {name: folder / name for name in KNOWN if os.access(folder / name, os.X_OK)}
    if API_SERVER not in paths:
        return None
    for name in (ETCD, KUBECTL):
        if name not in paths and (installed := _installed(name)):
            paths[name] = installed
    return Programs(version or _version_of(paths[API_SERVER]), paths)


def _present(needed: Collection[str]) -> Programs | None:
    sets = (_given(), *_cached())
    return next((found for found in sets if found is not None and found.paths.keys() >= set(needed)), None)


def _given() -> Programs | None:
    for variable in GIVEN_FOLDERS:
        if given := os.environ.get(variable):
            return programs_in(Path(given))
    return None


def _cached() -> list[Programs | None]:
    """Newest first."""
    versions = [folder for folder in _cache().glob("[0-9]*") if folder.is_dir()]
    return [programs_in(folder, folder.name) for folder in sorted(versions, key=_by_version, reverse=True)]


def _made(needed: Collection[str], say: Say) -> Programs:
    """Under a lock, so that two who need the same programs make them once."""
    _cache().mkdir(parents=True, exist_ok=True)
    with locked(_cache()):
        for left in _cache().glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left)  # of a build that was killed: whoever holds the lock is alone
        if found := _present(needed):
            return found
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=_cache()) as folder:
            return _downloaded(needed, Path(folder), say) or _built(needed, Path(folder), say)


def _downloaded(needed: Collection[str], folder: Path, say: Say) -> Programs | None:
    names = [name for name in needed if name != KUBECTL or _installed(KUBECTL) is None]
    target = folder / "release"
    target.mkdir()
    try:
        downloads.Releases(say).fetch(names, target)
    except OSError as error:
        say(f"the official releases cannot be had here: {error}")
        return None
    return _stored({name: target / name for name in names}, downloads.KUBERNETES)


def _built(needed: Collection[str], folder: Path, say: Say) -> Programs:
    """What an earlier build has made is not made again."""
    before = programs_in(_cache() / debian.KUBERNETES, debian.KUBERNETES)
    have = before.paths if before is not None else {name for name in (ETCD, KUBECTL) if _installed(name)}
    names = [name for name in needed if name not in have]
    try:
        return _stored(debian.Build(folder, say).make(names), debian.KUBERNETES)
    except MissingProgramsError as error:
        raise MissingProgramsError(
            f"no Kubernetes on this machine, and none to be had: {error}.\n"
            f"Put {', '.join(needed)} (https://dl.k8s.io, https://github.com/etcd-io/etcd/releases) into a folder and set {GIVEN_FOLDERS[0]} to it."
        ) from error


def _stored(made: Mapping[str, Path], version: str) -> Programs:
    """Move programs into the cache. Each file appears whole; the API server, without which a set does not count, comes last."""
    folder = _cache() / version
    folder.mkdir(exist_ok=True)
    for name in sorted(made, key=lambda name: name == API_SERVER):
        made[name].replace(folder / name)
    found = programs_in(folder, version)
    assert found is not None
    return found


def _cache() -> Path:
    """Its sub-folders are versions."""
    return cache_folder() / "kubernetes"


def _by_version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", folder.name))


def _installed(name: str) -> Path | None:
    if found := shutil.which(name):
        return Path(found)
    return _DEBIAN_ETCD if name == ETCD and os.access(_DEBIAN_ETCD, os.X_OK) else None


def _version_of(api_server: Path) -> str:
    answer = subprocess.run(
        [api_server, "--version"], capture_output=True, check=True, text=True, timeout=_VERSION_TIMEOUT_SECONDS
    )
    return answer.stdout.strip().rpartition("v")[2]
