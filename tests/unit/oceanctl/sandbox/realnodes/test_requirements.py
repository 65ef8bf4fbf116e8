import os
import sys
from pathlib import Path

import pytest

from oceanctl.sandbox.errors import MissingProgramsError
from oceanctl.sandbox.realnodes import requirements


def test_only_root_has_real_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingProgramsError, match="need root"):
        requirements.tools_for(tmp_path)


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(requirements, "SYSTEM_PATH", str(tmp_path))
    monkeypatch.setattr(requirements, "PLUGIN_FOLDERS", (tmp_path,))
    with pytest.raises(MissingProgramsError, match="apt-get install busybox-static containerd containernetworking"):
        requirements.tools_for(tmp_path)


def test_a_folder_that_nodes_hide_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(MissingProgramsError, match="cannot live in /var/lib/x"):
        requirements.tools_for(Path("/var/lib/x"))


def test_a_program_that_needs_libraries_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    linked = Path(sys.executable).read_bytes()
    assert requirements.needs_libraries(Path(sys.executable))
    header = bytearray(linked[:64])
    header[56:58] = b"\0\0"  # no program headers, so no loader
    (tmp_path / "static").write_bytes(bytes(header))
    assert not requirements.needs_libraries(tmp_path / "static")
