import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oceanctl.sandbox.errors import NotReadyError, ProgramDiedError
from oceanctl.sandbox.process import Identity, Program, programs_of

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path, "sleeper")
    yield made
    made.stop(signal.SIGKILL)


def _eventually(is_true: Callable[[], bool], seconds: float = 10) -> None:
    give_up_at = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def _process(program: Program) -> Identity:
    assert program.process is not None
    return program.process


def test_a_started_program_is_found_again_by_its_folder(program: Program, tmp_path: Path) -> None:
    program.start(["/bin/sleep", "60"])
    assert Program(tmp_path, "sleeper").process == _process(program)


def test_starting_what_runs_changes_nothing(program: Program) -> None:
    program.start(["/bin/sleep", "60"])
    first = _process(program)
    program.start(["/bin/sleep", "60"])
    assert _process(program) == first


def test_a_program_runs_in_a_session_of_its_own(program: Program) -> None:
    program.start(["/bin/sleep", "60"])
    pid = _process(program).pid
    assert os.getsid(pid) == pid != os.getsid(0)


def test_output_and_environment_reach_the_program(program: Program) -> None:
    program.start(["/bin/sh", "-c", "echo out $GREETING; echo err >&2"], {"GREETING": "hello"})
    _eventually(lambda: program.log_tail() == "out hello\nerr")


def test_a_stopped_program_leaves_neither_process_nor_pid_file(program: Program, tmp_path: Path) -> None:
    program.start(["/bin/sleep", "60"])
    process = _process(program)
    program.stop()
    assert (process.is_running, programs_of(tmp_path)) == (False, [])


def test_a_program_that_ignores_the_signal_is_killed(program: Program) -> None:
    program.start([sys.executable, "-c", STUBBORN])
    _eventually(lambda: program.log_tail() == "deaf")
    process = _process(program)
    program.stop(patience_seconds=0.2)
    assert not process.is_running


def test_another_process_with_the_recorded_pid_is_left_alone(program: Program, tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        me = Identity.of(stranger.pid)
        assert me is not None
        (tmp_path / "pids").mkdir()
        (tmp_path / "pids" / "sleeper").write_text(f"{me.pid} {int(me.started) - 1} {me.boot}")
        program.stop(signal.SIGKILL)
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("content", ["", "12", "x 1 y", "None"], ids=["empty", "cut", "no pid", "ended at once"])
def test_a_broken_pid_file_means_that_nothing_runs(program: Program, tmp_path: Path, content: str) -> None:
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "sleeper").write_text(content)
    assert program.process is None


def test_a_program_that_was_killed_is_known_to_be_dead(program: Program) -> None:
    program.start(["/bin/sleep", "60"])
    os.kill(_process(program).pid, signal.SIGKILL)
    _eventually(lambda: program.process is None)


def test_waiting_ends_when_the_program_is_ready(program: Program) -> None:
    program.start(["/bin/sleep", "60"])
    answers = iter(["not yet", None])
    program.wait_until(lambda: next(answers), 10)
    assert next(answers, "asked twice") == "asked twice"


def test_waiting_ends_with_the_log_when_the_program_dies(program: Program) -> None:
    program.start(["/bin/sh", "-c", "echo no such flag; exit 1"])
    with pytest.raises(ProgramDiedError, match="no such flag"):
        program.wait_until(lambda: "not yet", 10)


def test_waiting_ends_with_the_last_reason_at_the_deadline(program: Program) -> None:
    program.start(["/bin/sleep", "60"])
    with pytest.raises(NotReadyError, match="connection refused"):
        program.wait_until(lambda: "connection refused", 0.1)


def test_a_missing_executable_is_an_error_of_the_caller(program: Program) -> None:
    with pytest.raises(FileNotFoundError):
        program.start(["/no/such/program"])
