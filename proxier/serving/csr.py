"""A certificate that the computing cluster's own authority signs: asked for by a CertificateSigningRequest, which somebody approves.

The key is in this process only, and every certificate has a new one: after a restart asking anew takes seconds, a file would have to be guarded.
"""

import base64
import hashlib
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxier.serving import forge
from proxier.serving.pair import UNREADABLE, CertificateError, Pair
from proxier.serving.source import PendingError
from reconciler import names
from reconciler.clock import Clock
from reconciler.kube.client import Client
from reconciler.kube.errors import AlreadyExistsError, NotFoundError
from reconciler.kube.resources import SIGNING_REQUESTS

EVERY_SECONDS: Final = 1.0
EARLIEST, LATEST = (
    0.7,
    0.9,
)  # of what is left when a certificate is had, to its renewal; random, so that replicas do not ask together


@dataclass(frozen=True, slots=True)
class Serving:
    """Whom a certificate is for: the Lease of the proxier, the address it announces, and how long it is to live."""

    lease: str
    address: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of ours that is not answered yet."""

    name: str
    pem: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Had:
    """A certificate, and from when on another one is asked for."""

    pair: Pair
    due_at: datetime


def asked_for(serving: Serving) -> Asked:
    """A request with a new key, under a name that no other request has."""
    key = forge.new_key()
    pem = forge.request_for(key, names.serving_common_name(serving.lease), serving.address)
    digest = hashlib.sha256(pem).hexdigest()[:16]
    return Asked(f"{serving.lease}-{digest}", pem, forge.pem_of(key))


def manifest_for(asked: Asked, seconds: int) -> dict[str, Any]:
    """The request as an object; servers before 1.22 ignore for how long."""
    return {
        "apiVersion": SIGNING_REQUESTS.api_version,
        "kind": SIGNING_REQUESTS.kind,
        "metadata": {"name": asked.name, "labels": {names.MANAGED_BY: names.MANAGED_BY_VALUE, names.PROXIER: "true"}},
        "spec": {
            "signerName": names.SERVING_SIGNER,
            "usages": list(names.SERVING_USAGES),
            "expirationSeconds": seconds,
            "request": base64.b64encode(asked.pem).decode(),
        },
    }


def answer_to(asked: Asked, found: dict[str, Any]) -> Pair:
    """The pair that an object's status gives; PendingError while nobody has answered, CertificateError when the answer is no."""
    status = found.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") in ("Denied", "Failed"):
            said = f"{condition.get('reason', '')}: {condition.get('message', '')}"
            raise CertificateError(f"CertificateSigningRequest {asked.name} is {condition['type']}: {said}")
    if not status.get("certificate"):
        is_approved = any(each.get("type") == "Approved" for each in status.get("conditions") or ())
        raise PendingError(
            f"CertificateSigningRequest {asked.name} is {'approved, but not signed' if is_approved else 'not approved'} yet"
        )
    pair = Pair(
        f"CertificateSigningRequest {asked.name}", base64.b64decode(status["certificate"], validate=True), asked.key
    )
    _check(pair, asked)
    return pair


def due_at(expires_at: datetime, now: datetime, share: float) -> datetime:
    """When to renew: after that share of what is left. Certificates are backdated, so their beginning says nothing."""
    return now + (expires_at - now) * share


def _check(pair: Pair, asked: Asked) -> None:
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        certified = x509.load_pem_x509_certificate(pair.certificate).public_key().public_bytes(*form)
    except UNREADABLE as error:
        raise CertificateError(f"{pair.origin}: the certificate is not PEM") from error
    if certified != x509.load_pem_x509_csr(asked.pem).public_key().public_bytes(*form):
        raise CertificateError(f"{pair.origin}: the certificate is for another key")


class Requester:
    """Asks, looks for the answer, and asks again in time; each call is one step."""

    def __init__(
        self, client: Client, clock: Clock, serving: Serving, random_: Callable[[], float] = random.random
    ) -> None:
        self._client = client
        self._clock = clock
        self._serving = serving
        self._random = random_
        self._asked: Asked | None = None
        self._had: Had | None = None

    async def __call__(self) -> Pair:
        """The pair to serve with."""
        if self._had is not None and self._clock.now() < self._had.due_at:
            return self._had.pair
        if self._asked is None:
            self._asked = await self._ask()
        try:
            pair = await self._answer(self._asked)
        except PendingError:
            raise
        except CertificateError:
            self._asked = None
            raise
        self._asked = None
        self._had = self._taken(pair)
        return pair

    async def _ask(self) -> Asked:
        asked = asked_for(self._serving)
        with suppress(AlreadyExistsError):  # ours: the name is made of what the key has signed
            await self._client.create(SIGNING_REQUESTS, manifest_for(asked, self._serving.seconds))
        return asked

    async def _answer(self, asked: Asked) -> Pair:
        try:
            return answer_to(asked, await self._client.get(SIGNING_REQUESTS, asked.name))
        except NotFoundError as error:
            raise CertificateError(f"CertificateSigningRequest {asked.name} was deleted unanswered") from error

    def _taken(self, pair: Pair) -> Had:
        now = self._clock.now()
        remaining = pair.expires_at - now
        if remaining <= timedelta(0):
            raise CertificateError(f"{pair.origin}: the signer's certificate has expired already")
        return Had(pair, due_at(pair.expires_at, now, EARLIEST + (LATEST - EARLIEST) * self._random()))
