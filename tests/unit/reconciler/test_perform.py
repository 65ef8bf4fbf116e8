from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from reconciler import names
from reconciler.decision import Action, Apply, Create, Delete, Emit, Evict, Patch, Side, Target
from reconciler.kube.client import Client
from reconciler.kube.errors import AlreadyExistsError, ConflictError, NotFoundError
from reconciler.kube.resources import CONFIGMAPS, NODES, PODS
from reconciler.perform import AuditLine, Performer, Written

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POD = Target(Side.WORKER, PODS, "web", "mount", uid="u-1")
OURS = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "annotations": {names.VIRTUAL_POD_UID: "v-1"}}}


class StoppedClock:
    def now(self) -> datetime:
        return NOW


@dataclass
class FakeClient:
    """Answers like an API server that has `there` under every name; records calls."""

    there: dict[str, Any] | None = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    async def create(self, resource: Any, manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
        self.calls.append(("create", resource, manifest, namespace))
        if self.there is not None:
            raise AlreadyExistsError("taken", status=409)
        return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": "5"}}

    async def get(self, resource: Any, name: str, namespace: str) -> dict[str, Any]:
        self.calls.append(("get", resource, name, namespace))
        assert self.there is not None
        return self.there

    async def patch(
        self, resource: Any, name: str, patch: dict[str, Any], namespace: str, *, subresource: str
    ) -> dict[str, Any]:
        self.calls.append(("patch", resource, name, patch, namespace, subresource))
        return {"metadata": {"resourceVersion": "6"}}

    async def apply(
        self, resource: Any, name: str, manifest: dict[str, Any], namespace: str, *, field_manager: str
    ) -> dict[str, Any]:
        self.calls.append(("apply", resource, name, manifest, namespace, field_manager))
        return {"metadata": {"resourceVersion": "7"}}

    async def delete(self, resource: Any, name: str, namespace: str, *, uid: str, grace_seconds: int | None) -> None:
        self.calls.append(("delete", resource, name, namespace, uid, grace_seconds))
        if self.there is None:
            raise NotFoundError("gone", status=404)

    async def evict(self, name: str, namespace: str, *, uid: str) -> None:
        self.calls.append(("evict", name, namespace, uid))
        if self.there is None:
            raise NotFoundError("gone", status=404)


async def perform(client: FakeClient, action: Action) -> tuple[Written | None, list[AuditLine]]:
    audit: list[AuditLine] = []
    performer = Performer(
        {Side.WORKER: cast("Client", client), Side.COMPUTING: cast("Client", FakeClient())},
        StoppedClock(),
        audit.append,
        lambda _client, _emit: None,
    )
    return await performer.perform(action, "because of a test"), audit


async def test_a_create_reports_the_version_to_wait_for() -> None:
    written, _ = await perform(FakeClient(), Create(POD, OURS, (names.VIRTUAL_POD_UID,)))
    assert written == Written(POD, "5")


async def test_a_create_that_happened_before_a_crash_counts_as_done() -> None:
    there = {"metadata": {"annotations": {names.VIRTUAL_POD_UID: "v-1"}, "resourceVersion": "4"}}
    written, _ = await perform(FakeClient(there), Create(POD, OURS, (names.VIRTUAL_POD_UID,)))
    assert written == Written(POD, "4")


@pytest.mark.parametrize(
    ("annotations", "owned_by"),
    [
        ({names.VIRTUAL_POD_UID: "other"}, (names.VIRTUAL_POD_UID,)),
        ({}, (names.VIRTUAL_POD_UID,)),
        ({names.VIRTUAL_POD_UID: "v-1"}, ()),
    ],
    ids=["another's", "unmarked", "nothing to tell by"],
)
async def test_a_name_that_belongs_to_somebody_else_is_a_conflict(
    annotations: dict[str, str], owned_by: tuple[str, ...]
) -> None:
    there = {"metadata": {"annotations": annotations, "resourceVersion": "4"}}
    with pytest.raises(ConflictError, match="somebody else"):
        await perform(FakeClient(there), Create(POD, OURS, owned_by))


async def test_preconditions_travel_inside_the_patch() -> None:
    client = FakeClient()
    target = Target(Side.WORKER, NODES, "n", uid="u", resource_version="3")
    await perform(client, Patch(target, {"metadata": {"labels": {"a": "b"}}, "spec": {}}, "status"))
    body = {"metadata": {"labels": {"a": "b"}, "uid": "u", "resourceVersion": "3"}, "spec": {}}
    assert client.calls == [("patch", NODES, "n", body, "", "status")]


async def test_an_apply_uses_the_field_manager_of_git() -> None:
    client = FakeClient()
    await perform(client, Apply(Target(Side.WORKER, names.BINDINGS, "b"), {"spec": {}}))
    assert client.calls == [("apply", names.BINDINGS, "b", {"spec": {}}, "", names.GIT_FIELD_MANAGER)]


@pytest.mark.parametrize(
    "action",
    [Delete(Target(Side.WORKER, PODS, "web", "mount")), Evict(Target(Side.WORKER, PODS, "web", "mount"))],
    ids=["delete", "evict"],
)
async def test_nothing_is_deleted_without_a_uid(action: Action) -> None:
    client = FakeClient(there={})
    with pytest.raises(ValueError, match="UID"):
        await perform(client, action)
    assert client.calls == []


async def test_a_delete_carries_uid_and_grace() -> None:
    client = FakeClient(there={})
    await perform(client, Delete(POD, grace_seconds=7))
    assert client.calls == [("delete", PODS, "web", "mount", "u-1", 7)]


@pytest.mark.parametrize("action", [Delete(POD), Evict(POD)], ids=["delete", "evict"])
async def test_what_is_gone_counts_as_deleted(action: Action) -> None:
    written, audit = await perform(FakeClient(), action)
    assert written == Written(POD, "")
    assert len(audit) == 1


async def test_an_event_is_handed_on_with_the_client_of_its_side() -> None:
    taken: list[tuple[Any, Emit]] = []
    client, emit = FakeClient(), Emit(POD, "Warning", "Odd", "really")
    performer = Performer(
        {Side.WORKER: cast("Client", client)},
        StoppedClock(),
        lambda _line: None,
        lambda *each: taken.append(each),
    )
    assert await performer.perform(emit, "because of a test") is None
    assert taken == [(client, emit)]
    assert client.calls == []


async def test_the_audit_tells_why_and_never_what() -> None:
    secret = {"metadata": {"name": "s"}, "data": {"password": "aHVudGVyMg=="}}
    _, (line,) = await perform(FakeClient(), Create(Target(Side.WORKER, CONFIGMAPS, "s", "mount"), secret))
    assert (line.at, line.verb, line.side, line.resource, line.key, line.because) == (
        NOW,
        "create",
        Side.WORKER,
        "configmaps",
        "mount/s",
        "because of a test",
    )
    assert "aHVudGVyMg" not in repr(line)
