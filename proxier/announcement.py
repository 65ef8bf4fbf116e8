"""The Lease by which this proxier tells syncers that it lives, where it is and which ports it opens."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from reconciler import names
from reconciler.clock import Clock
from reconciler.kube.client import Client
from reconciler.kube.errors import KubeError, NotFoundError
from reconciler.kube.resources import LEASES

log = logging.getLogger(__name__)

RENEW_SECONDS: Final = 1.0  # syncers give up on us after 3.5 s
_DURATION_SECONDS: Final = 4
_REQUEST_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Replica:
    """Who announces itself: `name` is the Lease's, `binding` the one that is served."""

    name: str
    binding: str
    address: str
    ports: range


class Announcement:
    """Renews the Lease, as its holder while `is_ready`, and gives it back in the end.

    Without a holder it points no vnode here, but says who lives at which address: to whom a certificate may be given.
    """

    def __init__(self, client: Client, clock: Clock, identity: Replica, is_ready: Callable[[], bool]) -> None:
        self._client = client
        self._clock = clock
        self._identity = identity
        self._is_ready = is_ready

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            await self._try(self._manifest(self._identity.name if self._is_ready() else ""))
            await asyncio.sleep(RENEW_SECONDS)

    async def give_back(self) -> None:
        """Tell syncers to look elsewhere, at once."""
        await self._try(self._manifest(""))

    async def _try(self, manifest: Mapping[str, Any]) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                await self._write(manifest)
        except (KubeError, TimeoutError) as error:
            log.warning("cannot renew our Lease", extra={"lease": self._identity.name, "error": str(error)})

    async def _write(self, manifest: Mapping[str, Any]) -> None:
        try:
            await self._client.patch(LEASES, self._identity.name, manifest, names.SYSTEM_NAMESPACE)
        except NotFoundError:
            await self._client.create(LEASES, manifest, names.SYSTEM_NAMESPACE)

    def _manifest(self, holder: str) -> dict[str, Any]:
        identity = self._identity
        labels = {
            names.MANAGED_BY: names.MANAGED_BY_VALUE,
            names.PROXIER: "true",
            names.CLUSTER_BINDING: names.label_value(identity.binding),
        }
        annotations = {
            names.PROXIER_ADDRESS: identity.address,
            names.PROXIER_PORTS: f"{identity.ports.start}-{identity.ports.stop - 1}",
        }
        stamp = self._clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata = {"name": identity.name, "namespace": names.SYSTEM_NAMESPACE}
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {**metadata, "labels": labels, "annotations": annotations},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": _DURATION_SECONDS, "renewTime": stamp},
        }
