from collections.abc import Callable
from pathlib import Path

import pytest

from oceanctl.cli import main
from oceanctl.output import Screen
from oceanctl.sandbox.controlplane import ControlPlane
from reconciler import names
from tests.integration.audit import AuditLog
from tests.integration.oceanctl.conftest import Run
from tests.quickstart import Repository

HALF = "policies/worker-2-half-cpu.yaml"


def audit_of(hub: ControlPlane) -> AuditLog:
    log = hub.wants.audit_log
    assert log is not None
    return AuditLog(log)


def live(hub: ControlPlane, name: str) -> dict[str, object]:
    found: dict[str, object] = hub.api.get(names.POLICIES.path(name))
    return found


def test_a_first_plan_creates_everything_and_writes_nothing(run: Run, hub: ControlPlane, prefix: str) -> None:
    answer = run("plan")
    assert answer.code == 0
    assert f"  + ClusterBinding/{prefix}worker-1" in answer.out
    assert "Plan: 6 create, 0 update, 0 delete, 0 drift revert, 0 unchanged." in answer.out
    assert live(hub, f"{prefix}worker-2-half-cpu") is None


def test_the_detailed_exit_code_tells_changes_from_none(run: Run) -> None:
    assert run("plan", "--detailed-exitcode").code == 2
    assert run("apply", "--yes").code == 0
    assert run("plan", "--detailed-exitcode").code == 0


def test_a_plan_as_json_names_source_and_target(run: Run, hub: ControlPlane, repository: Repository) -> None:
    document = run("plan", "-o", "json").document
    assert document["summary"]["create"] == 6
    assert document["source"] == {"folder": str(repository.folder)}
    assert document["target"]["server"] == hub.server
    assert document["formatVersion"] == "1.0"


def test_apply_makes_it_so_and_recaps_per_cluster(run: Run, prefix: str) -> None:
    answer = run("apply", "--yes")
    assert answer.code == 0
    assert f"{prefix}worker-1 : ok=4 changed=4 reverted=0 failed=0 protected=0 held=0" in answer.out
    assert f"{prefix}worker-2 : ok=2 changed=2 reverted=0 failed=0 protected=0 held=0" in answer.out


def test_a_second_apply_changes_nothing_and_writes_nothing(run: Run, hub: ControlPlane) -> None:
    run("apply", "--yes")
    audit = audit_of(hub)
    answer = run("apply", "--yes")
    assert answer.code == 0
    assert "changed=0" in answer.out
    assert "changed=1" not in answer.out
    assert audit.requests()
    assert audit.writes() == []


def test_nobody_to_ask_is_a_usage_mistake_that_writes_nothing(run: Run, hub: ControlPlane) -> None:
    audit = audit_of(hub)
    answer = run("apply")
    assert answer.code == 64
    assert "--yes" in answer.err
    assert [request.uri for request in audit.writes() if "dryRun=All" not in request.uri] == []


def at_a_terminal(
    monkeypatch: pytest.MonkeyPatch, *, answer: bool, meanwhile: Callable[[], None] = lambda: None
) -> None:
    def told(_screen: Screen, _question: str) -> bool:
        meanwhile()
        return answer

    monkeypatch.setattr(Screen, "is_interactive", property(lambda _screen: True))
    monkeypatch.setattr(Screen, "is_told_yes", told)


