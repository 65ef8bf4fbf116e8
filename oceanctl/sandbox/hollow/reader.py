"""Reading a pod's dependents with the node's own credential, so that the Node authorizer has its say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oceanctl.sandbox.hollow.dependents import (
    Digests,
    Item,
    Missing,
    examine,
    items_of_environment,
    items_of_mounts,
    items_of_volume,
)
from oceanctl.sandbox.hollow.lifecycle import CONTAINER_CREATING, Waiting
from oceanctl.sandbox.hollow.podspec import Container, Pod
from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError, NotFoundError

CONFIG_ERROR = "CreateContainerConfigError"


@dataclass(slots=True)
class PodReader:
    """One look at everything that a pod references; each object is read once."""

    client: Client
    pod: Pod
    _found: dict[tuple[str, str], Mapping[str, Any] | KubeError | None] = field(default_factory=dict)

    async def volumes(self) -> Waiting | None:
        """What keeps the volumes from being mounted, None when they are; no container starts before."""
        for volume in self.pod.spec.volumes:
            _, missing = await self._examine(items_of_volume(volume))
            if missing is not None:
                message = f'MountVolume.SetUp failed for volume "{volume.name}" : {missing.message}'
                return Waiting(CONTAINER_CREATING, message)
        return None

    async def environment(self, container: Container) -> Waiting | None:
        """What keeps one container's variables from being made."""
        _, missing = await self._examine(items_of_environment(container))
        return Waiting(CONFIG_ERROR, missing.message) if missing is not None else None

    async def digests(self, container: Container) -> tuple[str, ...]:
        """A line for every key that the container sees, as variable or as file."""
        items = (*items_of_environment(container), *items_of_mounts(self.pod, container))
        lines, _ = await self._examine(items)
        return tuple(dict.fromkeys(lines))

    async def _examine(self, items: Iterable[Item]) -> tuple[list[str], Missing | None]:
        lines: list[str] = []
        for item in items:
            match await self._look_at(item):
                case Digests(lines=more):
                    lines += more
                case Missing() as missing:
                    return lines, missing
        return lines, None

    async def _look_at(self, item: Item) -> Digests | Missing:
        key = item.resource.plural, item.name
        if key not in self._found:
            self._found[key] = await self._get(item)
        match self._found[key]:
            case KubeError() as error:
                return Missing(str(error))
            case found:
                return examine(item, found, self.pod.metadata.namespace)

    async def _get(self, item: Item) -> Mapping[str, Any] | KubeError | None:
        """A refusal is kept as what it is: soon after a binding the Node authorizer does not know of it yet."""
        try:
            return await self.client.get(item.resource, item.name, self.pod.metadata.namespace)
        except NotFoundError:
            return None
        except KubeError as error:
            return error
