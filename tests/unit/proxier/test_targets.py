from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from proxier.errors import RouteError
from proxier.node.tenants import Name, Tenant
from proxier.routes import Endpoint, Target
from proxier.targets import WorkerAddress, tenants_of, worker_address_for
from reconciler import names
from reconciler.kube.projections import ObjectMeta, Pod, PodSpec
from reconciler.marks import Identity

IDENTITY = Identity("computing-uid", "b1", "binding-uid", "c1", "mount")
ASKED = Target(Endpoint.LOGS, "app", "web", None, "main")
ANNOTATIONS = {
    names.COMPUTING_CLUSTER_UID: "computing-uid",
    names.BINDING_UID: "binding-uid",
    names.VIRTUAL_POD_UID: "uid-1",
    names.VIRTUAL_NODE_NAME: "vnode-1",
}


@dataclass
class FakePods:
    """Both sides, with one pod on each."""

    computing: Pod | None
    worker: tuple[Pod, ...] = field(default=())

    def computing_pod(self, key: str) -> Pod | None:
        return self.computing if self.computing is not None and self.computing.metadata.key == key else None

    def computing_pods_on(self, vnode: str) -> tuple[Pod, ...]:
        return tuple(pod for pod in (self.computing,) if pod is not None and pod.spec.node_name == vnode)

    def worker_pods_for(self, key: str) -> tuple[Pod, ...]:
        assert key == "app/web"
        return self.worker


def computing_pod(uid: str = "uid-1", node: str = "vnode-1") -> Pod:
    return Pod(ObjectMeta("web", "app", uid), PodSpec(node_name=node))


def worker_pod(namespace: str = "mount", name: str = "web-x", **changed: str) -> Pod:
    annotations: Mapping[str, str] = {**ANNOTATIONS, **changed}
    labels = {names.MANAGED_BY: names.MANAGED_BY_VALUE}
    return Pod(ObjectMeta(name, namespace, "worker-uid", labels=labels, annotations=dict(annotations)))


def test_a_pod_is_found_by_its_worker_s_annotations() -> None:
    pods = FakePods(computing_pod(), (worker_pod(),))
    assert worker_address_for(ASKED, "vnode-1", pods, IDENTITY) == WorkerAddress("mount", "web-x")


def test_of_two_that_claim_it_the_right_one_is_taken() -> None:
    pods = FakePods(computing_pod(), (worker_pod(name="old", **{names.VIRTUAL_POD_UID: "uid-0"}), worker_pod()))
    assert worker_address_for(ASKED, "vnode-1", pods, IDENTITY).pod == "web-x"


@pytest.mark.parametrize(
    "pods",
    [
        FakePods(None, (worker_pod(),)),
        FakePods(computing_pod(node="vnode-2"), (worker_pod(),)),
        FakePods(computing_pod(), ()),
        FakePods(computing_pod(uid="uid-2"), (worker_pod(),)),
        FakePods(computing_pod(), (worker_pod(**{names.BINDING_UID: "another"}),)),
        FakePods(computing_pod(), (worker_pod(**{names.COMPUTING_CLUSTER_UID: "another"}),)),
        FakePods(computing_pod(), (worker_pod(**{names.VIRTUAL_NODE_NAME: "vnode-2"}),)),
        FakePods(computing_pod(), (worker_pod(namespace="kube-system"),)),
    ],
    ids=[
        "no such pod",
        "on another vnode",
        "not started",
        "made anew under its name",
        "of another binding",
        "of another computing cluster",
        "for another vnode",
        "outside the mount namespace",
    ],
)
def test_anything_else_is_not_there(pods: FakePods) -> None:
    with pytest.raises(RouteError, match='pod "app/web" not found') as error:
        worker_address_for(ASKED, "vnode-1", pods, IDENTITY)
    assert error.value.status == 404


def test_a_uid_in_the_path_must_be_the_pod_s() -> None:
    pods = FakePods(computing_pod(), (worker_pod(),))
    named = Target(Endpoint.EXEC, "app", "web", "uid-1", "main")
    assert worker_address_for(named, "vnode-1", pods, IDENTITY).pod == "web-x"
    with pytest.raises(RouteError):
        worker_address_for(Target(Endpoint.EXEC, "app", "web", "uid-2", "main"), "vnode-1", pods, IDENTITY)


def test_a_tenant_is_known_by_both_names() -> None:
    tenants = tenants_of("vnode-1", "n1", FakePods(computing_pod(), (worker_pod(),)), IDENTITY)
    assert tenants.every == (Tenant(Name("app", "web", "uid-1"), Name("mount", "web-x", "worker-uid")),)


@pytest.mark.parametrize(
    "pods",
    [
        FakePods(computing_pod()),
        FakePods(computing_pod(node="vnode-2"), (worker_pod(),)),
        FakePods(computing_pod(), (worker_pod(**{names.VIRTUAL_POD_UID: "uid-0"}),)),
        FakePods(computing_pod(), (worker_pod(**{names.BINDING_UID: "another"}),)),
        FakePods(computing_pod(), (worker_pod(namespace="owners"),)),
    ],
    ids=["nothing runs", "on another vnode", "of an earlier pod", "of another binding", "elsewhere in the worker"],
)
def test_whom_a_vnode_does_not_show(pods: FakePods) -> None:
    assert tenants_of("vnode-1", "n1", pods, IDENTITY).every == ()
