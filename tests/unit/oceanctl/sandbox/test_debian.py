import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from oceanctl.sandbox import debian
from oceanctl.sandbox.debian import Build
from oceanctl.sandbox.errors import MissingProgramsError

MARK = "// +k8s:openapi-gen=true\n"


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_api_packages_are_those_with_the_mark(tmp_path: Path) -> None:
    sources = tmp_path / "src/k8s.io/kubernetes"
    staged = sources / "staging/src/k8s.io"
    _write(sources / "pkg/marked/types.go", MARK)
    _write(sources / "pkg/unmarked/types.go", "package unmarked\n")
    _write(sources / "pkg/marked/testdata/deep/types.go", MARK)
    _write(sources / "cmd/other/readme.md", MARK)
    (sources / "plugin").mkdir()
    (sources / "vendor/k8s.io").mkdir(parents=True)
    for name in ("api", "gengo"):
        _write(staged / name / "core/v1/types.go", MARK)
        (sources / "vendor/k8s.io" / name).symlink_to(staged / name)
    found = set(Build(tmp_path, lambda _: None)._api_folders())
    assert found == {"pkg/marked", "vendor/k8s.io/api/core/v1"}


def test_a_full_disk_is_seen_before_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: _Usage(10 << 30, 9 << 30, 1 << 30))
    with pytest.raises(MissingProgramsError, match=r"needs 5 GiB in .*, 1 are free"):
        Build(tmp_path, lambda _: None).make(["kube-apiserver"])


def test_a_machine_without_apt_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "NEEDED_BYTES", 0)
    with pytest.raises(MissingProgramsError, match="needs apt-get and dpkg"):
        Build(tmp_path, lambda _: None).make(["kube-apiserver"])
