"""A world with one computing pod and its worker pod, and API servers that carry decisions out, for tests of topdown."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from inventory.model import Binding, SecretRef
from reconciler import names
from reconciler.conditions import rfc3339
from reconciler.decision import Action, Create, Decision, Delete, Emit, Patch, Side
from reconciler.kube.projections import Copied, Node, NodeSpec, ObjectMeta, Pod
from reconciler.marks import BindingState, Identity
from reconciler.topdown.decide_pod import decide_pod
from reconciler.topdown.ephemeral import EPHEMERAL_CONTAINERS
from reconciler.topdown.view import PodView

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MOUNT = "kubeocean-worker"
NAMESPACE, NAME, UID = "shop", "web-1", "uid-1"
WORKER_NAME = names.mirrored_name(NAMESPACE, NAME)
VNODE, NODE = "vnode-c1-node-a", "node-a"
BINDING = Binding("tokyo", "c1", SecretRef("tokyo", names.SYSTEM_NAMESPACE), MOUNT)
IDENTITY = Identity("computing-uid", "tokyo", "binding-uid", "c1", MOUNT)
STATE = BindingState(IDENTITY)
OPEN_VNODE = Node(ObjectMeta(VNODE))
WORKER_NODE = Node(ObjectMeta(NODE), NodeSpec())
CLOSED_AT = "2026-03-02T11:00:00Z"
CLOSED_VNODE = Node(ObjectMeta(VNODE, annotations={names.WINDOW_CLOSED_AT: CLOSED_AT}))
SCHEDULED = {
    "type": "PodScheduled",
    "status": "True",
    "lastProbeTime": None,
    "lastTransitionTime": "2026-03-02T11:59:00Z",
}
Json = dict[str, Any]


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, independently of the code under test."""
    if not isinstance(patch, Mapping):
        return patch
    base = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = merged(base.get(key), value)
    return base


def changed(manifest: Json, patch: Mapping[str, Any]) -> Json:
    """An object after a merge patch."""
    return dict(merged(manifest, patch))


def a_pod(
    *,
    meta: Mapping[str, Any] | None = None,
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
) -> Json:
    """A computing pod on the vnode."""
    metadata = {"name": NAME, "namespace": NAMESPACE, "uid": UID, "resourceVersion": "7", **(meta or {})}
    base = {"nodeName": VNODE, "containers": [{"name": "main", "image": "app"}], **(spec or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": base,
        "status": {"phase": "Pending", "conditions": [SCHEDULED], **(status or {})},
    }


def mapped(pod: Json, uid: str = "worker-uid", of: str = UID) -> Json:
    """The pod with a record of its worker pod."""
    record = {
        names.PHYSICAL_POD_NAMESPACE: MOUNT,
        names.PHYSICAL_POD_NAME: WORKER_NAME,
        names.PHYSICAL_POD_UID: uid,
        names.VIRTUAL_UID: of,
    }
    return changed(pod, {"metadata": {"annotations": record}})


def leaving_pod(pod: Json, grace: int | None = 30) -> Json:
    """The pod with its deletion begun."""
    going = {"deletionTimestamp": "2026-03-02T12:00:30Z", "deletionGracePeriodSeconds": grace}
    return changed(pod, {"metadata": going})


def copied(manifest: Json) -> Copied[Pod]:
    """As a cache holds it."""
    raw = msgspec.json.encode(manifest)
    return Copied(msgspec.json.decode(raw, type=Pod), raw)


def unpacked(pod: Copied[Pod] | None) -> Json:
    """What a cached pod says."""
    assert pod is not None
    return dict(msgspec.json.decode(pod.raw))


def a_view(computing: Json | None, worker: Json | None = None, **more: Any) -> PodView:
    """The view of an open vnode and a worker that answers, unless said otherwise."""
    fields: Json = {"vnode": OPEN_VNODE, "worker_node": WORKER_NODE, **more}
    return PodView(
        binding=fields.pop("binding", BINDING),
        state=fields.pop("state", STATE),
        key=f"{NAMESPACE}/{NAME}",
        computing_pod=copied(computing) if computing else None,
        worker_pod=copied(worker) if worker else None,
        **fields,
    )


def a_worker_pod(
    computing: Json | None = None,
    status: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    **more: Any,
) -> Json:
    """The worker pod that the forge makes for a computing pod, placed and created at NOW."""
    made = decide_pod(a_view(_unborn(computing or a_pod()), **more), NOW).actions[0]
    assert isinstance(made, Create)
    born = _born(made.manifest)
    return {
        **born,
        "metadata": merged(born["metadata"], meta or {}),
        "spec": {**born["spec"], "nodeName": NODE},
        "status": {**born["status"], **(status or {})},
    }


def _unborn(computing: Json) -> Json:
    metadata = {key: it for key, it in computing["metadata"].items() if not key.startswith("deletion")}
    annotations = {key: it for key, it in metadata.get("annotations", {}).items() if key != names.PHYSICAL_POD_UID}
    return {**computing, "metadata": {**metadata, "annotations": annotations}, "status": {"phase": "Pending"}}


def _born(manifest: Mapping[str, Any]) -> Json:
    metadata = {
        **manifest["metadata"],
        "uid": "worker-uid",
        "resourceVersion": "1",
        "creationTimestamp": rfc3339(NOW),
    }
    return {**manifest, "metadata": metadata, "status": {"phase": "Pending"}}


def running(started: str = "2026-03-02T11:59:30Z", **more: Any) -> Json:
    """A running pod's status."""
    container = {
        "name": "main",
        "ready": True,
        "restartCount": 0,
        "image": "app",
        "imageID": "sha256:1",
        "containerID": "containerd://1",
        "started": True,
        "state": {"running": {"startedAt": started}},
        "lastState": {},
    }
    ready = [
        {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": started}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    return {
        "phase": "Running",
        "startTime": started,
        "hostIP": "192.0.2.1",
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "10.0.0.1"}],
        "containerStatuses": [container],
        "conditions": ready,
        **more,
    }


