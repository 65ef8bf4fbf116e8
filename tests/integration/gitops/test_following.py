"""A good repository is followed: applied, kept up, pruned within limits, and nothing written where nothing changed."""

import shutil
from pathlib import Path

from oceanctl.sandbox.controlplane import ControlPlane
from reconciler import names
from reconciler.kube.resources import CONFIGMAPS
from tests.integration.audit import AuditLog
from tests.integration.gitops.conftest import Fleet

EVERYTHING = {"worker-1", "worker-2", "worker-1-gpu", "worker-1-half-cpu", "worker-1-nights", "worker-2-half-cpu"}
RECONCILER = "system:serviceaccount:kubeocean-system:kubeocean-reconciler"


async def test_the_first_commit_is_applied_and_recorded(fleet: Fleet) -> None:
    assert await fleet.names() == EVERYTHING
    state = (await fleet.record()).state
    assert (state.revision, state.source, state.cluster_uid) == (
        fleet.repository.head,
        fleet.loop.source.fingerprint,
        fleet.cluster_uid,
    )
    assert (await fleet.ready())[:2] == ("True", "Applied")
    assert await fleet.events() == ["Applied"]


async def test_an_unchanged_world_gets_no_write_request_at_all(fleet: Fleet, hub: tuple[ControlPlane, Path]) -> None:
    log = hub[0].wants.audit_log
    assert log is not None
    audit = AuditLog(log)
    await fleet.settle()
    fleet.restart()
    await fleet.settle()
    assert audit.writes(by=RECONCILER) == []
    assert audit.requests()
    patch = {"metadata": {"annotations": {names.APPROVE: "nothing"}}}
    await fleet.client.patch(CONFIGMAPS, f"kubeocean-inventory-{fleet.inventory_id}", patch, names.SYSTEM_NAMESPACE)
    assert len(audit.writes(by=RECONCILER)) == 1, "the log sees a write when there is one"


async def test_a_new_commit_changes_what_it_says(fleet: Fleet) -> None:
    fleet.repository.edit("policies/worker-2-half-cpu.yaml", "percent: 50", "percent: 75")
    commit = fleet.repository.commit()
    await fleet.attend()
    live = await fleet.person.get(names.POLICIES, f"{fleet.prefix}worker-2-half-cpu")
    assert live["spec"]["resourceLimits"] == [{"resource": "cpu", "percent": 75}]
    assert (await fleet.record()).state.revision == commit


async def test_a_change_by_hand_is_taken_back_at_the_next_pass(fleet: Fleet) -> None:
    name = f"{fleet.prefix}worker-2-half-cpu"
    await fleet.person.patch(names.POLICIES, name, {"spec": {"forceReclaim": False, "priority": 7}})
    await fleet.attend()
    live = await fleet.person.get(names.POLICIES, name)
    assert live["spec"]["forceReclaim"] is True
    assert live["spec"]["priority"] == 7, "a field that the file does not mention belongs to whoever set it"
    assert await fleet.events() == ["Applied", "DriftReverted"]


async def test_an_object_deleted_by_hand_comes_back(fleet: Fleet) -> None:
    name = f"{fleet.prefix}worker-2-half-cpu"
    live = await fleet.person.get(names.POLICIES, name)
    await fleet.person.delete(names.POLICIES, name, uid=live["metadata"]["uid"])
    await fleet.attend()
    assert await fleet.names() == EVERYTHING


async def test_a_policy_whose_file_is_gone_is_deleted(fleet: Fleet) -> None:
    (fleet.repository.folder / "policies/worker-1-gpu.yaml").unlink()
    fleet.repository.commit()
    await fleet.attend()
    assert await fleet.names() == EVERYTHING - {"worker-1-gpu"}


async def test_a_binding_whose_file_is_gone_is_deleted_with_its_policies(fleet: Fleet) -> None:
    (fleet.repository.folder / "bindings/worker-2.yaml").unlink()
    (fleet.repository.folder / "policies/worker-2-half-cpu.yaml").unlink()
    fleet.repository.commit()
    await fleet.attend()
    assert await fleet.names() == EVERYTHING - {"worker-2", "worker-2-half-cpu"}


async def test_a_binding_whose_policy_stays_behind_is_a_mistake_and_deletes_nothing(fleet: Fleet) -> None:
    (fleet.repository.folder / "bindings/worker-2.yaml").unlink()
    fleet.repository.commit()
    await fleet.attend()
    assert await fleet.names() == EVERYTHING
    assert (await fleet.ready())[:2] == ("False", "Invalid")


async def test_a_renamed_file_changes_nothing(fleet: Fleet, hub: tuple[ControlPlane, Path]) -> None:
    fleet.repository.git("mv", "policies/worker-1-gpu.yaml", "policies/a100.yaml")
    fleet.repository.commit()
    log = hub[0].wants.audit_log
    assert log is not None
    audit = AuditLog(log)
    await fleet.attend()
    written = {request.resource for request in audit.writes(by=RECONCILER)}
    assert written == {"configmaps", "events"}, "the new revision is recorded, no custom resource is touched"


