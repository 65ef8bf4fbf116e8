"""What topdown decides about pods: a real API server accepts every write, and shows it so that nothing is left to do."""

from dataclasses import replace
from datetime import timedelta

import msgspec

from reconciler import names
from reconciler.clock import SystemClock
from reconciler.kube.resources import PODS
from reconciler.topdown.decide_pod import decide_pod, refused_pod
from tests.integration.topdown.conftest import World, status_of
from tests.mirroring import BINDING, VNODE, Json, finished, running

FULL_SPEC: Json = {
    "nodeName": VNODE,
    "serviceAccountName": "builder",
    "priority": 0,
    "preemptionPolicy": "PreemptLowerPriority",
    "restartPolicy": "Never",
    "terminationGracePeriodSeconds": 7,
    "readinessGates": [{"conditionType": "example.com/gate"}],
    "tolerations": [
        {"key": names.TAINT_VNODE, "operator": "Exists", "effect": "NoSchedule"},
        {"key": names.TAINT_UNSCHEDULABLE, "operator": "Exists", "effect": "NoSchedule"},
    ],
    "nodeSelector": {"a": "b"},
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
    ],
    "imagePullSecrets": [{"name": "pull"}],
    "containers": [
        {
            "name": "main",
            "image": "app",
            "env": [
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "SPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                {"name": "UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
                {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                {"name": "ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
                {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}},
            ],
            "envFrom": [{"secretRef": {"name": "passwords", "optional": True}}],
            "volumeMounts": [{"name": it, "mountPath": f"/{it}"} for it in ("config", "mixed", "about", "data")],
        }
    ],
    "initContainers": [{"name": "first", "image": "app"}],
    "volumes": [
        {"name": "config", "configMap": {"name": "settings"}},
        {
            "name": "mixed",
            "projected": {
                "sources": [{"serviceAccountToken": {"path": "token"}}, {"secret": {"name": "passwords"}}],
            },
        },
        {
            "name": "about",
            "downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]},
        },
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
    ],
}


async def test_a_pod_with_everything_is_accepted_by_the_worker(world: World) -> None:
    view = await world.settle(await world.create(FULL_SPEC))
    assert view.worker_pod is not None
    spec = msgspec.json.decode(view.worker_pod.raw)["spec"]
    assert spec["priorityClassName"] == names.DEFAULT_PRIORITY_CLASS
    assert spec["tolerations"][0]["key"] == names.NODE_UNSCHEDULABLE


async def test_a_running_pods_status_is_shown_in_one_write(world: World) -> None:
    name = await world.create(FULL_SPEC)
    view = await world.settle(name)
    await world.patch(view.worker_pod, {"status": running(hostIPs=[{"ip": "192.0.2.1"}])}, "status")
    decision = decide_pod(await world.view(name), SystemClock().now())
    await world.perform(decision)
    assert len(decision.actions) == 1
    shown = status_of((await world.settle(name)).computing_pod)
    assert (shown["phase"], shown["podIP"]) == ("Running", "10.0.0.1")
    assert {it["type"]: it["status"] for it in shown["conditions"]}["Ready"] == "False", "its readiness gate is closed"


async def test_a_finished_pod_stays_finished_when_its_worker_pod_is_collected(world: World) -> None:
    name = await world.create(FULL_SPEC)
    view = await world.settle(name)
    await world.patch(view.worker_pod, {"status": finished()}, "status")
    view = await world.settle(name)
    assert view.worker_pod is not None
    metadata = view.worker_pod.metadata
    await world.client.delete(PODS, metadata.name, metadata.namespace, uid=metadata.uid, grace_seconds=0)
    assert status_of((await world.settle(name)).computing_pod)["phase"] == "Succeeded"


async def test_a_lost_pods_verdict_is_accepted_and_final(world: World) -> None:
    name = await world.create(FULL_SPEC)
    view = await world.settle(name)
    await world.patch(view.worker_pod, {"status": running()}, "status")
    view = await world.settle(name)
    assert view.worker_pod is not None
    metadata = view.worker_pod.metadata
    await world.client.delete(PODS, metadata.name, metadata.namespace, uid=metadata.uid, grace_seconds=0)
    shown = status_of((await world.settle(name)).computing_pod)
    assert (shown["phase"], shown["reason"]) == ("Failed", names.REASON_POD_LOST)
    assert {it["type"]: it["status"] for it in shown["conditions"]}[names.CONDITION_DISRUPTION] == "True"
    assert "terminated" in shown["containerStatuses"][0]["state"]


