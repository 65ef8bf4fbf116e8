"""Authorities of our own, and which of them signs: pure over what the Secret holds and an instant.

An authority that follows another is published long before it signs, and the other long after it signed last: whoever reads the published bundle once in
that time takes every certificate.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from proxier.serving import forge
from proxier.serving.forge import BACKDATED, Term
from proxier.serving.pair import UNREADABLE, CertificateError
from proxier.serving.secret import decoded
from reconciler import names

LIFETIME: Final = timedelta(days=3650)
SUCCESSOR_BEFORE: Final = timedelta(days=730)  # the end of the youngest, the next one is made and published
OVERLAP: Final = timedelta(days=365)  # from its publication until it signs
CERTIFICATE_SUFFIX, KEY_SUFFIX = ".crt", ".key"


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that signs, its key, and the name of both in the Secret."""

    name: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def term(self) -> Term:
        """From when to when it holds."""
        return Term(self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc)

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)


def new_authority(now: datetime) -> Authority:
    """An authority that holds from now on."""
    key = forge.new_key()
    name = f"{now:%Y%m%d%H%M%S}-{x509.random_serial_number():x}"[:24]
    term = Term(now - BACKDATED, now + LIFETIME)
    return Authority(name, forge.authority_for(key, f"{names.PROXIER_AUTHORITY}-{name}", term), key)


def authorities_in(secret: dict[str, Any], origin: str) -> tuple[Authority, ...]:
    """What a Secret holds, the eldest first; CertificateError when anything in it cannot be read: then nothing is overwritten."""
    stems = [
        key.removesuffix(CERTIFICATE_SUFFIX) for key in secret.get("data") or {} if key.endswith(CERTIFICATE_SUFFIX)
    ]
    return tuple(sorted((_authority(secret, stem, origin) for stem in stems), key=lambda each: each.term.begins_at))


def _authority(secret: dict[str, Any], stem: str, origin: str) -> Authority:
    certificate_pem = decoded(secret, stem + CERTIFICATE_SUFFIX, origin)
    key_pem = decoded(secret, stem + KEY_SUFFIX, origin)
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        public_key = certificate.public_key()
        key = load_pem_private_key(key_pem, password=None)
    except UNREADABLE:
        raise CertificateError(
            f"{origin}: {stem} is no pair of PEM, or not of EC keys"
        ) from None  # the cause may quote the key
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != public_key:
        raise CertificateError(f"{origin}: {stem} is no pair of certificate and EC key")
    return Authority(stem, certificate, key)


def holding(authorities: Sequence[Authority], now: datetime) -> tuple[Authority, ...]:
    """Those that have not ended."""
    return tuple(each for each in authorities if now < each.term.ends_at)


def needs_successor(authorities: Sequence[Authority], now: datetime) -> bool:
    """Whether none holds for long enough to be followed in peace."""
    return all(each.term.ends_at - now < SUCCESSOR_BEFORE for each in authorities)


def signer_of(authorities: Sequence[Authority], now: datetime) -> Authority:
    """The youngest that has been published for long enough, else the eldest that holds."""
    held = holding(authorities, now)
    known = [each for each in held if each.term.begins_at + BACKDATED + OVERLAP <= now]
    return known[-1] if known else held[0]


def bundle_of(authorities: Sequence[Authority], now: datetime) -> str:
    """PEM of all that hold, the eldest first."""
    return b"".join(each.pem for each in holding(authorities, now)).decode("ascii")


def data_with(authorities: Sequence[Authority], added: Authority, now: datetime) -> Mapping[str, Any]:
    """The change of a Secret's data that adds an authority and forgets those that have ended."""
    ended = [each for each in authorities if each not in holding(authorities, now)]
    dropped = {each.name + suffix: None for each in ended for suffix in (CERTIFICATE_SUFFIX, KEY_SUFFIX)}
    return dropped | {
        added.name + CERTIFICATE_SUFFIX: base64.b64encode(added.pem).decode(),
        added.name + KEY_SUFFIX: base64.b64encode(forge.pem_of(added.key)).decode(),
    }
