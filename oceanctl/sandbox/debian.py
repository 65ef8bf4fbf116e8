"""Kubernetes built from Debian's own source package, for machines that reach nothing but a Debian mirror.

Debian packages no server binaries, and bookworm's source is Kubernetes 1.20.2. Go and etcd are Debian's too, unpacked beside the sources: nothing is
installed, so root is not needed. About five minutes on two cores.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oceanctl.sandbox.apt import Apt
from oceanctl.sandbox.components import ETCD
from oceanctl.sandbox.errors import MissingProgramsError
from oceanctl.sandbox.progress import Say
from oceanctl.sandbox.steps import Steps

KUBERNETES: Final = "1.20.2"
GO: Final = "1.19"
NEEDED_BYTES: Final = 5 * 1024**3  # 3.5 GB were measured
_SOURCE: Final = "k8s.io/kubernetes"
_REFLECT2: Final = "github.com/modern-go/reflect2"
_OPENAPI: Final = "pkg/generated/openapi"
_OPENAPI_MARK: Final = b"+k8s:openapi-gen="
_NO_API: Final = frozenset(
    {"code-generator", "sample-apiserver", "kube-openapi", "gengo"}
)  # they only talk about the mark
_VERSION_PACKAGES: Final = ("component-base/version", "client-go/pkg/version")


@dataclass(frozen=True, slots=True)
class Build:
    """One build in a folder of its own, which the caller deletes afterwards."""

    folder: Path
    say: Say

    def make(self, names: Collection[str]) -> dict[str, Path]:
        """Build (or unpack) the executables `names`; MissingProgramsError where the machine cannot, StepError when a step fails."""
        free = shutil.disk_usage(self.folder).free
        if free < NEEDED_BYTES:
            raise MissingProgramsError(
                f"a build needs {NEEDED_BYTES >> 30} GiB in {self.folder}, {free >> 30} are free"
            )
        self.say(f"building Kubernetes {KUBERNETES} from Debian's sources; this takes about five minutes, once")
        self._fetch(is_etcd_wanted=ETCD in names)
        self._mend_vendored()
        self._generate_openapi()
        return {name: self._unpacked_etcd() if name == ETCD else self._compiled(name) for name in names}

    @property
    def _root(self) -> Path:
        """Debian packages are unpacked here."""
        return self.folder / "root"

    @property
    def _sources(self) -> Path:
        return self.folder / "src" / _SOURCE

    @property
    def _go(self) -> Path:
        installed = Path(f"/usr/lib/go-{GO}/bin/go")
        return installed if installed.exists() else self._root / str(installed).lstrip("/")

    @property
    def _steps(self) -> Steps:
        environment = {
            "GOPATH": str(self.folder),  # in module mode this Go wants to change go.mod
            "GO111MODULE": "off",
            "GOCACHE": str(self.folder / "gocache"),
            "GOFLAGS": "",
            "CGO_ENABLED": "0",
            "PATH": f"{self._go.parent}:{os.environ.get('PATH', os.defpath)}",
        }
        return Steps(self.folder, self.say, environment)

    def _fetch(self, *, is_etcd_wanted: bool) -> None:
        apt = Apt.prepare(self._steps, self.folder / "apt")
        packages = ["golang-github-modern-go-reflect2-dev"]
        if not self._go.exists():
            packages += [f"golang-{GO}-go", f"golang-{GO}-src"]
        if is_etcd_wanted:
            packages.append("etcd-server")
        apt.unpack(packages, self._root)
        apt.download_source("kubernetes")
        archive = next(apt.packages.glob(f"kubernetes_*{KUBERNETES}*.orig.tar.*"), None)
        if archive is None:
            raise MissingProgramsError(f"the source package kubernetes of Debian is not {KUBERNETES} any more")
        self._sources.mkdir(parents=True)
        unpack = ["tar", "--extract", f"--file={archive}", "--strip-components=1", "--no-same-owner"]
        self._steps.run("unpacking the source of kubernetes", unpack, self._sources)

    def _mend_vendored(self) -> None:
        """Replace the one vendored package that, under this Go, crashes the API server on its first custom resource."""
        vendored = self._sources / "vendor" / _REFLECT2
        shutil.rmtree(vendored)
        shutil.copytree(self._root / "usr/share/gocode/src" / _REFLECT2, vendored)

    def _generate_openapi(self) -> None:
        """Debian's tarball lacks this one generated file; without it there is no server-side apply."""
        generator = self.folder / "bin" / "openapi-gen"
        self._go_build(
            "building the generator of API descriptions", generator, "vendor/k8s.io/kube-openapi/cmd/openapi-gen"
        )
        inputs = ",".join(f"{_SOURCE}/{folder}" for folder in sorted(set(self._api_folders())))
        boilerplate = "vendor/k8s.io/code-generator/hack/boilerplate.go.txt"
        output = ["-p", f"{_SOURCE}/{_OPENAPI}", "-O", "zz_generated.openapi", "-h", boilerplate, "-r", os.devnull]
        self._steps.run(
            "generating API descriptions", [generator, "--logtostderr", "-i", inputs, *output], self._sources
        )

    def _api_folders(self) -> Iterator[str]:
        """Packages that are marked as parts of an API; vendored ones of Kubernetes itself are links to its staging area."""
        staged = (folder for folder in (self._sources / "vendor/k8s.io").iterdir() if folder.name not in _NO_API)
        for top in (*(self._sources / name for name in ("cmd", "pkg", "plugin")), *staged):
            for folder, _, files in os.walk(top, followlinks=True):
                path = Path(folder)
                if "testdata" not in path.parts and any(_is_marked(path / file) for file in files):
                    yield str(path.relative_to(self._sources))

    def _compiled(self, name: str) -> Path:
        target = self.folder / "bin" / name
        self._go_build(f"building {name}", target, f"cmd/{name}")
        return target

    def _go_build(self, what: str, target: Path, package: str) -> None:
        major, minor, _ = KUBERNETES.split(".")
        stamps = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
        flags = ["-s -w"] + [
            f"-X {_SOURCE}/vendor/k8s.io/{place}.{name}={value}"
            for place in _VERSION_PACKAGES
            for name, value in stamps.items()
        ]
        command: list[str | Path] = [
            self._go,
            "build",
            "-trimpath",
            "-ldflags",
            " ".join(flags),
            "-o",
            target,
            f"{_SOURCE}/{package}",
        ]
        self._steps.run(what, command, self._sources)

    def _unpacked_etcd(self) -> Path:
        return self._root / "usr/bin/etcd"


def _is_marked(file: Path) -> bool:
    return file.suffix == ".go" and _OPENAPI_MARK in file.read_bytes()
