"""Which parts of a pod hold API credentials: they never become credentials of the worker (design 5.9).

Until pods get tokens of the computing cluster, such a mount is empty and such a variable is missing, so that the container starts and a client in it finds no
token rather than a wrong one.
"""

from collections.abc import Iterable

from reconciler import names
from reconciler.decision import Manifest
from reconciler.kube.projections import ObjectMeta
from reconciler.kube.resources import SECRETS
from reconciler.topdown.view import Dependent

MINTED = frozenset(
    {"serviceAccountToken", "podCertificate"}
)  # projected sources that a kubelet asks its own API server for


def is_token(origin: ObjectMeta) -> bool:
    """Whether a Secret holds a service-account token; the API server lets no such Secret be without the annotation."""
    return names.SERVICE_ACCOUNT_NAME in origin.annotations


def tokens_among(dependents: Iterable[Dependent]) -> frozenset[str]:
    """Names of the Secrets among a pod's dependents that are service-account tokens."""
    return frozenset(
        dependent.reference.name
        for dependent in dependents
        if dependent.reference.resource == SECRETS and dependent.origin is not None and is_token(dependent.origin)
    )


def is_minted(source: Manifest) -> bool:
    """Whether a projected source is a credential made by the cluster that the pod runs in."""
    return not MINTED.isdisjoint(source)


def holds_minted(volume: Manifest) -> bool:
    """Whether a volume holds such a credential."""
    return any(is_minted(source) for source in volume.get("projected", {}).get("sources") or ())


def is_api_access(volume: Manifest) -> bool:
    """Whether the ServiceAccount admission made this volume: token, CA and namespace, of no use without each other."""
    return volume.get("name", "").startswith(names.API_ACCESS_VOLUME_PREFIX) and any(
        "serviceAccountToken" in source for source in volume.get("projected", {}).get("sources") or ()
    )
