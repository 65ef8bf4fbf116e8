"""A computing pod's volume as the worker pod needs it: references renamed, credentials emptied, everything unknown untouched."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from reconciler import names
from reconciler.decision import Manifest
from reconciler.kube.resources import SECRETS
from reconciler.topdown.credentials import is_api_access, is_minted
from reconciler.topdown.renaming import Renaming, field_ref_for

Forge = Callable[[Manifest, Renaming], Manifest | None]


def volume_for(volume: Manifest, renaming: Renaming) -> Manifest:
    """The volume of the worker pod; one that only held credentials becomes an empty folder."""
    if is_api_access(volume):
        return _emptied(volume)
    kind = next((kind for kind in _FORGES if kind in volume), None)
    if kind is None:
        return volume
    forged = _FORGES[kind](volume[kind], renaming)
    return _emptied(volume) if forged is None else {**volume, kind: forged}


def projection_is_credential(source: Manifest, renaming: Renaming) -> bool:
    """Whether a projected source must not reach the worker."""
    return is_minted(source) or source.get("secret", {}).get("name") in renaming.tokens


def _emptied(volume: Manifest) -> Manifest:
    return {"name": volume["name"], "emptyDir": {}}


def _config_map(source: Manifest, renaming: Renaming) -> Manifest:
    return renaming.config_map(source)


def _secret(source: Manifest, renaming: Renaming) -> Manifest | None:
    if source.get("secretName") in renaming.tokens:
        return None
    return renaming.renamed(SECRETS, source, "secretName")


def _claim(source: Manifest, renaming: Renaming) -> Manifest:
    # Claims are not copied yet. Under its mirrored name the claim is missing, so the pod waits unplaced; under its own it could be somebody else's.
    return {**source, "claimName": names.mirrored_name(renaming.namespace, source.get("claimName", ""))}


def _downward(source: Manifest, _renaming: Renaming) -> Manifest:
    return {**source, "items": [_downward_file(item) for item in source.get("items") or ()]}


def _downward_file(item: Manifest) -> Manifest:
    return {**item, "fieldRef": field_ref_for(item["fieldRef"])} if "fieldRef" in item else item


def _projected(source: Manifest, renaming: Renaming) -> Manifest | None:
    kept = [it for it in source.get("sources") or () if not projection_is_credential(it, renaming)]
    return {**source, "sources": [_projection(it, renaming) for it in kept]} if kept else None


def _projection(source: Manifest, renaming: Renaming) -> Manifest:
    if "configMap" in source:
        return {**source, "configMap": renaming.config_map(source["configMap"])}
    if "secret" in source:
        return {**source, "secret": renaming.secret(source["secret"])}
    if "downwardAPI" in source:
        return {**source, "downwardAPI": _downward(source["downwardAPI"], renaming)}
    return source


def _holder(field: str) -> Forge:
    def forge(source: Manifest, renaming: Renaming) -> Manifest:
        return {**source, field: renaming.secret(source[field])} if field in source else source

    return forge


_FORGES: Mapping[str, Forge] = MappingProxyType(
    {
        "configMap": _config_map,
        "secret": _secret,
        "projected": _projected,
        "downwardAPI": _downward,
        "persistentVolumeClaim": _claim,
        "azureFile": lambda source, renaming: renaming.renamed(SECRETS, source, "secretName"),
        "csi": _holder("nodePublishSecretRef"),
        **{
            plugin: _holder("secretRef")
            for plugin in ("cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos")
        },
    }
)
