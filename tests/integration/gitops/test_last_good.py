"""A repository that cannot be used leaves the last good inventory in force, deletes nothing, and says so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from oceanctl.cli import main
from reconciler import names
from tests.integration.gitops.conftest import Fleet
from tests.integration.gitops.test_following import EVERYTHING
from tests.quickstart import Repository

NIGHTS = "policies/worker-1-nights.yaml"
Spoil = Callable[[Repository], None]


def edited(path: str, old: str, new: str) -> Spoil:
    return lambda repository: repository.edit(path, old, new)


def written(path: str, text: str) -> Spoil:
    return lambda repository: repository.write(path, text)


def linked(repository: Repository) -> None:
    (repository.folder / "policies/link.yaml").symlink_to("worker-1-nights.yaml")


BOMB = "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(9))
FAULTS: dict[str, tuple[Spoil, str, str]] = {
    "syntax error": (written("policies/syntax.yaml", "a: [1\n"), "policies/syntax.yaml", "OE1101"),
    "unknown field": (edited("policies/worker-1-gpu.yaml", "  priority: 20", "  priorty: 20"), "policies/worker-1-gpu.yaml", "OE2102"),
    "wrong type": (edited("policies/worker-1-half-cpu.yaml", "forceReclaim: true", "forceReclaim: sure"), "policies/worker-1-half-cpu.yaml", "OE2201"),
    "percent": (edited("policies/worker-2-half-cpu.yaml", "percent: 50", "percent: 150"), "policies/worker-2-half-cpu.yaml", "OE2202"),
    "time": (edited(NIGHTS, '"20:00"', '"25:00"'), NIGHTS, "OE2202"),
    "time zone": (edited(NIGHTS, "Europe/Berlin", "Mars/Olympus"), NIGHTS, "OE2202"),
    "duplicate clusterID": (edited("bindings/worker-2.yaml", "clusterID: worker-2", "clusterID: worker-1"), "bindings/worker-2.yaml", "OE3102"),
    "unknown cluster": (edited("policies/worker-1-half-cpu.yaml", "worker-1\n", "worker-7\n"), "policies/worker-1-half-cpu.yaml", "OE3103"),
    "empty file": (written("policies/empty.yaml", ""), "policies/empty.yaml", "OE1203"),
    "5 MB file": (written("policies/huge.yaml", "x: y\n" * 1_000_000), "policies/huge.yaml", "OE1301"),
    "symlink": (linked, "policies/link.yaml", "OE1204"),
    "alias bomb": (written("policies/bomb.yaml", BOMB), "policies/bomb.yaml", "OE1104"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_commit_deletes_nothing_and_is_told(fleet: Fleet, fault: str) -> None:
    before = fleet.repository.head
    spoil, file, code = FAULTS[fault]
    spoil(fleet.repository)
    fleet.repository.commit(fault)
    await fleet.attend()
    assert await fleet.names() == EVERYTHING
    status, reason, message = await fleet.ready()
    assert (status, reason) == ("False", "Invalid")
    assert f"{file}:" in message
    assert code in message
    assert (await fleet.record()).state.revision == before
    assert await fleet.events() == ["Applied", "Invalid"]


@pytest.fixture
def every_fault(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "faulty")
    for spoil, _, _ in FAULTS.values():
        spoil(repository)
    return repository


def test_validate_reports_all_faults_at_once_and_exits_3(
    every_fault: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(every_fault.folder)]) == 3
    shown = capsys.readouterr().out
    for _, file, code in FAULTS.values():
        assert any(f"/{file}:" in line and code in line for line in shown.splitlines()), (file, code)


async def test_a_faulty_commit_that_also_removes_a_policy_removes_nothing(fleet: Fleet) -> None:
    fleet.repository.write("policies/syntax.yaml", "a: [1\n")
    (fleet.repository.folder / "policies/worker-1-gpu.yaml").unlink()
    fleet.repository.commit()
    await fleet.attend()
    assert await fleet.names() == EVERYTHING


async def test_a_mended_commit_is_followed_again(fleet: Fleet) -> None:
    fleet.repository.write("policies/syntax.yaml", "a: [1\n")
    fleet.repository.commit()
    await fleet.attend()
    (fleet.repository.folder / "policies/syntax.yaml").unlink()
    commit = fleet.repository.commit()
    await fleet.attend()
    assert (await fleet.ready())[:2] == ("True", "Applied")
    assert (await fleet.record()).state.revision == commit


async def test_a_fault_that_goes_on_is_written_once(fleet: Fleet) -> None:
    fleet.repository.write("policies/syntax.yaml", "a: [1\n")
    fleet.repository.commit()
    await fleet.attend()
    first = await fleet.record()
    await fleet.settle()
    assert (await fleet.record()).resource_version == first.resource_version
    assert await fleet.events() == ["Applied", "Invalid"]


async def test_the_last_good_inventory_is_still_kept_up(fleet: Fleet) -> None:
    fleet.repository.write("policies/syntax.yaml", "a: [1\n")
    fleet.repository.commit()
    name = f"{fleet.prefix}worker-1-gpu"
    await fleet.person.patch(names.POLICIES, name, {"spec": {"priority": 99}})
    await fleet.attend()
    assert (await fleet.person.get(names.POLICIES, name))["spec"]["priority"] == 20


@pytest.mark.parametrize("kept", [["ocean.yaml"], []], ids=["all but the settings", "everything"])
async def test_an_emptied_repository_deletes_nothing(fleet: Fleet, kept: list[str]) -> None:
    for entry in fleet.repository.folder.iterdir():
        if entry.name == ".git" or entry.name in kept:
            continue
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    fleet.repository.commit("Empty it")
    await fleet.settle()
    assert await fleet.names() == EVERYTHING
    assert (await fleet.ready())[0] == "False"


async def test_a_rewritten_history_is_not_followed_until_approved(fleet: Fleet) -> None:
    (fleet.repository.folder / "policies/worker-1-gpu.yaml").unlink()
    fleet.repository.git("add", "--all")
    fleet.repository.git("commit", "--quiet", "--amend", "-m", "Rewrite")
    await fleet.attend()
    assert await fleet.names() == EVERYTHING
    status, reason, message = await fleet.ready()
    assert (status, reason) == ("False", "Rewritten")
    assert fleet.repository.head in message
    await fleet.approve(fleet.repository.head)
    await fleet.attend()
    assert await fleet.names() == EVERYTHING - {"worker-1-gpu"}
    assert (await fleet.record()).state.revision == fleet.repository.head


async def test_a_wiped_disk_does_not_forget_what_was_applied(fleet: Fleet, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "state")
    fleet.restart()
    (fleet.repository.folder / "policies/worker-1-gpu.yaml").unlink()
    fleet.repository.git("add", "--all")
    fleet.repository.git("commit", "--quiet", "--amend", "-m", "Rewrite")
    await fleet.attend()
    assert await fleet.names() == EVERYTHING
    assert (await fleet.ready())[1] == "Rewritten"


async def test_an_unreachable_server_changes_nothing_and_is_told_once(fleet: Fleet, tmp_path: Path) -> None:
    away = tmp_path / "away"
    fleet.repository.folder.rename(away)
    await fleet.settle()
    assert await fleet.names() == EVERYTHING
    assert (await fleet.ready())[:2] == ("False", "GitUnreachable")
    assert (await fleet.record()).state.condition("Reconciling")["status"] == "True"
    assert await fleet.events() == ["Applied", "GitUnreachable"]
    away.rename(fleet.repository.folder)
    fleet.restart()
    await fleet.attend()
    assert (await fleet.ready())[:2] == ("True", "Applied")


async def test_an_outage_at_the_start_is_told_where_the_inventory_was_known(fleet: Fleet, tmp_path: Path) -> None:
    fleet.repository.folder.rename(tmp_path / "away")
    fleet.restart()
    await fleet.attend()
    assert (await fleet.ready())[:2] == ("False", "GitUnreachable")
    assert await fleet.names() == EVERYTHING


async def test_a_missing_branch_is_an_error_and_no_empty_inventory(fleet: Fleet) -> None:
    fleet.repository.git("branch", "--quiet", "--move", "main", "trunk")
    await fleet.attend()
    assert await fleet.names() == EVERYTHING
    assert (await fleet.ready())[:2] == ("False", "BranchNotFound")
    assert (await fleet.record()).state.condition("Stalled")["status"] == "True"
