"""A container image made of this machine's busybox: an archive as `docker save` writes it, without a registry or a daemon."""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

BUSYBOX_IMAGE: Final = (
    "sandbox.kubeocean.io/busybox:1"  # with a tag of its own: kubelets always pull what is called latest
)
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_FOLDERS: Final = ("bin", "etc", "root", "tmp", "home", "var")
_FILES: Final = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}
# What a pod's sandbox runs: it reaps orphans and never ends by itself.
_COMMAND: Final = ["/bin/sh", "-c", "while :; do sleep 86400; done"]
_TIMEOUT_SECONDS = 20.0


def write_busybox(file: Path, busybox: Path) -> None:
    """Write the archive; the same busybox gives the same bytes."""
    layer = _layer(busybox)
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": _COMMAND, "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    encoded = json.dumps(config).encode()
    config_name, layer_name = f"{hashlib.sha256(encoded).hexdigest()}.json", f"{digest}/layer.tar"
    manifest = [{"Config": config_name, "RepoTags": [BUSYBOX_IMAGE], "Layers": [layer_name]}]
    unfinished = file.with_suffix(".new")
    with tarfile.open(unfinished, "w") as archive:
        _add(archive, config_name, encoded)
        _add(archive, layer_name, layer)
        _add(archive, "manifest.json", json.dumps(manifest).encode())
    unfinished.replace(file)


def _layer(busybox: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as layer:
        for name in _FOLDERS:
            _add(layer, name, type=tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o755)
        for name, text in _FILES.items():
            _add(layer, name, text.encode(), mode=0o644)
        _add(layer, "bin/busybox", busybox.read_bytes(), mode=0o755)
        for applet in _applets(busybox):
            _add(layer, f"bin/{applet}", type=tarfile.SYMTYPE, linkname="busybox")
    return buffer.getvalue()


def _applets(busybox: Path) -> list[str]:
    command = [str(busybox), "--list"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS)
    return [name for name in answer.stdout.split() if name != "busybox"]


def _add(archive: tarfile.TarFile, name: str, content: bytes = b"", **fields: Any) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    for field, value in fields.items():
        setattr(entry, field, value)
    archive.addfile(entry, io.BytesIO(content))
