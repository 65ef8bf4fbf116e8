import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from oceanctl.sandbox.realnodes.images import BUSYBOX_IMAGE, write_busybox


@pytest.fixture
def busybox(tmp_path: Path) -> Path:
    made = tmp_path / "some-busybox"
    made.write_text("#!/bin/sh\nprintf 'busybox\\nsh\\ntar\\n'\n")
    made.chmod(0o755)
    return made


def content(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        files = ((member.name, opened.extractfile(member)) for member in opened)
        return {name: stream.read() for name, stream in files if stream}


def test_an_image_names_itself_and_its_layer(busybox: Path, tmp_path: Path) -> None:
    write_busybox(tmp_path / "image.tar", busybox)
    files = content(tmp_path / "image.tar")
    (manifest,) = json.loads(files["manifest.json"])
    config: dict[str, Any] = json.loads(files[manifest["Config"]])
    layer = files[manifest["Layers"][0]]
    assert manifest["RepoTags"] == [BUSYBOX_IMAGE]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]


def test_every_applet_is_a_link_to_busybox(busybox: Path, tmp_path: Path) -> None:
    write_busybox(tmp_path / "image.tar", busybox)
    files = content(tmp_path / "image.tar")
    layer = files[json.loads(files["manifest.json"])[0]["Layers"][0]]
    with tarfile.open(fileobj=io.BytesIO(layer)) as opened:
        links = {member.name: member.linkname for member in opened if member.issym()}
        assert opened.getmember("bin/busybox").mode == 0o755
        assert opened.getmember("tmp").mode == 0o1777
    assert links == {"bin/sh": "busybox", "bin/tar": "busybox"}


def test_the_same_busybox_gives_the_same_image(busybox: Path, tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_busybox(tmp_path / name, busybox)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
