import os
from pathlib import Path

import pytest

from oceanctl.sandbox.realnodes import cgroups


def hierarchy(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in {"cgroup_procs": "", **files}.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path / "cgroup")
    return tmp_path / "cgroup"


def test_version_2_is_one_hierarchy(root: Path) -> None:
    hierarchy(root)
    hierarchy(root / "some.slice")
    assert cgroups.hierarchies() == [root]


def test_version_1_is_a_hierarchy_per_controller(root: Path) -> None:
    hierarchy(root / "memory")
    (root / "not-a-controller").mkdir()
    assert cgroups.hierarchies() == [root / "memory"]


def test_version_2_hands_controllers_down_to_the_group(root: Path) -> None:
    hierarchy(root, cgroup_controllers="cpu memory\n", cgroup_subtree_control="")
    cgroups.enter("/a/b")
    assert (root / "cgroup.subtree_control").read_text() == "+cpu +memory"
    assert (root / "a/b/cgroup.procs").read_text() == str(os.getpid())


def test_groups_are_found_by_how_their_names_begin(root: Path) -> None:
    hierarchy(root / "memory")
    for name in ("kubeocean-1-1", "kubeocean-2-1", "other"):
        (root / "memory" / name).mkdir()
    assert cgroups.groups("kubeocean-1-") == {"/kubeocean-1-1"}


def test_clearing_removes_a_group_with_those_below(root: Path) -> None:
    hierarchy(root / "memory")
    (root / "memory/g/inner/innermost").mkdir(parents=True)
    cgroups.clear("/g")
    assert not (root / "memory/g").exists()


def test_clearing_what_is_not_there_does_nothing(root: Path) -> None:
    hierarchy(root / "memory")
    cgroups.clear("/none")
