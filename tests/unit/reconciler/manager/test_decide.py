from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from inventory.errors import Position, Problem
from inventory.model import Binding, SecretRef
from reconciler import names
from reconciler.decision import Action, Delete, Emit, Patch
from reconciler.kube.projections import CustomObject, Node, ObjectMeta
from reconciler.manager.decide import RECHECK, RETRY, decide, verdict_of
from reconciler.manager.view import BridgeHealth, Contact, ManagerView

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BINDING = Binding("eu", "eu-1", SecretRef("kubeconfig", "kubeocean-system"), "kubeocean-worker")
FINE = Contact(None, "worker-uid")
RUNNING = BridgeHealth(is_running=True, is_ready=True)
VNODE = Node(ObjectMeta("vnode-eu-1-n", uid="vnode-uid"))


def view(**more: Any) -> ManagerView:
    metadata: dict[str, Any] = {
        "uid": "u",
        "resource_version": "1",
        "generation": 2,
        "finalizers": (names.FINALIZER_MANAGER, names.FINALIZER_SYNCER),
    }
    metadata |= more.pop("metadata", {})
    seen = CustomObject(
        ObjectMeta("eu", **metadata), spec={}, status=more.pop("status", {"workerClusterUID": "worker-uid"})
    )
    made = ManagerView(seen, BINDING, (), None, FINE, None, None, RUNNING, ())
    return replace(made, **more)


def applied(before: ManagerView, actions: tuple[Action, ...]) -> ManagerView:
    """The view after the status patches of a decision, as the server would merge them."""
    status = dict(before.seen.status)
    for action in actions:
        if isinstance(action, Patch) and action.subresource == "status":
            status |= action.patch["status"]
    return replace(before, seen=msgspec.structs.replace(before.seen, status=status))


PROBLEM = Problem("OE2001", "spec.clusterID is missing", Position("live"))
FAULTS: list[tuple[dict[str, Any], str, str, bool]] = [
    ({"binding": None, "problems": (PROBLEM,)}, "ValidationFailed", "clusterID is missing", False),
    ({"rival": "older"}, "DuplicateClusterID", "older binding older", True),
    ({"kubeconfig_problem": "Secret a/b is not there", "contact": None}, "KubeconfigInvalid", "is not there", False),
    ({"contact": Contact("connection refused")}, "Unreachable", "connection refused", False),
    ({"contact": Contact("401 Unauthorized; expired", is_refused=True)}, "Unauthorized", "expired", False),
    ({"contact": Contact(None, "other-uid")}, "WrongCluster", "other-uid", True),
    ({"rival_worker": "twin"}, "DuplicateWorker", "twin", True),
    (
        {"contact": Contact(None, "worker-uid", ("create pods in kubeocean-worker",))},
        "PermissionsMissing",
        "create pods in kubeocean-worker",
        False,
    ),
    ({"bridge": BridgeHealth(is_running=True, crash="ValueError: x")}, "SyncerFailed", "ValueError", False),
    (
        {"bridge": BridgeHealth(is_running=True, is_ready=True, unreachable_since=NOW)},
        "WorkerUnreachable",
        "does not answer",
        False,
    ),
]


