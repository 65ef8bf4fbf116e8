"""Kubernetes' and etcd's official releases, checked against the checksums that are published with them."""

import hashlib
import platform
import shutil
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    UnknownHandler,
)

from oceanctl.sandbox.components import ETCD
from oceanctl.sandbox.errors import SandboxError
from oceanctl.sandbox.progress import Say

KUBERNETES: Final = "1.35.9"
ETCD_RELEASE: Final = "3.6.6"  # what Kubernetes 1.35 is tested with
KUBERNETES_URL: Final = "https://dl.k8s.io/release"
ETCD_URL: Final = "https://github.com/etcd-io/etcd/releases/download"
CONNECT_SECONDS: Final = 10.0
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_CHUNK_BYTES = 1 << 20


class ChecksumError(SandboxError):
    """A download is not what its publisher says it is; nothing of it is used."""


@dataclass(frozen=True, slots=True)
class Releases:
    """The releases, from their usual places."""

    say: Say
    kubernetes_url: str = KUBERNETES_URL
    etcd_url: str = ETCD_URL

    def fetch(self, names: Collection[str], folder: Path) -> None:
        """Put the executables `names` into `folder`; OSError when the network does not have them, ChecksumError when they are wrong."""
        architecture = _ARCHITECTURES.get(platform.machine())
        if architecture is None:
            raise OSError(f"there are no releases for {platform.machine()}")
        for name in names:
            if name == ETCD:
                self._fetch_etcd(architecture, folder)
            else:
                url = f"{self.kubernetes_url}/v{KUBERNETES}/bin/linux/{architecture}/{name}"
                self._fetch_file(url, self._text(f"{url}.sha256").split()[0], folder / name)
            (folder / name).chmod(0o755)

    def _fetch_etcd(self, architecture: str, folder: Path) -> None:
        name = f"etcd-v{ETCD_RELEASE}-linux-{architecture}"
        base = f"{self.etcd_url}/v{ETCD_RELEASE}"
        lines = (line.split() for line in self._text(f"{base}/SHA256SUMS").splitlines())
        sums = {file: sha256 for sha256, file in lines}
        archive = folder / f"{name}.tar.gz"
        self._fetch_file(f"{base}/{archive.name}", sums[archive.name], archive)
        with tarfile.open(archive) as content, (folder / ETCD).open("wb") as target:
            member = content.extractfile(f"{name}/etcd")
            if member is None:
                raise ChecksumError(f"{archive.name} holds no etcd")
            shutil.copyfileobj(member, target)
        archive.unlink()

    def _text(self, url: str) -> str:
        with _open(url) as answer:
            text: str = answer.read(_CHUNK_BYTES).decode()
        return text

    def _fetch_file(self, url: str, sha256: str, target: Path) -> None:
        self.say(f"downloading {url}")
        digest = hashlib.sha256()
        with _open(url) as answer, target.open("wb") as stream:
            while chunk := answer.read(_CHUNK_BYTES):
                digest.update(chunk)
                stream.write(chunk)
        if digest.hexdigest() != sha256:
            raise ChecksumError(f"{url}: the checksum is {digest.hexdigest()}, published is {sha256}")


def _open(url: str) -> Any:
    """Like urlopen, but for https only, also where a redirect leads; the time limit is for connecting and for every read."""
    opener = OpenerDirector()
    handlers = (ProxyHandler, UnknownHandler, HTTPDefaultErrorHandler, HTTPRedirectHandler, HTTPSHandler)
    for handler in (*handlers, HTTPErrorProcessor):
        opener.add_handler(handler())
    return opener.open(url, timeout=CONNECT_SECONDS)
