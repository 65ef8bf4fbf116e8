"""Builders of keys, requests and certificates: EC P-256."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reconciler import names

BACKDATED: Final = timedelta(minutes=5)  # clocks of machines differ


@dataclass(frozen=True, slots=True)
class Term:
    """From when to when a certificate holds."""

    begins_at: datetime
    ends_at: datetime


def new_key() -> ec.EllipticCurvePrivateKey:
    """A private key."""
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as unencrypted PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def request_for(key: ec.EllipticCurvePrivateKey, common_name: str, address: str) -> bytes:
    """PEM of a request for a kubelet's serving certificate."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_node(common_name))
    return builder.add_extension(_at(address), critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def authority_for(key: ec.EllipticCurvePrivateKey, common_name: str, term: Term) -> x509.Certificate:
    """The certificate of an authority that signs serving certificates and no other authority's."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _builder(subject, key.public_key(), term).issuer_name(subject)
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def certificate_for(
    request: x509.CertificateSigningRequest,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    term: Term,
) -> bytes:
    """PEM of the serving certificate that a request of ours asks an authority for."""
    names_ = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    builder = _builder(request.subject, key, term).issuer_name(authority.subject)
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names_.value, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


def _node(common_name: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, names.SERVING_ORGANIZATION)
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _at(address: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])


def _builder(subject: x509.Name, key: ec.EllipticCurvePublicKey, term: Term) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(term.begins_at)
        .not_valid_after(term.ends_at)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        key_encipherment=False,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
