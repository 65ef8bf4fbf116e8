import json
import os
from pathlib import Path

import pytest

from oceanctl.sandbox.errors import MissingProgramsError, SandboxError
from oceanctl.sandbox.sandbox import Sandbox, Shape, default_folder


def test_a_sandbox_has_one_computing_cluster_and_numbered_workers() -> None:
    assert Shape(workers=2).clusters == ("computing", "worker-1", "worker-2")


def test_the_last_node_of_every_worker_has_gpus() -> None:
    nodes = Shape(nodes=3).nodes_of("worker-2")
    assert [(node.name, "nvidia.com/gpu" in node.capacity) for node in nodes] == [
        ("worker-2-node-1", False),
        ("worker-2-node-2", False),
        ("worker-2-node-3", True),
    ]


def test_the_computing_cluster_has_no_nodes_of_its_own() -> None:
    assert Shape().nodes_of("computing") == ()


def test_a_sandbox_may_do_without_simulated_nodes() -> None:
    assert Shape(nodes=0).nodes_of("worker-1") == ()


def test_real_nodes_are_the_workers_only() -> None:
    shape = Shape(real_nodes=2)
    assert shape.real_nodes_of("worker-1") == ("worker-1-real-1", "worker-1-real-2")
    assert shape.real_nodes_of("computing") == ()


def test_an_api_server_leaves_loopback_for_real_nodes_only(tmp_path: Path) -> None:
    shape = Shape(real_nodes=1)
    assert shape.wants_of("worker-1", tmp_path).extra == {"kube-apiserver": ["--bind-address=0.0.0.0"]}
    assert shape.wants_of("computing", tmp_path).extra == {"kube-apiserver": []}
    assert Shape().wants_of("worker-1", tmp_path).extra == {"kube-apiserver": []}


def test_real_nodes_need_a_kubelet() -> None:
    assert "kubelet" in Shape(real_nodes=1).programs
    assert "kubelet" not in Shape().programs


def test_pods_of_different_workers_have_different_addresses() -> None:
    shape = Shape(workers=3)
    assert len({shape.network_of(name) for name in shape.clusters[1:]}) == 3


def test_a_sandbox_grows() -> None:
    assert Shape(1, 1).grown_to(Shape(2, 3)) == Shape(2, 3)


@pytest.mark.parametrize(
    "wanted",
    [Shape(1, 3, real_nodes=1), Shape(2, 2, real_nodes=1), Shape(2, 3)],
    ids=["fewer workers", "fewer nodes", "fewer real nodes"],
)
def test_a_sandbox_does_not_shrink(wanted: Shape) -> None:
    with pytest.raises(SandboxError, match=r"2 workers with 4 nodes each.*'down'"):
        Shape(2, 3, real_nodes=1).grown_to(wanted)


def test_a_sandbox_keeps_its_kubernetes_version() -> None:
    with pytest.raises(SandboxError, match=r"1\.20\.2.*1\.35\.9"):
        Shape(version="1.20.2").grown_to(Shape(version="1.35.9"))


def test_real_nodes_without_root_are_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingProgramsError, match="need root"):
        Sandbox(tmp_path).up(Shape(real_nodes=1))
    assert list(tmp_path.iterdir()) == []


def test_there_is_no_sandbox_in_an_empty_folder(tmp_path: Path) -> None:
    status = Sandbox(tmp_path).status()
    assert (status.clusters, status.is_up) == ((), False)


def test_taking_down_what_is_not_there_does_nothing(tmp_path: Path) -> None:
    Sandbox(tmp_path / "none").down()
    assert not (tmp_path / "none").exists()


def test_taking_down_leaves_foreign_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "sandbox"
    (folder / "kubeconfigs").mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    (folder / "sandbox.json").write_text(json.dumps({"workers": 1}))
    Sandbox(folder).down()
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]


def test_an_unknown_cluster_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no cluster 'worker-9'"):
        Sandbox(tmp_path).cluster("worker-9")


def test_a_checkout_keeps_its_sandbox_beside_the_code() -> None:
    assert default_folder() == Path(__file__).parents[4] / ".state" / "sandbox"
