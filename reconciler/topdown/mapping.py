"""Which worker pod stands for which computing pod, as both sides have it in writing."""

from reconciler import names
from reconciler.kube.projections import Copied, Pod


def stands_for(worker_pod: Copied[Pod], computing_pod: Copied[Pod]) -> bool:
    """Whether the worker pod is this incarnation's: by the UID it was made for, or, when somebody removed that, by the computing pod's own record."""
    made_for = worker_pod.metadata.annotations.get(names.VIRTUAL_POD_UID)
    if made_for:
        return made_for == computing_pod.metadata.uid
    return mapped_uid(computing_pod) == worker_pod.metadata.uid


def mapped_uid(computing_pod: Copied[Pod]) -> str | None:
    """UID of the worker pod that a computing pod has, or had.

    A record that names another pod as its subject came along when somebody made a pod from the YAML of an old one; it counts for nothing.
    """
    annotations = computing_pod.metadata.annotations
    if annotations.get(names.VIRTUAL_UID, computing_pod.metadata.uid) != computing_pod.metadata.uid:
        return None
    return annotations.get(names.PHYSICAL_POD_UID)


def mapping_for(worker_pod: Copied[Pod], computing_pod: Copied[Pod]) -> dict[str, str]:
    """The record: annotations of the computing pod."""
    return {
        names.PHYSICAL_POD_NAMESPACE: worker_pod.metadata.namespace,
        names.PHYSICAL_POD_NAME: worker_pod.metadata.name,
        names.PHYSICAL_POD_UID: worker_pod.metadata.uid,
        names.VIRTUAL_UID: computing_pod.metadata.uid,
    }
