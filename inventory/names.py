"""The strings of an inventory that the clusters see too; the reconciler's own are in reconciler/names.py."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PREFIX: Final = "kubeocean.io/"
GROUP: Final = "cloud.tencent.com"
VERSION: Final = "v1beta1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
BINDING_KIND: Final = "ClusterBinding"
POLICY_KIND: Final = "ResourceLeasingPolicy"

GIT_FIELD_MANAGER: Final = "kubeocean-gitops"
INVENTORY_ID: Final = PREFIX + "inventory"  # label
PRUNE: Final = PREFIX + "prune"  # annotation
PRUNE_DISABLED: Final = "disabled"

_BORROWED: Final = frozenset({"external", "vnode", "eklet"})
VIRTUAL_NODE_LABELS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "type": frozenset({"virtual-kubelet"}),
        "node.kubernetes.io/instance-type": _BORROWED,
        "beta.kubernetes.io/instance-type": _BORROWED,
    }
)
"""Labels of nodes that are no machines but capacity of yet another place; they are never lent on."""
