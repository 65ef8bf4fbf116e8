"""Reads what a request asks for, so strictly that no signer can read anything else in it."""

import base64
from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from reconciler.approval.view import Wish

_EXTENSION_REQUEST: Final = x509.ObjectIdentifier("1.2.840.113549.1.9.14")
_UNREADABLE: Final = (  # all that reading a request raises: API servers store requests that are no better
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def wish_of(request: str) -> Wish | None:
    """The wish in the base64 of a PEM; None unless that is the one canonical encoding of a valid request with an EC key.

    Parsers differ in what they skip: before, between and behind PEM blocks, and in a second list of extensions.
    """
    try:
        pem = base64.b64decode(request, validate=True)
        parsed = x509.load_pem_x509_csr(pem)
        if parsed.public_bytes(Encoding.PEM) != pem or not parsed.is_signature_valid:
            return None
        if not isinstance(parsed.public_key(), ec.EllipticCurvePublicKey):
            return None
        return _wish_in(parsed)
    except _UNREADABLE:
        return None


def _wish_in(parsed: x509.CertificateSigningRequest) -> Wish | None:
    common_names = _texts(parsed.subject, NameOID.COMMON_NAME)
    if len(common_names) != 1 or [attribute.oid for attribute in parsed.attributes] != [_EXTENSION_REQUEST]:
        return None
    extras = [
        attribute.oid.dotted_string
        for attribute in parsed.subject
        if attribute.oid not in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    ]
    names: Iterable[x509.GeneralName] = ()
    for extension in parsed.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names = tuple(extension.value)
        else:
            extras.append(extension.oid.dotted_string)
    extras += [type(name).__name__ for name in names if not isinstance(name, x509.IPAddress)]
    addresses = tuple(str(name.value) for name in names if isinstance(name, x509.IPAddress))
    return Wish(common_names[0], _texts(parsed.subject, NameOID.ORGANIZATION_NAME), addresses, tuple(extras))


def _texts(subject: x509.Name, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(attribute.value) for attribute in subject.get_attributes_for_oid(oid))
