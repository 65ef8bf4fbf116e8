import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.gitprocess import Turn, locked

LONG = 1000  # seconds; far beyond any deadline here


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[Turn]:
    with locked(tmp_path / "lock", 0.0) as lock:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
        yield Turn(tmp_path, (), environment, time.monotonic() + 30, lock)


def test_the_answer_of_a_command_comes_back(turn: Turn) -> None:
    outcome = turn.run("version")

    assert (outcome.code, outcome.complaint) == (0, "")
    assert outcome.output.startswith("git version")


def test_a_complaint_is_one_line_without_control_characters(turn: Turn) -> None:
    outcome = turn.run("-c", "alias.fail=!printf 'a\\n\\033[31mb\\tc' >&2; exit 3 #", "fail")

    assert (outcome.code, outcome.complaint) == (3, "a [31mb c")


def test_a_long_complaint_keeps_its_end(turn: Turn) -> None:
    outcome = turn.run("-c", "alias.fail=!yes x | head -c 100000 >&2; echo the end >&2; exit 1 #", "fail")

    assert len(outcome.complaint) <= 500
    assert outcome.complaint.endswith("the end")


def test_when_the_time_is_over_nothing_that_was_started_lives_on(turn: Turn, tmp_path: Path) -> None:
    started = tmp_path / "pid"
    hasty = Turn(turn.folder, turn.options, turn.environment, time.monotonic() + 0.5, turn.lock)

    outcome = hasty.run("-c", f"alias.hang=!sleep {LONG} & echo $! >{started}; sleep {LONG} #", "hang")

    assert outcome.code is None
    assert is_gone(int(started.read_text()))


def test_what_a_command_leaves_running_ends_with_it(turn: Turn, tmp_path: Path) -> None:
    started = tmp_path / "pid"

    outcome = turn.run("-c", f"alias.leave=!sleep {LONG} >/dev/null 2>&1 & echo $! >{started} #", "leave")

    assert outcome.code == 0
    assert is_gone(int(started.read_text()))


def is_gone(pid: int) -> bool:
    """Whether a process is dead within a few seconds; one that nobody has waited for counts."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_a_lock_that_is_taken_is_waited_for_no_longer_than_told(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", 0.0),
        pytest.raises(TimeoutError),
        locked(tmp_path / "lock", time.monotonic() + 0.2),
    ):
        pass


def test_a_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", 0.0):
        pass
    with locked(tmp_path / "lock", 0.0) as again:
        assert not again.closed
