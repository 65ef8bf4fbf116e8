"""What real nodes need of the machine."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from oceanctl.sandbox.errors import MissingProgramsError

PACKAGES: Final = {  # Debian's, by what shows that they are there
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "iptables": "iptables",
    "busybox": "busybox-static",
    "unshare": "util-linux",
    "mount": "mount",
}
PLUGIN_FOLDERS: Final = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
_PLUGINS_PACKAGE: Final = "containernetworking-plugins"
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # not everybody's PATH has sbin
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
    found = {name: shutil.which(name, path=SYSTEM_PATH) for name in PACKAGES}
    plugins = next((folder for folder in PLUGIN_FOLDERS if (folder / "bridge").exists()), None)
    missing = {PACKAGES[name] for name, path in found.items() if path is None}
    if missing or plugins is None:
        wanted = " ".join(sorted(missing | ({_PLUGINS_PACKAGE} if plugins is None else set())))
        raise MissingProgramsError(f"real nodes need Debian's packages: apt-get install {wanted}")
    return Tools({name: Path(path) for name, path in found.items() if path}, plugins)
