"""What real nodes need of the machine."""

import os
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oceanctl.sandbox.errors import MissingProgramsError

_BUSYBOX: Final = "busybox"
PACKAGES: Final = {  # Debian's, by what shows that they are there
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "iptables": "iptables",
    _BUSYBOX: "busybox-static",
    "unshare": "util-linux",
    "mount": "mount",
}
PLUGIN_FOLDERS: Final = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
_PLUGINS_PACKAGE: Final = "containernetworking-plugins"
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # not everybody's PATH has sbin
_LOADER: Final = 3  # PT_INTERP
_HIDDEN: Final = tuple(Path(folder) for folder in ("/run", "/var/lib", "/var/log"))  # a node has its own


@dataclass(frozen=True, slots=True)
class Tools:
    """The executables by name, and the folder of the network plugins."""

    paths: dict[str, Path]
    plugins: Path


def tools_for(folder: Path) -> Tools:
    """The tools for nodes that live in `folder`; MissingProgramsError says what to do where real nodes cannot run."""
    if os.geteuid() != 0:
        raise MissingProgramsError("real nodes need root: they are made of namespaces, mounts and control groups")
    if any(folder.resolve().is_relative_to(hidden) for hidden in _HIDDEN):
        raise MissingProgramsError(f"real nodes cannot live in {folder}: each sees a folder of its own there")
    if missing := missing_packages():
        raise MissingProgramsError(f"real nodes need Debian's packages: apt-get install {' '.join(missing)}")
    return Tools({name: path for name in PACKAGES if (path := _found(name))}, _plugins() or PLUGIN_FOLDERS[0])


def missing_packages() -> list[str]:
    """Debian's packages that this machine lacks, or what is in them: another vendor's will do."""
    missing = {package for name, package in PACKAGES.items() if _found(name) is None}
    return sorted(missing | ({_PLUGINS_PACKAGE} if _plugins() is None else set()))


def _found(name: str) -> Path | None:
    path = shutil.which(name, path=SYSTEM_PATH)
    if path is None or (name == _BUSYBOX and needs_libraries(Path(path))):
        return None
    return Path(path)


def needs_libraries(program: Path) -> bool:
    """Whether a 64-bit ELF program names a loader; such a busybox would not run in an image of its own."""
    content = program.read_bytes()
    (headers,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    kinds = (struct.unpack_from("<I", content, headers + size * number)[0] for number in range(count))
    return _LOADER in kinds


def _plugins() -> Path | None:
    return next((folder for folder in PLUGIN_FOLDERS if (folder / "bridge").exists()), None)