def finished(phase: str = "Succeeded") -> Json:
    """A finished pod's status."""
    container = {
        **running()["containerStatuses"][0],
        "ready": False,
        "started": False,
        "state": {"terminated": {"exitCode": 0 if phase == "Succeeded" else 1, "finishedAt": "2026-03-02T12:00:00Z"}},
    }
    return {**running(), "phase": phase, "containerStatuses": [container], "conditions": []}


def after(view: PodView, decision: Decision) -> PodView:
    """The world once a decision has been carried out, and both caches have seen it."""
    for action in decision.actions:
        view = _after_action(view, action)
    return view


def _after_action(view: PodView, action: Action) -> PodView:
    match action:
        case Emit():
            return view
        case Create():
            assert view.worker_pod is None, "the name is taken"
            return replace(view, worker_pod=copied(_born(action.manifest)))
        case Patch():
            side = "computing_pod" if action.target.side is Side.COMPUTING else "worker_pod"
            pod = _patched(getattr(view, side), action)
            return replace(view, computing_pod=pod) if side == "computing_pod" else replace(view, worker_pod=pod)
        case Delete():
            return _deleted(view, action)
        case _:
            raise AssertionError(f"topdown must not {type(action).__name__}")


def _patched(pod: Copied[Pod] | None, action: Patch) -> Copied[Pod]:
    manifest, target = unpacked(pod), action.target
    seen = manifest["metadata"]
    assert target.uid == seen["uid"]
    assert target.resource_version in (None, seen["resourceVersion"]), "conflict"
    assert (action.subresource == "status") == ("status" in action.patch), "status has its own subresource"
    patch = _served(action, manifest) if action.subresource == EPHEMERAL_CONTAINERS else action.patch
    patched = changed(manifest, patch)
    assert patched != manifest, "a patch that changes nothing"
    version = str(int(seen["resourceVersion"]) + 1)
    return copied(changed(patched, {"metadata": {"resourceVersion": version}}))


def _served(action: Patch, pod: Json) -> Json:
    """An addition as servers of either age take it: those that are there stay as they are, in what is new they fill in what was not said."""
    assert action.target.resource_version, "a list is replaced"
    said = dict(action.patch.get("spec", action.patch))
    assert set(said) == {"ephemeralContainers"}
    there, wanted = pod["spec"].get("ephemeralContainers", []), said["ephemeralContainers"]
    assert wanted[: len(there)] == there, "neither changed nor removed"
    made = [{"imagePullPolicy": "Always", "resources": {}, **it} for it in wanted[len(there) :]]
    return {"spec": {"ephemeralContainers": [*there, *made]}}


def _deleted(view: PodView, action: Delete) -> PodView:
    is_computing = action.target.side is Side.COMPUTING
    pod = view.computing_pod if is_computing else view.worker_pod
    manifest = unpacked(pod)
    assert action.target.uid == manifest["metadata"]["uid"]
    if is_computing and not manifest["metadata"].get("finalizers"):
        assert action.grace_seconds == 0, "nobody else ends a pod on a vnode"
        return replace(view, computing_pod=None)
    grace = 30 if action.grace_seconds is None else action.grace_seconds
    until = rfc3339(NOW + timedelta(seconds=grace))
    gone = {"metadata": {"deletionTimestamp": until, "deletionGracePeriodSeconds": grace}}
    left = copied(merged(manifest, gone))
    return replace(view, computing_pod=left) if is_computing else replace(view, worker_pod=left)


def settled(view: PodView, passes: int = 1, now: datetime = NOW) -> PodView:
    """The world after so many passes; the pass after them must find nothing left to do."""
    for _ in range(passes):
        view = after(view, decide_pod(view, now))
    last = decide_pod(view, now)
    assert last.actions == (), last
    return view


def told(decision: Decision) -> list[str]:
    """What a decision does, in a few words."""
    return [_word(action) for action in decision.actions]


def _word(action: Action) -> str:
    match action:
        case Emit():
            return f"emit {action.reason}"
        case Delete():
            return f"delete {action.target.side} grace {action.grace_seconds}"
        case Patch():
            return f"patch {action.target.side} {action.subresource or ' '.join(sorted(action.patch))}"
        case _:
            return f"{type(action).__name__.lower()} {action.target.side}"


def patch_of(decision: Decision, side: Side = Side.COMPUTING, part: str = "status") -> Json:
    """The one patch of a part of a pod on one side."""
    found = [it for it in decision.actions if isinstance(it, Patch) and it.target.side is side and part in it.patch]
    assert len(found) == 1, decision
    return dict(found[0].patch[part])


def optional_fields(
    required: dict[str, st.SearchStrategy[Any]], **more: st.SearchStrategy[Any]
) -> st.SearchStrategy[Json]:
    """Objects with all required fields and any of the others."""
    return st.fixed_dictionaries(required, optional=more)
