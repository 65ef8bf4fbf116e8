import threading
from collections.abc import Collection
from pathlib import Path

import pytest

from oceanctl.sandbox import debian, downloads, programs
from oceanctl.sandbox.errors import MissingProgramsError
from oceanctl.sandbox.programs import NEEDED, find


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine: nothing cached, given or on PATH, and no network."""
    for variable in programs.GIVEN_FOLDERS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(programs, "_DEBIAN_ETCD", tmp_path / "nothing" / "etcd")
    monkeypatch.setattr(downloads.Releases, "fetch", _unreachable)
    monkeypatch.setattr(debian.Build, "make", _unbuildable)
    return tmp_path / "cache" / "kubeocean" / "kubernetes"


def _unreachable(_releases: downloads.Releases, _names: Collection[str], _folder: Path) -> None:
    raise OSError("no route to host")


def _unbuildable(_build: debian.Build, _names: Collection[str]) -> dict[str, Path]:
    raise MissingProgramsError("a build from Debian's sources needs apt-get")


def _executables(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text('#!/bin/sh\necho "Kubernetes v1.99.1"\n')
        (folder / name).chmod(0o755)
    return folder


def _silence(_line: str) -> None:
    pass


def test_a_given_folder_comes_before_the_cache(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _executables(cache / "1.30.0", *NEEDED)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(_executables(tmp_path / "given", *NEEDED)))
    assert find().version == "1.99.1"


def test_our_own_variable_comes_before_that_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(_executables(tmp_path / "theirs", *NEEDED)))
    monkeypatch.setenv("OCEAN_KUBERNETES_BIN", str(_executables(tmp_path / "ours", *NEEDED)))
    assert find().path("etcd").parent.name == "ours"


def test_a_given_folder_that_lacks_a_program_is_passed_over(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _executables(cache / "1.30.0", *NEEDED)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(_executables(tmp_path / "given", "etcd", "kube-apiserver", "kubectl")))
    assert find().version == "1.30.0"


def test_the_newest_cached_version_wins(cache: Path) -> None:
    for version in ("1.9.11", "1.35.9", "1.20.2"):
        _executables(cache / version, *NEEDED)
    assert find().version == "1.35.9"


@pytest.mark.parametrize("name", ["etcd", "kubectl"])
def test_etcd_and_kubectl_may_be_the_machines_own(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _executables(cache / "1.30.0", *(set(NEEDED) - {name}))
    monkeypatch.setenv("PATH", str(_executables(tmp_path / "bin", name)))
    assert find().path(name) == tmp_path / "bin" / name


def test_what_is_not_there_is_downloaded_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(_releases: downloads.Releases, names: Collection[str], folder: Path) -> None:
        asked.append(set(names))
        _executables(folder, *names)

    monkeypatch.setattr(downloads.Releases, "fetch", fetch)
    threads = [threading.Thread(target=find, kwargs={"say": _silence}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (asked, [folder.name for folder in cache.iterdir()]) == ([set(NEEDED)], [downloads.KUBERNETES])


def test_what_cannot_be_downloaded_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(build: debian.Build, names: Collection[str]) -> dict[str, Path]:
        _executables(build.folder / "bin", *names)
        return {name: build.folder / "bin" / name for name in names}

    monkeypatch.setattr(debian.Build, "make", make)
    assert find(say=_silence).version == debian.KUBERNETES


def test_a_later_build_makes_only_what_an_earlier_one_did_not(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _executables(cache / debian.KUBERNETES, *NEEDED)
    asked = []

    def make(build: debian.Build, names: Collection[str]) -> dict[str, Path]:
        asked.append(tuple(names))
        _executables(build.folder / "bin", *names)
        return {name: build.folder / "bin" / name for name in names}

    monkeypatch.setattr(debian.Build, "make", make)
    found = find((*NEEDED, "kubelet"), say=_silence)
    assert (asked, found.path("kubelet").parent) == ([("kubelet",)], cache / debian.KUBERNETES)


def test_a_half_done_build_of_a_killed_process_is_cleared_away(cache: Path) -> None:
    _executables(cache / ".unfinished-x", "kube-apiserver")
    with pytest.raises(MissingProgramsError):
        find(say=_silence)
    assert list(cache.iterdir()) == []


def test_a_machine_that_can_do_nothing_is_told_what_to_do() -> None:
    with pytest.raises(MissingProgramsError, match=r"needs apt-get(.*\n)*.*https://dl\.k8s\.io.*OCEAN_KUBERNETES_BIN"):
        find(say=_silence)


def test_why_nothing_was_downloaded_is_said() -> None:
    lines: list[str] = []
    with pytest.raises(MissingProgramsError):
        find(say=lines.append)
    assert lines == ["the official releases cannot be had here: no route to host"]


def test_a_set_says_what_it_lacks(cache: Path) -> None:
    _executables(cache / "1.30.0", *NEEDED)
    with pytest.raises(MissingProgramsError, match=r"Kubernetes 1\.30\.0 lack kubelet"):
        find().path("kubelet")
