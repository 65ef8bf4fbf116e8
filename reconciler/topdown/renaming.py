"""How the names in a computing pod read in the worker, where every namespace is folded into one."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler import names
from reconciler.decision import Manifest
from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource
from reconciler.topdown.credentials import tokens_among
from reconciler.topdown.view import PodView

# What a pod may ask about itself, answered with the computing pod. metadata.labels, metadata.annotations and status.* stay: labels and annotations are
# carried over, and addresses are those of the place where the pod runs.
ABOUT_ITSELF: Mapping[str, str] = MappingProxyType(
    {
        field: f"metadata.annotations['{annotation}']"
        for field, annotation in (
            ("metadata.name", names.VIRTUAL_POD_NAME),
            ("metadata.namespace", names.VIRTUAL_POD_NAMESPACE),
            ("metadata.uid", names.VIRTUAL_POD_UID),
            ("spec.nodeName", names.VIRTUAL_NODE_NAME),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Renaming:
    """Names of one computing pod's dependents in the worker; `tokens` are Secrets that are not copied because they are credentials."""

    namespace: str
    copies: Mapping[tuple[Resource, str], str]
    tokens: frozenset[str]
    service_account: str

    def name_of(self, resource: Resource, name: str) -> str:
        """The copy's name; never the name as written, which would be somebody else's object in the mount namespace."""
        return self.copies.get((resource, name)) or names.mirrored_name(self.namespace, name)

    def renamed(self, resource: Resource, reference: Manifest, field: str = "name") -> Manifest:
        """A reference to an object, pointing at its copy; one without a name stays as it is."""
        name = reference.get(field)
        return {**reference, field: self.name_of(resource, name)} if name else reference

    def config_map(self, reference: Manifest) -> Manifest:
        """A reference to a ConfigMap."""
        return self.renamed(CONFIGMAPS, reference)

    def secret(self, reference: Manifest) -> Manifest:
        """A reference to a Secret."""
        return self.renamed(SECRETS, reference)


def renaming_for(view: PodView, namespace: str, spec: Manifest) -> Renaming:
    """The renaming for the pod of a view, whose whole spec is given."""
    return Renaming(
        namespace=namespace,
        copies={(it.reference.resource, it.reference.name): it.copy_name for it in view.dependents},
        tokens=tokens_among(view.dependents),
        service_account=spec.get("serviceAccountName") or spec.get("serviceAccount") or "default",
    )


def field_ref_for(reference: Manifest) -> Manifest:
    """A downward reference that answers as the computing pod would."""
    path = reference.get("fieldPath", "")
    return {**reference, "fieldPath": ABOUT_ITSELF.get(path, path)}
