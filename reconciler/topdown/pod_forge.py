"""Builds the worker pod that stands for a computing pod: a pure function of the computing pod, its dependents and the node it goes to."""

from collections.abc import Mapping, Sequence
from typing import Any, NewType

import msgspec

from reconciler import names
from reconciler.decision import Manifest
from reconciler.kube.projections import Copied, Pod
from reconciler.kube.resources import PODS
from reconciler.topdown.container_forge import container_for
from reconciler.topdown.metadata import Marks, carried_annotations, carried_labels, marks_for
from reconciler.topdown.renaming import Renaming, renaming_for
from reconciler.topdown.view import PodView
from reconciler.topdown.volume_forge import volume_for

WorkerPod = NewType("WorkerPod", Manifest)

MAX_HOSTNAME = 63  # characters, a DNS label

LEFT_OUT = frozenset(
    {
        # placement: honoured by the computing scheduler already; in the worker it would be asked of the wrong nodes and the wrong pods
        "nodeName",
        "nodeSelector",
        "affinity",
        "topologySpreadConstraints",
        "schedulerName",
        "schedulingGates",
        # rank: the binding's priority class decides, and its admission refuses a pod that says otherwise
        "priority",
        "preemptionPolicy",
        # figures of the computing cluster's RuntimeClass: the worker's admission writes its own and refuses any other
        "overhead",
        # identity: service accounts of the computing cluster mean nothing in the worker, and the worker's would be somebody else's
        "serviceAccountName",
        "serviceAccount",
        # conditions that controllers of the computing cluster set never reach the worker; pod_status.py applies the gates on the way up
        "readinessGates",
        # the API refuses them in a create; ephemeral.py adds them later
        "ephemeralContainers",
        # claims of devices are not copied; the API refuses a pod whose containers name claims that it does not list
        "resourceClaims",
    }
)
OUR_TAINTS = frozenset({names.TAINT_VNODE, names.TAINT_CLOSED, names.TAINT_DELETING})


def worker_pod_for(view: PodView, computing_pod: Copied[Pod], node_name: str) -> WorkerPod:
    """The worker pod for `computing_pod`, bound for the worker node `node_name`; JSON, ready to be created."""
    spec = msgspec.json.decode(computing_pod.raw)["spec"]
    marks = worker_marks_for(view, computing_pod)
    return WorkerPod(
        {
            "apiVersion": PODS.api_version,
            "kind": PODS.kind,
            "metadata": {
                "name": worker_name_for(view, computing_pod),
                "namespace": view.state.identity.mount_namespace,
                "labels": dict(marks.labels),
                "annotations": dict(marks.annotations),
            },
            "spec": {
                **_spec_for(spec, renaming_for(view, computing_pod.metadata.namespace, spec)),
                **_placement_for(view, node_name),
                "hostname": spec.get("hostname") or hostname_for(computing_pod.metadata.name),
            },
        }
    )


def worker_name_for(view: PodView, computing_pod: Copied[Pod]) -> str:
    """The worker pod's name; the second choice while the first belongs to somebody else."""
    metadata, identity = computing_pod.metadata, view.state.identity
    if view.name_is_taken:
        return names.mirrored_name_if_taken(metadata.namespace, metadata.name, identity.computing_cluster_uid)
    return names.mirrored_name(metadata.namespace, metadata.name)


def worker_marks_for(view: PodView, computing_pod: Copied[Pod]) -> Marks:
    """The worker pod's labels and annotations: the user's, then ours, which win."""
    metadata, identity = computing_pod.metadata, view.state.identity
    labels = {
        **carried_labels(metadata),
        **identity.labels,
        names.VIRTUAL_NAMESPACE_LABEL: names.label_value(metadata.namespace),
        names.WORKLOAD_TYPE: names.label_value(view.workload.kind),
    }
    if view.workload.name:
        labels[names.WORKLOAD_NAME] = names.label_value(view.workload.name)
    annotations = {
        **carried_annotations(metadata),
        **identity.annotations,
        names.VIRTUAL_POD_NAMESPACE: metadata.namespace,
        names.VIRTUAL_POD_NAME: metadata.name,
        names.VIRTUAL_POD_UID: metadata.uid,
        names.VIRTUAL_NODE_NAME: computing_pod.seen.spec.node_name,
    }
    return marks_for(labels, annotations)


def tolerations_for(tolerations: Sequence[Manifest]) -> list[Manifest]:
    """The user's tolerations in the worker's terms: a vnode's taints are ours, but a cordoned worker node says so in Kubernetes' own words."""
    translated = [
        {**it, "key": names.NODE_UNSCHEDULABLE} if it.get("key") == names.TAINT_UNSCHEDULABLE else it
        for it in tolerations
        if it.get("key") not in OUR_TAINTS
    ]
    return [it for index, it in enumerate(translated) if it not in translated[:index]]


def hostname_for(pod_name: str) -> str:
    """The host name a container would see on an ordinary node; a DNS label has no dots, so dashes stand for them."""
    return pod_name.replace(".", "-")[:MAX_HOSTNAME].strip("-")


def _spec_for(spec: Manifest, renaming: Renaming) -> dict[str, Any]:
    forged = {field: value for field, value in spec.items() if field not in LEFT_OUT}
    for field in ("containers", "initContainers"):
        if field in spec:
            forged[field] = [container_for(it, renaming) for it in spec[field] or ()]
    if "volumes" in spec:
        forged["volumes"] = [volume_for(it, renaming) for it in spec["volumes"] or ()]
    if "imagePullSecrets" in spec:
        forged["imagePullSecrets"] = [renaming.secret(it) for it in spec["imagePullSecrets"] or ()]
    if "tolerations" in spec:
        forged["tolerations"] = tolerations_for(spec["tolerations"] or ())
    return forged


def _placement_for(view: PodView, node_name: str) -> Mapping[str, Any]:
    binding = view.binding
    where: dict[str, Any] = {"nodeName": node_name} if binding.direct_scheduling else {"affinity": _only_on(node_name)}
    return {
        **where,
        "priorityClassName": binding.pod_priority_class_name,
        "automountServiceAccountToken": False,  # else the worker's admission mounts a token of its own
        "enableServiceLinks": False,  # else variables of the worker's Services leak in
    }


def _only_on(node_name: str) -> Manifest:
    field = {"key": "metadata.name", "operator": "In", "values": [node_name]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
