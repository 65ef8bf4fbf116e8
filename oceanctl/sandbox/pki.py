"""Certificates of a sandbox cluster: EC P-256, ten years, private keys readable by their owner only."""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=3650)
BACKDATED = timedelta(minutes=5)  # machines on a network of virtual machines disagree about the time


class Usage(Enum):
    """What a certificate's holder may do with it."""

    CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
    SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
    PEER = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate names: common name (the user), organisations (the groups), and addresses of a server."""

    name: str
    groups: Sequence[str] = ()
    hosts: Sequence[str] = ()
    usage: Usage = Usage.CLIENT


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key as PEM files."""

    certificate: Path
    key: Path

    @property
    def exists(self) -> bool:
        """Whether both files were written; the certificate is written last."""
        return self.certificate.is_file() and self.key.is_file()


class Authority:
    """A certificate authority kept as `NAME.crt` and `NAME.key` of a folder; everything it makes is made once and then found again."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self.pair = _pair(folder, name)
        if not self.pair.exists:
            _write_authority(self.pair, common_name=f"{folder.parent.name}-{name}")
        self._certificate = x509.load_pem_x509_certificate(self.pair.certificate.read_bytes())
        self._key = load_key(self.pair.key)

    def issue(self, file_name: str, identity: Identity) -> KeyPair:
        """The pair `file_name`, signed for `identity` unless it is there already."""
        pair = _pair(self.folder, file_name)
        if pair.exists:
            return pair
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_subject(identity), self._certificate.subject, key.public_key())
        for extension, is_critical in _leaf_extensions(identity, self._key.public_key()):
            builder = builder.add_extension(extension, is_critical)
        _write_key(pair.key, key)
        _write(pair.certificate, builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return pair


def signing_key(folder: Path, name: str) -> KeyPair:
    """A key pair without a certificate (service-account tokens): `certificate` is the public key."""
    pair = KeyPair(folder / f"{name}.pub", folder / f"{name}.key")
    if not pair.exists:
        key = ec.generate_private_key(ec.SECP256R1())
        _write_key(pair.key, key)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        _write(pair.certificate, public)
    return pair


def load_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """The EC key of a PEM file."""
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{file} is no EC key")
    return key


def _pair(folder: Path, name: str) -> KeyPair:
    return KeyPair(folder / f"{name}.crt", folder / f"{name}.key")


def _write_authority(pair: KeyPair, common_name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(pair.key, key)
    _write(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
    )


def _subject(identity: Identity) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in identity.groups]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, identity.name)])


def _leaf_extensions(identity: Identity, issuer: ec.EllipticCurvePublicKey) -> list[tuple[x509.ExtensionType, bool]]:
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage(identity.usage.value), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), False),  # Python 3.13 verifies strictly
    ]
    if identity.hosts:
        extensions.append((x509.SubjectAlternativeName([_general_name(host) for host in identity.hosts]), False))
    return extensions


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,  # Kubernetes 1.20 demands it of serving certificates, even of EC keys
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    _write(file, pem)


def _write(file: Path, content: bytes) -> None:
    """Complete or not at all, and never readable by others, not even for a moment."""
    unfinished = file.with_suffix(f"{file.suffix}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    unfinished.replace(file)
