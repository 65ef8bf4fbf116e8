"""The worker as a proxier sees it: the pods of its mount namespace and the way to its API server, both of the kubeconfig that the Secret holds now."""

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from inventory.model import SecretRef
from proxier.errors import UpstreamError
from proxier.node.kubelets import Kubelets, Way, Ways
from proxier.upstream import Upstream
from reconciler import names
from reconciler.bridge.computing import decode_pod
from reconciler.kube.access import Access
from reconciler.kube.cache import Cache
from reconciler.kube.client import Client, connect
from reconciler.kube.errors import KubeError, NotFoundError
from reconciler.kube.kubeconfig import KubeconfigError, digest_of, from_secret
from reconciler.kube.projections import Pod
from reconciler.kube.resources import PODS, SECRETS
from reconciler.kube.watch import WatchSpec
from reconciler.marks import Identity, virtual_pod_key

log = logging.getLogger(__name__)

STANDS_FOR: Final = "virtual"
LOOK_SECONDS: Final = 10.0  # how late a changed kubeconfig is used


class CredentialError(Exception):
    """There is no usable kubeconfig of the worker; the text names the field, never its content."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Access to the worker's API server and to its kubelets, and a digest that tells when either was changed."""

    access: Access
    kubelets: Access
    digest: str


Fetch = Callable[[], Awaitable[Credential]]


async def credential_of(client: Client, ref: SecretRef) -> Credential:
    """The worker's kubeconfig for proxiers, or, where the Secret has none, the one that the syncer uses.

    Raises:
        CredentialError: There is none that can be used.
        KubeError: The Secret cannot be read now.

    """
    where = f"Secret {ref.namespace}/{ref.name}"
    try:
        secret = await client.get(SECRETS, ref.name, ref.namespace)
    except NotFoundError as error:
        raise CredentialError(f"{where} is not there") from error
    found = secret.get("data") or {}
    encoded = found.get(names.PROXIER_KUBECONFIG_KEY) or found.get(names.KUBECONFIG_KEY)
    if not encoded:
        raise CredentialError(f"{where} has neither key '{names.PROXIER_KUBECONFIG_KEY}' nor '{names.KUBECONFIG_KEY}'")
    try:
        content = base64.b64decode(encoded, validate=True)
        authority = base64.b64decode(found.get(names.KUBELET_AUTHORITY_KEY) or b"", validate=True)
        access = from_secret(content)
        kubelets = from_secret(content, authority) if authority else access
    except (binascii.Error, KubeconfigError) as error:
        raise CredentialError(f"{where}: {error}") from error
    if access.configuration.proxy:
        raise CredentialError(
            f"{where}: proxy-url is not supported for streams; the proxier must reach the worker itself"
        )
    return Credential(access, kubelets, digest_of(content + authority))


@dataclass(frozen=True, slots=True)
class Manners:
    """How a worker is followed: how long a watch may be silent and a request take, and by which way its kubelets are asked."""

    idle_seconds: float
    timeout_seconds: float
    kubelets: Way = Way.DIRECT


@dataclass(frozen=True, slots=True)
class _Link:
    upstream: Upstream
    kubelets: Kubelets
    pods: Cache[Pod]


class Worker:
    """Follows one worker; a new kubeconfig is taken up for new requests, streams that run keep their connection."""

    def __init__(self, identity: Identity, fetch: Fetch, manners: Manners) -> None:
        self._identity = identity
        self._fetch = fetch
        self._manners = manners
        self._link: _Link | None = None

    @property
    def is_synced(self) -> bool:
        """Whether the worker's pods have been listed once."""
        return self._link is not None

    @property
    def upstream(self) -> Upstream:
        """Whom to ask.

        Raises:
            UpstreamError: 502 while the worker has not been reached yet.

        """
        return self._known.upstream

    @property
    def kubelets(self) -> Kubelets:
        """Its kubelets.

        Raises:
            UpstreamError: 502 while the worker has not been reached yet.

        """
        return self._known.kubelets

    @property
    def _known(self) -> _Link:
        if self._link is None:
            raise UpstreamError(502, f'worker "{self._identity.cluster_id}" cannot be reached yet')
        return self._link

    def pods_for(self, key: str) -> tuple[Pod, ...]:
        """Pods that claim to stand for the computing pod `namespace/name`."""
        return self._link.pods.by_index(STANDS_FOR, key) if self._link is not None else ()

    async def run(self) -> None:
        """Follow the worker until cancelled."""
        while True:
            try:
                credential = await self._fetch()
            except (CredentialError, KubeError) as error:
                log.warning("waiting for the worker's kubeconfig", extra={"error": str(error)})
                await asyncio.sleep(LOOK_SECONDS)
                continue
            await self._follow(credential)

    async def _follow(self, credential: Credential) -> None:
        name, manners = self._identity.cluster_id, self._manners
        ways = Ways(name, manners.kubelets, credential.access, credential.kubelets)
        async with (
            await connect(credential.access, timeout_seconds=manners.timeout_seconds) as client,
            Kubelets(client, ways) as kubelets,
        ):
            pods = Cache(client, self._spec(), indexes={STANDS_FOR: _stands_for})
            link = _Link(Upstream(credential.access, name), kubelets, pods)
            async with asyncio.TaskGroup() as tasks:
                following = (
                    tasks.create_task(pods.run(), name="worker-pods"),
                    tasks.create_task(self._take_up(link), name="worker-link"),
                )
                await self._until_changed(credential.digest)
                for task in following:
                    task.cancel()

    async def _take_up(self, link: _Link) -> None:
        """Use a new way to the worker once its pods are known; until then the last one holds."""
        await link.pods.wait_synced()
        self._link = link

    async def _until_changed(self, digest: str) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if (await self._fetch()).digest != digest:
                    log.info("the worker's kubeconfig has changed")
                    return
            except (CredentialError, KubeError) as error:
                log.warning("the worker's kubeconfig cannot be read; the last one holds", extra={"error": str(error)})

    def _spec(self) -> WatchSpec[Pod]:
        return WatchSpec(
            resource=PODS,
            decode=decode_pod,
            namespace=self._identity.mount_namespace,
            label_selector=f"{names.MANAGED_BY}={names.MANAGED_BY_VALUE}",
            idle_seconds=self._manners.idle_seconds,
        )


def _stands_for(pod: Pod) -> tuple[str, ...]:
    key = virtual_pod_key(pod.metadata)
    return (key,) if key else ()
