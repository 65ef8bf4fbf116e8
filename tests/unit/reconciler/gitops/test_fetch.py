import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.gitops.fetch import Fetcher, source_of
from reconciler.gitops.report import Outlook
from reconciler.gitops.view import Failed, Fetched
from reconciler.settings import Settings
from tests.quickstart import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "fleet")


@pytest.fixture
def settings(repository: Repository, tmp_path: Path) -> Settings:
    return Settings(git_url=str(repository.folder), git_allow_local=True, state_dir=str(tmp_path / "state"))


def test_the_head_of_the_branch_is_read_as_an_inventory(repository: Repository, settings: Settings) -> None:
    news = Fetcher(settings).fetch(None)
    assert isinstance(news, Fetched)
    assert news.revision == repository.head
    assert news.inventory is not None
    assert (news.inventory.id, len(news.inventory.policies), news.lost) == ("quickstart", 4, None)


def test_a_new_commit_is_news(repository: Repository, settings: Settings) -> None:
    fetcher = Fetcher(settings)
    first = fetcher.fetch(None)
    assert isinstance(first, Fetched)
    (repository.folder / "policies" / "worker-1-nights.yaml").unlink()
    commit = repository.commit("Remove the nights")
    second = fetcher.fetch(first.revision)
    assert isinstance(second, Fetched)
    assert (second.revision, second.lost) == (commit, None)
    assert second.inventory is not None
    assert len(second.inventory.policies) == 3


def test_an_unchanged_commit_is_the_same_inventory_not_read_again(settings: Settings) -> None:
    fetcher = Fetcher(settings)
    first, second = fetcher.fetch(None), fetcher.fetch(None)
    assert isinstance(first, Fetched)
    assert isinstance(second, Fetched)
    assert first.inventory is second.inventory


def test_an_invalid_commit_comes_with_its_problems(repository: Repository, settings: Settings) -> None:
    (repository.folder / "policies" / "bad.yaml").write_text("a: [1\n")
    repository.commit("Break it")
    news = Fetcher(settings).fetch(None)
    assert isinstance(news, Fetched)
    assert news.inventory is None
    assert [problem.at.file for problem in news.problems] == ["policies/bad.yaml"]


def test_a_rewritten_history_names_the_commit_that_was_lost(repository: Repository, settings: Settings) -> None:
    lost = repository.commit("To be lost")
    assert isinstance(Fetcher(settings).fetch(None), Fetched)
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    repository.commit("Instead")
    news = Fetcher(settings).fetch(lost)
    assert isinstance(news, Fetched)
    assert news.lost == lost


def test_a_commit_that_a_fresh_disk_never_saw_is_lost_too(settings: Settings) -> None:
    news = Fetcher(settings).fetch("1" * 40)
    assert isinstance(news, Fetched)
    assert news.lost == "1" * 40


@pytest.mark.parametrize(
    ("changed", "reason", "outlook"),
    [
        pytest.param({"git_url": "/nowhere/fleet.git"}, "GitUnreachable", Outlook.RETRYING, id="no repository"),
        pytest.param({"git_branch": "release"}, "BranchNotFound", Outlook.STUCK, id="no branch"),
        pytest.param({"git_path": "elsewhere"}, "FolderNotFound", Outlook.STUCK, id="no folder"),
        pytest.param({"git_allow_local": False}, "RepositoryRefused", Outlook.STUCK, id="local path"),
        pytest.param({"git_url": "git@host.example:a.git"}, "RepositoryRefused", Outlook.STUCK, id="unknown host"),
    ],
)
def test_what_cannot_be_read_has_a_reason_and_an_outlook(
    settings: Settings, changed: dict[str, Any], reason: str, outlook: Outlook
) -> None:
    news = Fetcher(replace(settings, **changed)).fetch(None)
    assert isinstance(news, Failed)
    assert (news.reason, news.outlook) == (reason, outlook)


def test_the_folder_of_a_repository_is_enough(repository: Repository, settings: Settings, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    (moved / "clusters").mkdir(parents=True)
    for name in ("bindings", "policies", "ocean.yaml"):
        shutil.move(str(repository.folder / name), moved / "clusters" / name)
    shutil.copytree(moved, repository.folder, dirs_exist_ok=True)
    repository.commit("Move into a folder")
    news = Fetcher(replace(settings, git_path="clusters")).fetch(None)
    assert isinstance(news, Fetched)
    assert news.inventory is not None
    assert len(news.inventory.policies) == 4


def test_the_source_is_what_the_settings_say(settings: Settings) -> None:
    source = source_of(replace(settings, git_branch="prod", git_path="clusters"))
    assert (source.url, source.branch, source.path) == (settings.git_url, "prod", "clusters")
