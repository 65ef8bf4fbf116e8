"""Views of ConfigMaps and Secrets and their copies; whole objects are read only when a resourceVersion moved, and not kept."""

from datetime import datetime

from reconciler.bridge.computing import NAMES_DEPENDENT
from reconciler.bridge.ground import Ground
from reconciler.bridge.pods import copy_of
from reconciler.decision import Decision, Manifest
from reconciler.kube.client import Client
from reconciler.kube.errors import NotFoundError
from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource
from reconciler.names import mirrored_name
from reconciler.topdown.decide_dependent import decide_dependent
from reconciler.topdown.view import DependentView

KINDS = {CONFIGMAPS.kind: CONFIGMAPS, SECRETS.kind: SECRETS}
Versions = tuple[str, str, bool]


class DependentObserver:
    """Builds DependentViews; keys are `Kind/namespace/name` of the origin."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._in_step: dict[str, Versions] = {}

    async def observe(self, key: str, _now: datetime) -> DependentView | None:
        """The view of one dependent; None when neither side has moved since they were found equal."""
        if not self._ground.worker.is_synced:
            return None
        bound = self._ground.bound()
        identity = bound.state.identity
        kind, namespace, name = key.split("/")
        resource = KINDS[kind]
        copy_name, copy = copy_of(self._ground.worker, resource, namespace, name, identity)
        origin = self._ground.computing.dependents(resource).get(f"{namespace}/{name}")
        is_referenced = self._is_referenced(key)
        versions = (
            origin.metadata.resource_version if origin else "",
            copy.resource_version if copy else "",
            is_referenced,
        )
        if self._in_step.get(key) == versions:
            return None
        if copy is None and not (is_referenced and origin is not None):
            self._in_step.pop(key, None)
            return None
        return DependentView(
            binding=bound.binding,
            state=bound.state,
            resource=resource,
            namespace=namespace,
            name=name,
            origin=await _read(self._ground.computing.client, resource, name, namespace) if is_referenced else None,
            copy=await _read(self._ground.worker.client, resource, copy_name, identity.mount_namespace)
            if copy
            else None,
            is_referenced=is_referenced,
            name_is_taken=copy_name != mirrored_name(namespace, name),
        )

    def decide(self, view: DependentView, now: datetime) -> Decision:
        """Decide, and remember versions that were found in step so that they are not read again."""
        decision = decide_dependent(view, now)
        key = f"{view.resource.kind}/{view.namespace}/{view.name}"
        if decision.actions:
            self._in_step.pop(key, None)
        else:
            self._in_step[key] = (_version(view.origin), _version(view.copy), view.is_referenced)
        return decision

    def _is_referenced(self, key: str) -> bool:
        pods = self._ground.computing.pods.by_index(NAMES_DEPENDENT, key)
        return any(not pod.seen.status.is_terminal and self._ground.owns_pod(pod) for pod in pods)


async def _read(client: Client, resource: Resource, name: str, namespace: str) -> Manifest | None:
    try:
        return await client.get(resource, name, namespace)
    except NotFoundError:
        return None


def _version(manifest: Manifest | None) -> str:
    return str(manifest["metadata"]["resourceVersion"]) if manifest else ""
