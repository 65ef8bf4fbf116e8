"""The process's command line: what is wrong is said in a sentence, with the right exit code."""

from pathlib import Path

import pytest

from reconciler.__main__ import EXIT_DEFECT, EXIT_FAILED, EXIT_TRY_AGAIN, _ended_by, main
from reconciler.election import LostLeadershipError
from reconciler.layered import EXIT_USAGE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--wokers=3"], "did you mean '--workers'?"),
        (["--work=3"], "did you mean '--workers'?"),
        (["stray"], "unrecognized arguments: stray"),
    ],
    ids=["mistyped", "abbreviated", "stray"],
)
def test_a_usage_error_has_a_suggestion(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == EXIT_USAGE
    assert said in capsys.readouterr().err


def test_a_setting_that_does_not_fit_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--workers=many"]) == EXIT_USAGE
    assert "'many' is not a number" in capsys.readouterr().err


def test_a_kubeconfig_that_is_not_there_is_said_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--kubeconfig={tmp_path}/none", f"--state-dir={tmp_path}"]) == EXIT_FAILED
    error = capsys.readouterr().err
    assert "cannot start" in error
    assert "Traceback" not in error


def test_the_effective_settings_are_shown_with_their_sources(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OCEAN_WORKERS", "5")
    assert main(["--print-config", "--resync-seconds=7"]) == 0
    shown = capsys.readouterr().out
    assert "workers: 5  # OCEAN_WORKERS\n" in shown
    assert "resync_seconds: 7  # flag\n" in shown
    assert "git_branch: 'main'  # default\n" in shown


def test_lost_leadership_asks_to_be_started_again() -> None:
    assert _ended_by(ExceptionGroup("tasks", [LostLeadershipError("lease")])) == EXIT_TRY_AGAIN
    assert _ended_by(ExceptionGroup("tasks", [ValueError("odd")])) == EXIT_DEFECT