async def test_a_pod_that_is_never_placed_fails_and_leaves_nothing_behind(world: World) -> None:
    name = await world.create(FULL_SPEC)
    await world.settle(name)
    view = await world.settle(name, later=timedelta(minutes=6))
    assert view.worker_pod is None
    assert status_of(view.computing_pod)["reason"] == names.REASON_UNPLACED


async def test_changes_of_metadata_deadline_and_tolerations_reach_a_running_pod(world: World) -> None:
    name = await world.create(FULL_SPEC)
    view = await world.settle(name)
    wanted = [*FULL_SPEC["tolerations"], {"key": "gpu", "operator": "Exists"}]
    current = msgspec.json.decode(view.computing_pod.raw if view.computing_pod else b"{}")["spec"]["tolerations"]
    changes = {"labels": {"app": None, "tier": "front"}}
    spec = {"activeDeadlineSeconds": 60, "tolerations": [*current, wanted[-1]]}
    await world.patch(view.computing_pod, {"metadata": changes, "spec": spec})
    view = await world.settle(name)
    assert view.worker_pod is not None
    worker = msgspec.json.decode(view.worker_pod.raw)
    assert worker["spec"]["activeDeadlineSeconds"] == 60
    assert wanted[-1] in worker["spec"]["tolerations"]
    assert (worker["metadata"]["labels"].get("app"), worker["metadata"]["labels"]["tier"]) == (None, "front")


async def test_a_deleted_pod_stops_in_the_worker_with_its_grace_and_then_goes(world: World) -> None:
    direct = replace(BINDING, direct_scheduling=True)
    name = await world.create({**FULL_SPEC, "readinessGates": []})
    view = await world.settle(name, binding=direct)
    assert view.computing_pod is not None
    uid = view.computing_pod.metadata.uid
    await world.client.delete(PODS, name, world.namespace, uid=uid, grace_seconds=5)
    view = await world.settle(name, binding=direct)
    assert view.computing_pod is not None
    assert view.worker_pod is not None
    metadata = view.worker_pod.metadata
    assert metadata.deletion_grace_period_seconds == 5
    await world.client.delete(PODS, metadata.name, metadata.namespace, uid=metadata.uid, grace_seconds=0)
    view = await world.settle(name, binding=direct)
    assert (view.computing_pod, view.worker_pod) == (None, None)


async def test_a_deleted_pod_that_a_finalizer_holds_back_is_failed_not_running(world: World) -> None:
    name = await world.create(FULL_SPEC)
    view = await world.settle(name)
    await world.patch(view.worker_pod, {"status": running()}, "status")
    view = await world.settle(name)
    await world.patch(view.computing_pod, {"metadata": {"finalizers": ["example.com/tracked"]}})
    assert view.computing_pod is not None
    uid = view.computing_pod.metadata.uid
    await world.client.delete(PODS, name, world.namespace, uid=uid, grace_seconds=5)
    view = await world.settle(name)
    assert view.worker_pod is None, "never placed, so the API server forgets it at once"
    assert view.computing_pod is not None
    assert view.computing_pod.metadata.deletion_grace_period_seconds == 0
    assert (status_of(view.computing_pod)["phase"], status_of(view.computing_pod)["reason"]) == ("Failed", "Deleted")


async def test_a_refusal_is_shown_once(world: World) -> None:
    name = await world.create(FULL_SPEC)
    now = SystemClock().now()
    await world.perform(refused_pod(await world.view(name), "exceeded quota", now))
    assert refused_pod(await world.view(name), "exceeded quota", now + timedelta(minutes=5)).actions == ()
    shown = status_of((await world.settle(name)).computing_pod)
    assert [it["type"] for it in shown.get("conditions", ())] == []