async def test_a_renamed_policy_is_created_before_the_old_one_goes(fleet: Fleet) -> None:
    fleet.repository.edit("policies/worker-1-gpu.yaml", "worker-1-gpu", "worker-1-a100")
    fleet.repository.commit()
    await fleet.attend()
    assert await fleet.names() == EVERYTHING - {"worker-1-gpu"} | {"worker-1-a100"}


async def test_an_object_marked_to_stay_stays(fleet: Fleet) -> None:
    name = f"{fleet.prefix}worker-1-gpu"
    await fleet.person.patch(names.POLICIES, name, {"metadata": {"annotations": {names.PRUNE: names.PRUNE_DISABLED}}})
    (fleet.repository.folder / "policies/worker-1-gpu.yaml").unlink()
    fleet.repository.commit()
    await fleet.attend()
    assert await fleet.names() == EVERYTHING
    assert (await fleet.ready())[:2] == ("True", "Applied")


async def grow(fleet: Fleet) -> None:
    """Ten more policies."""
    text = (fleet.repository.folder / "policies/worker-2-half-cpu.yaml").read_text()
    for number in range(10):
        name = f"name: {fleet.prefix}more-{number}\n"
        extra = text.replace(f"name: {fleet.prefix}worker-2-half-cpu\n", name) + f"  priority: {number + 1}\n"
        fleet.repository.write(f"policies/more-{number}.yaml", extra)
    fleet.repository.commit("Grow")
    await fleet.attend()


async def shrink(fleet: Fleet) -> None:
    """All ten gone at once, and one changed."""
    for number in range(10):
        (fleet.repository.folder / f"policies/more-{number}.yaml").unlink()
    fleet.repository.edit("policies/worker-2-half-cpu.yaml", "percent: 50", "percent: 75")
    fleet.repository.commit("Shrink")
    await fleet.attend()


async def test_too_many_deletions_are_held_until_the_token_is_approved(fleet: Fleet) -> None:
    await grow(fleet)
    await shrink(fleet)
    assert len(await fleet.names()) == 16
    live = await fleet.person.get(names.POLICIES, f"{fleet.prefix}worker-2-half-cpu")
    assert live["spec"]["resourceLimits"][0]["percent"] == 75, "everything else is applied"
    held = (await fleet.record()).state.held
    assert held is not None
    assert (await fleet.ready())[:2] == ("False", "PruneHeld")
    assert held.token in (await fleet.ready())[2]
    await fleet.approve(held.token)
    await fleet.attend()
    assert await fleet.names() == EVERYTHING
    assert (await fleet.record()).state.held is None
    assert await fleet.events() == ["Applied", "Applied", "PruneHeld", "Applied"]


async def test_a_token_in_the_inventory_approves_too(fleet: Fleet) -> None:
    await grow(fleet)
    await shrink(fleet)
    held = (await fleet.record()).state.held
    assert held is not None
    fleet.repository.edit("ocean.yaml", "guards:\n", f"guards:\n  approve: ['{held.token}']\n")
    fleet.repository.commit("Approve")
    await fleet.attend()
    assert await fleet.names() == EVERYTHING


async def test_an_inventory_that_moved_deletes_nothing_until_approved(fleet: Fleet, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(fleet.repository.folder, moved)
    shutil.rmtree(tmp_path / "state")
    fleet.repository.folder = moved
    (moved / "policies/worker-1-gpu.yaml").unlink()
    fleet.repository.commit()
    fleet.restart(git_url=str(moved))
    await fleet.attend()
    assert await fleet.names() == EVERYTHING
    held = (await fleet.record()).state.held
    assert held is not None
    assert held.objects == (f"ResourceLeasingPolicy/{fleet.prefix}worker-1-gpu",)
    await fleet.approve(held.token)
    await fleet.attend()
    assert await fleet.names() == EVERYTHING - {"worker-1-gpu"}
    assert (await fleet.record()).state.source == fleet.loop.source.fingerprint


async def test_a_cluster_restored_elsewhere_deletes_nothing(fleet: Fleet) -> None:
    fleet.cluster_uid = "the uid of a clone"
    (fleet.repository.folder / "policies/worker-1-gpu.yaml").unlink()
    fleet.repository.commit()
    fleet.restart()
    await fleet.attend()
    assert await fleet.names() == EVERYTHING
    assert (await fleet.ready())[:2] == ("False", "PruneHeld")


async def test_another_inventorys_objects_are_left_alone(fleet: Fleet) -> None:
    name = f"{fleet.prefix}worker-1-gpu"
    await fleet.person.patch(names.POLICIES, name, {"metadata": {"labels": {names.INVENTORY_ID: "another"}}})
    fleet.repository.edit("policies/worker-1-gpu.yaml", "quantity: 4", "quantity: 2")
    fleet.repository.commit()
    await fleet.attend()
    live = await fleet.person.get(names.POLICIES, name)
    assert live["spec"]["resourceLimits"][0]["quantity"] == 4
    status, reason, message = await fleet.ready()
    assert (status, reason) == ("False", "Conflict")
    assert "belongs to the inventory 'another'" in message
