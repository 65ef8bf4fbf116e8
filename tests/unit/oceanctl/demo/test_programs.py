from pathlib import Path

import pytest

from oceanctl.demo.errors import DemoError
from oceanctl.demo.programs import Checkout, run


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    content = tmp_path / "content"
    content.mkdir()
    (content / "ocean.yaml").write_text("inventory: {id: a}\n")
    return Checkout.make(content, tmp_path / "work", tmp_path / "remote.git")


@pytest.mark.usefixtures("checkout")
def test_the_remote_has_the_content_as_its_first_commit(tmp_path: Path) -> None:
    assert run(["git", "-C", str(tmp_path / "remote.git"), "show", "main:ocean.yaml"], {}) == "inventory: {id: a}\n"


def test_a_push_moves_the_remote_to_the_commit_it_returns(checkout: Checkout, tmp_path: Path) -> None:
    (checkout.folder / "ocean.yaml").write_text("inventory: {id: b}\n")
    commit = checkout.push("Rename it")
    assert run(["git", "-C", str(tmp_path / "remote.git"), "rev-parse", "main"], {}).strip() == commit


def test_the_users_git_configuration_has_no_say(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[core]\n\thooksPath = /nowhere\n")
    (checkout.folder / "new.yaml").touch()
    assert checkout.push("Add a file")


def test_a_failing_program_tells_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="not a git repository"):
        run(["git", "-C", str(tmp_path), "status"], {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})


def test_a_missing_program_is_named() -> None:
    with pytest.raises(DemoError, match="no-such-program is not installed"):
        run(["no-such-program"], {})