@pytest.mark.parametrize(("fault", "reason", "message", "must_stop"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_a_fault_is_named_with_its_cause(fault: dict[str, Any], reason: str, message: str, *, must_stop: bool) -> None:
    at_fault = view(**fault)
    decision = decide(at_fault, NOW)
    patch, event = decision.actions
    assert isinstance(patch, Patch)
    assert isinstance(event, Emit)
    ready = next(condition for condition in patch.patch["status"]["conditions"] if condition["type"] == "Ready")
    assert (patch.patch["status"]["phase"], ready["status"], ready["reason"]) == ("Failed", "False", reason)
    assert message in ready["message"]
    assert (event.type, event.reason) == ("Warning", reason)
    assert decision.wake_at == NOW + RETRY
    assert verdict_of(at_fault).must_stop is must_stop


@pytest.mark.parametrize("fault", [fault[0] for fault in FAULTS] + [{}], ids=[fault[1] for fault in FAULTS] + ["ready"])
def test_a_second_look_at_the_same_binding_writes_nothing(fault: dict[str, Any]) -> None:
    first = view(**fault)
    after = applied(first, decide(first, NOW).actions)
    assert decide(after, NOW + RETRY).actions == ()


def test_a_healthy_binding_is_ready_and_looked_at_again() -> None:
    decision = decide(view(), NOW)
    patch, event = decision.actions
    assert isinstance(patch, Patch)
    assert isinstance(event, Emit)
    assert (patch.patch["status"]["phase"], event.type) == ("Ready", "Normal")
    assert decision.wake_at == NOW + RECHECK


def test_the_finalizer_comes_before_anything_else() -> None:
    (patch,) = decide(view(metadata={"finalizers": ()}), NOW).actions
    assert isinstance(patch, Patch)
    assert patch.patch == {"metadata": {"finalizers": [names.FINALIZER_MANAGER]}}
    assert patch.target.resource_version == "1"


def test_a_bridge_starts_only_when_the_worker_s_uid_is_pinned() -> None:
    unpinned = view(status={}, bridge=BridgeHealth())
    assert not verdict_of(unpinned).may_start
    patch = decide(unpinned, NOW).actions[0]
    assert isinstance(patch, Patch)
    assert patch.patch["status"]["workerClusterUID"] == "worker-uid"
    assert verdict_of(view()).may_start


def test_another_cluster_is_never_pinned_over_the_first() -> None:
    patch = decide(view(contact=Contact(None, "other-uid")), NOW).actions[0]
    assert isinstance(patch, Patch)
    assert "workerClusterUID" not in patch.patch["status"]


@pytest.mark.parametrize(
    "reason", ["ValidationFailed", "KubeconfigInvalid", "Unreachable", "Unauthorized", "PermissionsMissing"]
)
def test_a_running_bridge_goes_on_with_what_it_knows(reason: str) -> None:
    fault = next(row[0] for row in FAULTS if row[1] == reason)
    verdict = verdict_of(view(**fault))
    assert (verdict.may_start, verdict.must_stop) == (False, False)


DELETING: dict[str, Any] = {"deletion_timestamp": NOW}
ABANDONED = {**DELETING, "annotations": {names.ABANDON_WORKER: "true"}}


def test_a_deleted_binding_waits_visibly_for_its_syncer() -> None:
    waiting = view(metadata=DELETING, vnodes=(VNODE,), contact=Contact("connection refused"))
    (patch,) = decide(waiting, NOW).actions
    assert isinstance(patch, Patch)
    (ready,) = patch.patch["status"]["conditions"]
    assert ready["reason"] == "Deleting"
    assert names.ABANDON_WORKER in ready["message"]
    assert decide(applied(waiting, (patch,)), NOW).actions == ()


def test_a_deleted_binding_goes_when_its_syncer_is_done() -> None:
    (patch,) = decide(view(metadata={**DELETING, "finalizers": (names.FINALIZER_MANAGER, "theirs")}), NOW).actions
    assert isinstance(patch, Patch)
    assert patch.patch == {"metadata": {"finalizers": ["theirs"]}}


def test_an_abandoned_worker_gives_its_vnodes_up_first() -> None:
    delete, patch = decide(view(metadata=ABANDONED, vnodes=(VNODE,)), NOW).actions
    assert isinstance(delete, Delete)
    assert isinstance(patch, Patch)
    assert delete.target.uid == patch.target.uid == "vnode-uid"
    (last,) = decide(view(metadata=ABANDONED), NOW).actions
    assert isinstance(last, Patch)
    assert last.patch == {"metadata": {"finalizers": []}}


NO_BRIDGE = BridgeHealth()


@pytest.mark.parametrize("reason", ["Unreachable", "Unauthorized", "PermissionsMissing"])
def test_after_a_restart_a_known_worker_gets_its_bridge_in_spite_of_a_fault(reason: str) -> None:
    fault = next(row[0] for row in FAULTS if row[1] == reason)
    assert verdict_of(view(**{**fault, "bridge": NO_BRIDGE})).may_start
    assert not verdict_of(view(**{**fault, "bridge": NO_BRIDGE, "status": {}})).may_start


def test_a_worker_is_not_pinned_before_all_is_in_order() -> None:
    refused = view(status={}, contact=Contact(None, "worker-uid", ("create pods in m",)), bridge=NO_BRIDGE)
    patch = decide(refused, NOW).actions[0]
    assert isinstance(patch, Patch)
    assert "workerClusterUID" not in patch.patch["status"]


@pytest.mark.parametrize(
    ("has_proxier", "shown"),
    [(True, ("True", "ProxierRunning")), (False, ("False", "NoProxier"))],
    ids=["with", "without"],
)
def test_a_binding_shows_whether_logs_and_exec_work(shown: tuple[str, str], *, has_proxier: bool) -> None:
    patch = decide(view(bridge=replace(RUNNING, has_proxier=has_proxier)), NOW).actions[0]
    assert isinstance(patch, Patch)
    proxier = next(each for each in patch.patch["status"]["conditions"] if each["type"] == "ProxierReady")
    assert (proxier["status"], proxier["reason"]) == shown
