"""Which pods of a worker are ours, and which count as its owner's load."""

from typing import Any

import msgspec
import pytest

from reconciler import names
from reconciler.bottomup.load import ForeignPod, LoadBook
from reconciler.bridge.worker import Worker
from reconciler.kube.client import Client
from reconciler.settings import Settings
from tests.leasing import IDENTITY

LABELS = {names.MANAGED_BY: names.MANAGED_BY_VALUE}
MARKS = {
    names.COMPUTING_CLUSTER_UID: IDENTITY.computing_cluster_uid,
    names.BINDING_UID: IDENTITY.binding_uid,
}


def worker_pod(namespace: str = IDENTITY.mount_namespace, **marks: Any) -> bytes:
    metadata = {"name": "p", "namespace": namespace, "uid": "u", "labels": LABELS, "annotations": MARKS, **marks}
    spec = {"nodeName": "n1", "containers": [{"name": "c", "resources": {"requests": {"cpu": "2"}}}]}
    return msgspec.json.encode({"metadata": metadata, "spec": spec, "status": {"phase": "Running"}})


@pytest.mark.parametrize(
    ("raw", "is_load"),
    [
        pytest.param(worker_pod(), False, id="ours"),
        pytest.param(worker_pod(annotations={**MARKS, names.BINDING_UID: "x"}), True, id="of-another-binding"),
        pytest.param(
            worker_pod(annotations={**MARKS, names.COMPUTING_CLUSTER_UID: "x"}), True, id="of-another-computing-cluster"
        ),
        pytest.param(worker_pod(labels={}), True, id="without-our-label"),
        pytest.param(worker_pod("another"), True, id="with-our-marks-copied-elsewhere"),
    ],
)
async def test_what_does_not_carry_all_our_marks_is_load(client: Client, raw: bytes, *, is_load: bool) -> None:
    pod = Worker(client, IDENTITY, Settings()).pods._spec.decode(raw)
    assert pod is not None
    assert isinstance(pod, ForeignPod) is is_load
    book = LoadBook()
    book.apply(None, pod)
    assert book.load_of("n1") == ({"cpu": 2000, "pods": 1000} if is_load else {})
