"""The first process of a node, alone in its namespaces: it furnishes them, runs containerd and the kubelet, and buries orphans.

When it ends, the kernel kills whatever runs in the node and takes its mounts and its network away.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from oceanctl.sandbox.errors import NotReadyError, ProgramDiedError
from oceanctl.sandbox.process import Program
from oceanctl.sandbox.realnodes import cgroups, forge
from oceanctl.sandbox.realnodes.config import NodeConfig
from oceanctl.sandbox.realnodes.network import ip
from oceanctl.sandbox.realnodes.requirements import SYSTEM_PATH, Tools, tools_for

_START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
_KERNEL: Final = {  # what kubelets want; some of it is the whole machine's, so the node only sees it so
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def run(config: NodeConfig) -> None:
    """Until something of the node ends, which is never expected: ProgramDiedError says what."""
    os.environ["PATH"] = SYSTEM_PATH
    tools = tools_for(config.folder)
    cgroups.enter(f"{config.cgroup}/system")
    _mount_own_folders(config)
    _pretend_kernel_settings(config)
    _join_network(config)
    running = {_start(config, "containerd", _containerd(config, tools)): "containerd"}
    _wait("containerd answers", _is_listening)
    for image in config.images:
        ctr = [str(tools.paths["ctr"]), "--address", str(forge.CONTAINERD_SOCKET), "--namespace", "k8s.io"]
        _run([*ctr, "images", "import", "--snapshotter", "native", str(image)])
    running[_start(config, "kubelet", _kubelet(config))] = "kubelet"
    while (ended := os.wait())[0] not in running:
        pass
    name, code = running[ended[0]], os.waitstatus_to_exitcode(ended[1])
    raise ProgramDiedError(f"{name} of {config.name} ended with {code}:\n{Program(config.folder, name).log_tail()}")


def _mount_own_folders(config: NodeConfig) -> None:
    """What containerd, the kubelet and network plugins write to whatever they are told, and would share with this machine and other nodes."""
    _run(["mount", "-t", "tmpfs", "-o", "mode=755", "node", "/run"])
    upper, work = Path("/run/var-lib/upper"), Path("/run/var-lib/work")
    for folder in (upper, work):
        folder.mkdir(parents=True)
    _run(["mount", "-t", "overlay", "-o", f"lowerdir=/var/lib,upperdir={upper},workdir={work}", "node", "/var/lib"])
    # Not by a flag: the kubelet's sockets are there, and a socket's path may have 107 characters.
    for name, place in (("kubelet", forge.KUBELET_FOLDER), ("var-log", Path("/var/log"))):
        own = config.folder / name
        for folder in (own, place):
            folder.mkdir(parents=True, exist_ok=True)
        _run(["mount", "--bind", str(own), str(place)])
    _run(["mount", "--make-rshared", "/"])  # pods may ask for mounts of the node to be seen by them


def _pretend_kernel_settings(config: NodeConfig) -> None:
    for name, value in _KERNEL.items():
        if (setting := Path("/proc/sys", name)).exists():
            file = config.folder / "kernel" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
            _run(["mount", "--bind", str(file), str(setting)])


def _join_network(config: NodeConfig) -> None:
    """Without a way to other networks: kubelets ask clouds for metadata, and would wait for an answer for 11 s."""
    socket.sethostname(config.name)
    _wait("there is a network", lambda: "eth0" in {name for _, name in socket.if_nameindex()})
    ip("link", "set", "lo", "up")
    ip("addr", "replace", config.address, "dev", "eth0")
    ip("link", "set", "eth0", "up")
    (config.folder / "resolv.conf").write_text("")


def _containerd(config: NodeConfig, tools: Tools) -> list[str | Path]:
    file = config.folder / "containerd.toml"
    file.write_text(forge.containerd_config(config, tools.paths["runc"], tools.plugins))
    network = config.folder / "cni" / "10-pods.conflist"
    network.parent.mkdir(exist_ok=True)
    network.write_text(json.dumps(forge.network_config(config)))
    return [tools.paths["containerd"], "--config", file]


def _kubelet(config: NodeConfig) -> list[str | Path]:
    file = config.folder / "kubelet.json"
    file.write_text(json.dumps(forge.kubelet_config(config)))
    return [config.kubelet, *forge.kubelet_flags(config, file)]


def _start(config: NodeConfig, name: str, argv: list[str | Path]) -> int:
    with Program(config.folder, name).log.open("ab") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log).pid


def _run(argv: Sequence[str]) -> None:
    subprocess.run(argv, stdin=subprocess.DEVNULL, check=True, timeout=_START_SECONDS)


def _wait(what: str, is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while not is_so():
        if time.monotonic() > give_up_at:
            raise NotReadyError(f"not within {_START_SECONDS:g} s: {what}")
        time.sleep(_POLL_SECONDS)


def _is_listening() -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(str(forge.CONTAINERD_SOCKET))
        return True
    return False