def test_a_no_applies_nothing(run: Run, hub: ControlPlane, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_terminal(monkeypatch, answer=False)
    answer = run("apply")
    assert answer.code == 1
    assert "nothing was applied" in answer.err
    assert live(hub, f"{prefix}worker-2-half-cpu") is None


def test_a_yes_applies_what_was_shown(
    run: Run, hub: ControlPlane, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch, answer=True)
    assert run("apply").code == 0
    assert live(hub, f"{prefix}worker-2-half-cpu") is not None


def test_a_cluster_that_changed_during_the_question_makes_the_plan_stale(
    run: Run, hub: ControlPlane, prefix: str, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("apply", "--yes")
    repository.edit(HALF, "percent: 50", "percent: 75")
    at_a_terminal(monkeypatch, answer=True, meanwhile=lambda: drift(hub, f"{prefix}worker-2-half-cpu"))
    answer = run("apply")
    assert answer.code == 5
    assert "nothing was applied" in answer.err


def drift(hub: ControlPlane, name: str) -> None:
    """Another manager takes a field over, as kubectl edit does."""
    manifest = {
        "apiVersion": names.POLICIES.api_version,
        "kind": names.POLICIES.kind,
        "metadata": {"name": name},
        "spec": {"forceReclaim": False},
    }
    hub.api.apply(names.POLICIES, manifest)


def test_drift_is_shown_with_its_author_and_reverted(run: Run, hub: ControlPlane, prefix: str) -> None:
    run("apply", "--yes")
    drift(hub, f"{prefix}worker-2-half-cpu")
    planned = run("plan")
    assert "      ! spec.forceReclaim   live false -> true   set by oceanctl-sandbox" in planned.out
    applied = run("apply", "--yes")
    assert f"{prefix}worker-2 : ok=2 changed=1 reverted=1 failed=0" in applied.out
    assert "1 drift revert" not in run("plan").out


def grow(repository: Repository, prefix: str) -> list[Path]:
    text = (repository.folder / HALF).read_text()
    files = [repository.folder / f"policies/more-{number}.yaml" for number in range(10)]
    for number, file in enumerate(files):
        name = f"name: {prefix}more-{number}\n"
        file.write_text(text.replace(f"name: {prefix}worker-2-half-cpu\n", name) + f"  priority: {number + 1}\n")
    return files


def test_held_deletions_exit_4_and_a_token_carries_them_out(run: Run, repository: Repository, prefix: str) -> None:
    files = grow(repository, prefix)
    run("apply", "--yes")
    for file in files:
        file.unlink()
    held = run("apply", "--yes")
    assert held.code == 4
    assert "held=10" in held.out
    token = held.err.split("--approve ")[1].strip()
    approved = run("apply", "--yes", "--approve", token)
    assert approved.code == 0
    assert "Plan: 0 create, 0 update, 0 delete" in run("plan").out


@pytest.mark.parametrize("limit", ["10", "90%"])
def test_max_delete_allows_more(run: Run, repository: Repository, prefix: str, limit: str) -> None:
    files = grow(repository, prefix)
    run("apply", "--yes")
    for file in files:
        file.unlink()
    assert run("apply", "--yes", "--max-delete", limit).code == 0


def test_what_the_server_would_refuse_is_a_problem_at_its_place(run: Run, repository: Repository) -> None:
    annotations = "metadata:\n  annotations:\n" + "".join(f"    example.org/a{n}: '{'x' * 60000}'\n" for n in range(5))
    repository.edit(HALF, "metadata:\n", annotations)
    answer = run("plan")
    assert answer.code == 1
    assert f"{HALF}:2:1: error OE4103 the API server refuses ResourceLeasingPolicy" in answer.out
    assert "Too long" in answer.out
    applied = run("apply", "--yes")
    assert applied.code == 6
    assert "failed=1" in applied.out


def test_an_immutable_field_is_a_conflict_and_the_rest_is_applied(
    run: Run, repository: Repository, prefix: str
) -> None:
    run("apply", "--yes")
    repository.edit("bindings/worker-2.yaml", "clusterID: worker-2", "clusterID: worker-x")
    repository.edit(HALF, "percent: 50", "percent: 75")
    answer = run("apply", "--yes")
    assert answer.code == 6
    assert "bindings/worker-2.yaml:7:14: error OE4102" in answer.out
    assert f"{prefix}worker-2 : ok=1 changed=1 reverted=0 failed=1" in answer.out


def test_an_invalid_inventory_is_never_compared(run: Run, repository: Repository) -> None:
    repository.edit(HALF, "percent: 50", "percent: 150")
    answer = run("plan")
    assert (answer.code, answer.out) == (3, "")
    assert f"{HALF}:" in answer.err


@pytest.mark.usefixtures("run")
def test_a_server_that_does_not_answer_is_temporary(
    hub: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(hub.kubeconfig.read_text().replace(hub.server, "https://127.0.0.1:9"))
    assert main(["plan", "--kubeconfig", str(elsewhere)]) == 75
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "127.0.0.1:9" in captured.err


def test_status_of_a_fleet_that_nobody_serves_yet(run: Run, prefix: str) -> None:
    run("apply", "--yes")
    answer = run("status")
    assert answer.code == 0
    assert f"binding {prefix}worker-1  Pending  connection unknown  0 of 0 nodes leased" in answer.out
    names_of = {policy["name"] for policy in run("status", "-o", "json").document["policies"]}
    assert names_of >= {f"{prefix}worker-1-gpu", f"{prefix}worker-2-half-cpu"}
