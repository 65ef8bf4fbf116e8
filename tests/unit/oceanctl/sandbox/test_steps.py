import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from oceanctl.sandbox import steps
from oceanctl.sandbox.steps import StepError, Steps


def test_a_failed_step_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"building x: exit code 3\n(.*\n)*cannot find package"):
        Steps(tmp_path, lambda _: None).run("building x", ["/bin/sh", "-c", "echo cannot find package >&2; exit 3"])


def test_each_step_is_announced(tmp_path: Path) -> None:
    lines: list[str] = []
    Steps(tmp_path, lines.append).run("building x", ["/bin/true"])
    assert lines == ["building x"]


def test_a_long_step_shows_that_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "HEARTBEAT_SECONDS", 0.05)
    lines: list[str] = []
    Steps(tmp_path, lines.append).run("building x", ["/bin/sleep", "0.5"])
    assert "building x: for 0 s" in lines[1:]


def test_a_step_knows_the_environment(tmp_path: Path) -> None:
    made = Steps(tmp_path, lambda _: None, {"TARGET": str(tmp_path / "made")})
    made.run("making", ["/bin/sh", "-c", 'touch "$TARGET"'])
    assert (tmp_path / "made").exists()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT as a terminal gives it: a shell starts background jobs with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_step_takes_all_its_processes_with_it(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    threading.Thread(target=_interrupt_when_there, args=(pid_file,)).start()
    with pytest.raises(KeyboardInterrupt):
        Steps(tmp_path, lambda _: None).run("building x", ["/bin/sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"])
    _await_end(int(pid_file.read_text()))


def _interrupt_when_there(file: Path) -> None:
    give_up_at = time.monotonic() + 10
    while not (file.exists() and file.read_text().strip()) and time.monotonic() < give_up_at:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)


def _await_end(pid: int) -> None:
    give_up_at = time.monotonic() + 10
    while time.monotonic() < give_up_at:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.01)
    pytest.fail("the grandchild outlived the step")
