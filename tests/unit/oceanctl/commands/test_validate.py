import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.oceanctl.conftest import Answer

Run = Callable[..., Answer]
QUICKSTART = Path(__file__).parents[4] / "examples" / "quickstart"
NIGHTS = Path("policies/worker-1-nights.yaml")


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "fleet"
    shutil.copytree(QUICKSTART, folder)
    return folder


def spoil(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.usefixtures("inventory")
def test_a_valid_inventory_is_one_line_and_exit_0(run: Run) -> None:
    answer = run("validate", "fleet")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "valid: 2 bindings, 4 policies, no problems\n"


@pytest.mark.usefixtures("inventory")
def test_the_global_flag_names_the_folder_too(run: Run) -> None:
    assert run("validate", "--inventory", "fleet").code == 0


def test_the_inventory_around_the_current_folder_is_the_default(
    run: Run, inventory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inventory / "policies")
    assert run("validate").code == 0


def test_every_problem_is_shown_at_once_on_stdout_and_exits_3(run: Run, inventory: Path) -> None:
    spoil(inventory / NIGHTS, '"20:00"', '"25:00"')
    spoil(inventory / NIGHTS, "priority: 10", "priorty: 10")
    answer = run("validate", "fleet")
    assert (answer.code, answer.err) == (3, "")
    assert "fleet/policies/worker-1-nights.yaml:10:3: error OE2102 unknown key 'priorty' in spec\n" in answer.out
    assert "'25:00' is not a time of day" in answer.out
    assert answer.out.endswith("invalid: 2 errors\n")


def test_the_report_as_json(run: Run, inventory: Path) -> None:
    spoil(inventory / NIGHTS, '"20:00"', '"25:00"')
    document = json.loads(run("validate", "fleet", "-o", "json").out)
    assert document["valid"] is False
    assert document["summary"] == {"errors": 1, "warnings": 0, "bindings": None, "policies": None}
    (problem,) = document["problems"]
    assert (problem["file"], problem["code"]) == ("policies/worker-1-nights.yaml", "OE2202")


def test_warnings_do_not_fail(run: Run, inventory: Path) -> None:
    spoil(inventory / "bindings/worker-2.yaml", "name: worker-2-kubeconfig", "name: worker-1-kubeconfig")
    answer = run("validate", "fleet")
    assert answer.code == 0
    assert answer.out.endswith("valid: 2 bindings, 4 policies, 1 warning\n")


def test_strict_takes_warnings_for_errors(run: Run, inventory: Path) -> None:
    spoil(inventory / "bindings/worker-2.yaml", "name: worker-2-kubeconfig", "name: worker-1-kubeconfig")
    answer = run("validate", "fleet", "--strict")
    assert answer.code == 3
    assert answer.out.endswith("invalid because of --strict: 2 bindings, 4 policies, 1 warning\n")


@pytest.mark.parametrize("path", ["nowhere", "fleet/ocean.yaml"])
@pytest.mark.usefixtures("inventory")
def test_what_is_no_folder_is_a_usage_mistake(run: Run, path: str) -> None:
    answer = run("validate", path)
    assert answer.code == 64
    assert path in answer.err
