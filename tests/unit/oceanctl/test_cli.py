import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.errors import InvalidInventoryError, OceanError, Position, Problem
from oceanctl.commands import version
from oceanctl.errors import ExitCode, PartialError, RefusedError, StaleError, UnhealthyError, UsageMistakeError
from oceanctl.shell import Shell
from reconciler.kube.errors import ConflictError, ForbiddenError, TransientError
from tests.unit.oceanctl.conftest import Answer

Run = Callable[..., Answer]


def test_the_version_is_one_line_on_stdout(run: Run) -> None:
    answer = run("version")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("oceanctl ")


def test_the_version_flag_says_the_same(run: Run) -> None:
    assert run("--version").out == run("version").out


def test_the_version_as_json(run: Run) -> None:
    assert json.loads(run("version", "-o", "json").out)["apiVersion"] == "cloud.tencent.com/v1beta1"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        pytest.param(["vresion"], "Did you mean 'version'?", id="command"),
        pytest.param(["version", "--ouptut", "json"], "Did you mean '--output'?", id="flag"),
        pytest.param(["--vresion"], "Did you mean '--version'?", id="flag of the program"),
        pytest.param(["version", "-o", "jsn"], "'jsn' is not one of 'text', 'json'", id="choice"),
        pytest.param(["version", "surplus"], "unexpected extra argument", id="argument"),
        pytest.param(["version", "--context"], "requires an argument", id="missing value"),
    ],
)
def test_what_is_mistyped_exits_64_with_a_suggestion(run: Run, typed: list[str], expected: str) -> None:
    answer = run(*typed)
    assert (answer.code, answer.out) == (64, "")
    assert expected in answer.err
    assert "--help'" in answer.err


def test_no_command_shows_the_help_and_exits_64(run: Run) -> None:
    answer = run()
    assert answer.code == ExitCode.USAGE
    assert "Usage: oceanctl" in answer.out


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_no_error(run: Run, flag: str) -> None:
    answer = run("version", flag)
    assert answer.code == 0
    assert "Usage: oceanctl version" in answer.out


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def run_(_shell: Shell, _options: version.Options) -> ExitCode:
        raise error

    monkeypatch.setattr(version, "run", run_)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(OceanError("no"), 1, id="any"),
        pytest.param(OSError(28, "No space left on device"), 1, id="the machine"),
        pytest.param(ForbiddenError("no", status=403), 1, id="forbidden"),
        pytest.param(InvalidInventoryError([Problem("OE1", "m", Position("f"))]), 3, id="invalid"),
        pytest.param(RefusedError("no"), 4, id="refused"),
        pytest.param(StaleError("no"), 5, id="stale"),
        pytest.param(PartialError("no"), 6, id="partial"),
        pytest.param(UnhealthyError("no"), 7, id="unhealthy"),
        pytest.param(UsageMistakeError("no"), 64, id="usage"),
        pytest.param(KeyError("no"), 70, id="internal"),
        pytest.param(TransientError("no"), 75, id="transient"),
        pytest.param(ConflictError("no", status=409), 75, id="conflict"),
        pytest.param(ExceptionGroup("tasks", [ExceptionGroup("more", [RefusedError("no")])]), 4, id="in a task group"),
        pytest.param(
            ExceptionGroup("tasks", [KeyError("no"), StaleError("no")]), 5, id="the one on purpose in a task group"
        ),
        pytest.param(KeyboardInterrupt(), 130, id="interrupted"),
    ],
)
def test_every_kind_of_error_has_its_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    failing(monkeypatch, error)
    assert run("version").code == code


def test_a_file_that_is_not_there_is_named_without_the_jargon(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, FileNotFoundError(2, "No such file or directory", "nodes.yaml"))
    assert run("version").err == "error: nodes.yaml: No such file or directory\n"


def test_an_internal_error_is_a_sentence_and_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("ouch"))
    assert run("version").err == (
        "error: internal error, please report it: ZeroDivisionError: ouch\n"
        "Run the command again with -v to see where it happened.\n"
    )


def test_verbose_shows_where_it_happened(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("ouch"))
    assert "Traceback (most recent call last)" in run("version", "-v").err


def test_an_invalid_inventory_shows_its_problems_on_stderr(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, InvalidInventoryError([Problem("OE1", "broken", Position("f.yaml", 2, 3))]))
    answer = run("version")
    assert answer.out == ""
    assert answer.err == "f.yaml:2:3: error OE1 broken\nerror: the inventory is invalid: 1 error\n"


def observing(monkeypatch: pytest.MonkeyPatch) -> list[Shell]:
    seen: list[Shell] = []

    def run_(shell: Shell, _options: version.Options) -> ExitCode:
        seen.append(shell)
        return ExitCode.OK

    monkeypatch.setattr(version, "run", run_)
    return seen


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(["--context", "hub", "version"], id="before"),
        pytest.param(["version", "--context", "hub"], id="after"),
        pytest.param(["--context", "lost", "version", "--context", "hub"], id="the later one wins"),
    ],
)
def test_global_options_may_stand_before_or_after_the_command(
    run: Run, monkeypatch: pytest.MonkeyPatch, typed: list[str]
) -> None:
    seen = observing(monkeypatch)
    run(*typed)
    assert seen[0].context == "hub"


def test_no_color_wins_over_color_always(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    seen = observing(monkeypatch)
    run("version", "--color", "always")
    assert seen[0].screen.color == "never"


@pytest.mark.parametrize(("typed", "color"), [([], "never"), (["--color", "always"], "always")])
def test_a_dumb_terminal_gets_colour_only_on_request(
    run: Run, monkeypatch: pytest.MonkeyPatch, typed: list[str], color: str
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    seen = observing(monkeypatch)
    run("version", *typed)
    assert seen[0].screen.color == color


def test_a_reader_that_goes_away_is_no_error_to_report(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "dup2", lambda *_: 0)
    failing(monkeypatch, BrokenPipeError())
    answer = run("version")
    assert (answer.code, answer.err) == (141, "")


def test_an_inventory_is_found_in_a_folder_above(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ocean.yaml").touch()
    (tmp_path / "policies").mkdir()
    seen = observing(monkeypatch)
    monkeypatch.chdir(tmp_path / "policies")
    run("version")
    assert seen[0].inventory_folder() == tmp_path


def test_no_inventory_anywhere_is_a_usage_mistake_that_names_the_flag(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = observing(monkeypatch)
    run("version")
    with pytest.raises(UsageMistakeError, match="--inventory DIR"):
        seen[0].inventory_folder()


def test_an_inventory_that_is_named_must_be_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = observing(monkeypatch)
    run("version", "--inventory", "nowhere")
    with pytest.raises(UsageMistakeError, match="nowhere"):
        seen[0].inventory_folder()
