import json
from collections.abc import Callable
from pathlib import Path

import pytest

from oceanctl.commands import sandbox
from oceanctl.output import plain
from oceanctl.sandbox.sandbox import ClusterStatus, SandboxStatus, Shape
from tests.unit.oceanctl.conftest import Answer

Run = Callable[..., Answer]
WELL = ClusterStatus("computing", "https://127.0.0.1:20001", Path("/s/computing.yaml"), {"etcd": True}, {})
ILL = ClusterStatus(
    "worker-1", "https://127.0.0.1:20002", Path("/s/worker-1.yaml"), {"etcd": False}, {"a": True, "b": False}
)
BOTH = SandboxStatus(Path("/s"), (WELL, ILL))


def test_a_sandbox_shows_what_is_up_and_names_what_is_not() -> None:
    assert [plain(line) for line in sandbox.render(BOTH)] == [
        "CLUSTER    STATE  NODES  KUBECONFIG",
        "computing  up     -      /s/computing.yaml",
        "worker-1   down   1/2    /s/worker-1.yaml",
        "worker-1: not running or not ready: etcd, b",
    ]


def test_the_sandbox_as_a_document() -> None:
    document = sandbox.status_document(BOTH)
    assert document["up"] is False
    assert document["clusters"][1]["nodes"] == {"a": True, "b": False}


def test_no_sandbox_says_how_to_start_one_and_exits_7(run: Run, tmp_path: Path) -> None:
    answer = run("sandbox", "status", "--state-dir", str(tmp_path / "none"))
    assert answer.code == 7
    assert "oceanctl sandbox up" in answer.out


def test_taking_down_what_is_not_there_is_no_error(run: Run, tmp_path: Path) -> None:
    answer = run("sandbox", "down", "--state-dir", str(tmp_path / "none"))
    assert (answer.code, answer.out) == (0, f"There is no sandbox in {tmp_path / 'none'}.\n")


class FakeSandbox:
    """Remembers with which shape it was brought up."""

    def __init__(self, folder: Path, shape: Shape | None, status: SandboxStatus) -> None:
        self.folder = folder
        self.shape = shape
        self._status = status
        self.wanted: Shape | None = None

    def up(self, wanted: Shape, _say: Callable[[str], None]) -> SandboxStatus:
        self.wanted = wanted
        return self._status


@pytest.mark.parametrize(
    ("before", "typed", "wanted"),
    [
        pytest.param(None, [], Shape(2, 3), id="first"),
        pytest.param(None, ["--workers", "1", "--nodes", "5"], Shape(1, 5), id="as asked"),
        pytest.param(Shape(4, 2, audit=True), [], Shape(4, 2, audit=True), id="again"),
        pytest.param(Shape(4, 2), ["--nodes", "7"], Shape(4, 7), id="grown"),
        pytest.param(Shape(4, 2), ["--real-nodes", "1"], Shape(4, 2, real_nodes=1), id="with real nodes"),
        pytest.param(Shape(4, 2, real_nodes=1), [], Shape(4, 2, real_nodes=1), id="with real nodes again"),
    ],
)
def test_up_keeps_the_size_that_is_not_mentioned(
    run: Run, monkeypatch: pytest.MonkeyPatch, before: Shape | None, typed: list[str], wanted: Shape
) -> None:
    fake = FakeSandbox(Path("/s"), before, SandboxStatus(Path("/s"), (WELL,)))
    monkeypatch.setattr(sandbox, "sandbox_in", lambda _folder: fake)
    answer = run("sandbox", "up", *typed, "-o", "json")
    assert answer.code == 0
    assert json.loads(answer.out)["up"] is True
    assert fake.wanted == wanted


def test_up_that_leaves_something_down_exits_7(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "sandbox_in", lambda _folder: FakeSandbox(Path("/s"), None, BOTH))
    assert run("sandbox", "up").code == 7


def test_a_sandbox_without_workers_is_a_usage_mistake(run: Run) -> None:
    answer = run("sandbox", "up", "--workers", "0")
    assert answer.code == 64
    assert "--workers" in answer.err
