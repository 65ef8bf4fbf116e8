"""A command line without a terminal, and the pieces of one."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from oceanctl.cli import main
from oceanctl.output import Screen


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run of the program left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Answer]:
    """The program as a shell starts it, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run_(*arguments: str) -> Answer:
        code = main(arguments)
        captured = capsys.readouterr()
        return Answer(int(code), captured.out, captured.err)

    return run_


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal_screen() -> Screen:
    return Screen(Terminal(), Terminal())


@pytest.fixture
def piped_screen() -> Screen:
    return Screen(io.StringIO(), io.StringIO())
