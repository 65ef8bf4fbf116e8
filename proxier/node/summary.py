"""`/stats/summary` of a worker's kubelet, told of a vnode: pure, and whatever is not a name is passed on as the bytes that came."""

from typing import Final

import msgspec

from proxier.node.tenants import Name, Tenants

_VOLUMES: Final = "volume"
_CLAIM: Final = "pvcRef"  # names a claim of the worker, of which the computing cluster knows nothing

Fields = dict[str, msgspec.Raw]


class _Reference(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""


class _Summary(msgspec.Struct):
    node: Fields = {}
    pods: list[Fields] = []


def summary_for(content: bytes, tenants: Tenants) -> bytes:
    """The summary with only the vnode's pods, under their names in the computing cluster; the node's own figures are the machine's.

    Raises:
        msgspec.DecodeError: It is none.

    """
    found = msgspec.json.decode(content, type=_Summary)
    node = {**found.node, "nodeName": _raw(tenants.vnode)}
    pods = [told for pod in found.pods if (told := _told(pod, tenants)) is not None]
    return msgspec.json.encode(_Summary(node, pods))


def _told(pod: Fields, tenants: Tenants) -> Fields | None:
    theirs = msgspec.json.decode(pod.get("podRef", msgspec.Raw(b"{}")), type=_Reference)
    tenant = tenants.find(theirs.namespace, theirs.name, theirs.uid)
    if tenant is None:
        return None
    told = {**pod, "podRef": _reference_to(tenant.computing)}
    if _VOLUMES in pod:
        volumes = msgspec.json.decode(pod[_VOLUMES], type=list[Fields] | None) or []
        told[_VOLUMES] = _raw([{key: value for key, value in each.items() if key != _CLAIM} for each in volumes])
    return told


def _reference_to(name: Name) -> msgspec.Raw:
    return _raw(_Reference(name.name, name.namespace, name.uid))


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
