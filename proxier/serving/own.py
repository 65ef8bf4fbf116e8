"""A certificate that this proxier signs for itself, by the authority that all proxiers share in a Secret."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from cryptography import x509

from proxier.serving import forge
from proxier.serving.authority import (
    Authority,
    authorities_in,
    bundle_of,
    data_with,
    needs_successor,
    new_authority,
    signer_of,
)
from proxier.serving.csr import EARLIEST, LATEST, Had, Serving, asked_for, due_at
from proxier.serving.forge import BACKDATED, Term
from proxier.serving.pair import CertificateError, Pair
from proxier.serving.source import PendingError
from reconciler import names
from reconciler.clock import Clock
from reconciler.kube.client import Client
from reconciler.kube.errors import ConflictError, NotFoundError
from reconciler.kube.resources import CONFIGMAPS, SECRETS, Resource

EVERY_SECONDS: Final = 5.0  # two small reads: an emptied Secret is a wish for a new authority
WHERE: Final = f"{names.SYSTEM_NAMESPACE}/{names.PROXIER_AUTHORITY}"


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate, and who signed it."""

    had: Had
    by: str


class Issuer:
    """Keeps the authority, publishes it, and signs; each call is one step."""

    def __init__(
        self, client: Client, clock: Clock, serving: Serving, random_: Callable[[], float] = random.random
    ) -> None:
        self._client = client
        self._clock = clock
        self._serving = serving
        self._random = random_
        self._signed: Signed | None = None

    async def __call__(self) -> Pair:
        """The pair to serve with; never one of an authority that is not published."""
        try:
            authorities = await self._authorities()
            await self._publish(authorities)
        except ConflictError as error:
            raise PendingError(f"another proxier writes {WHERE} too") from error
        signer = signer_of(authorities, self._clock.now())
        if self._signed is None or self._signed.by != signer.name or self._clock.now() >= self._signed.had.due_at:
            self._signed = Signed(self._issue(signer), signer.name)
        return self._signed.had.pair

    async def _authorities(self) -> tuple[Authority, ...]:
        """What the Secret holds, with a new one where it is time for one; of several writers one wins, the others look again."""
        secret = await self._there(SECRETS)
        now, origin = self._clock.now(), f"Secret {WHERE}"
        authorities = authorities_in(secret, origin)
        if not needs_successor(authorities, now):
            return authorities
        data = data_with(authorities, new_authority(now), now)
        return authorities_in(await self._fill(SECRETS, secret, data), origin)

    async def _publish(self, authorities: tuple[Authority, ...]) -> None:
        bundle = bundle_of(authorities, self._clock.now())
        published = await self._there(CONFIGMAPS)
        if (published.get("data") or {}).get(names.AUTHORITY_BUNDLE) != bundle:
            await self._fill(CONFIGMAPS, published, {names.AUTHORITY_BUNDLE: bundle})

    async def _there(self, resource: Resource) -> dict[str, Any]:
        try:
            return await self._client.get(resource, names.PROXIER_AUTHORITY, names.SYSTEM_NAMESPACE)
        except NotFoundError as error:
            raise CertificateError(f"{resource.kind} {WHERE} is not there: make it, empty") from error

    async def _fill(self, resource: Resource, seen: dict[str, Any], data: Any) -> dict[str, Any]:
        metadata = {"uid": seen["metadata"]["uid"], "resourceVersion": seen["metadata"]["resourceVersion"]}
        patch = {"metadata": metadata, "data": data}
        return await self._client.patch(resource, names.PROXIER_AUTHORITY, patch, names.SYSTEM_NAMESPACE)

    def _issue(self, signer: Authority) -> Had:
        now, serving = self._clock.now(), self._serving
        ends_at = min(now + timedelta(seconds=serving.seconds), signer.term.ends_at)
        asked = asked_for(serving)
        request = x509.load_pem_x509_csr(asked.pem)
        certificate = forge.certificate_for(request, signer.certificate, signer.key, Term(now - BACKDATED, ends_at))
        pair = Pair(f"our own authority {signer.name}", certificate, asked.key)
        return Had(pair, due_at(ends_at, now, EARLIEST + (LATEST - EARLIEST) * self._random()))
