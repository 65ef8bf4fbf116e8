"""What it takes to talk to one API server: kubernetes.aio's configuration, and a TLS context made of keys that do not stay on disk."""

import base64
import binascii
import json
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from reconciler.kube.kubeconfig_files import Chosen, KubeconfigError


@dataclass(frozen=True, slots=True)
class Access:
    """One API server and a credential for it.

    `expires_at` is when the client certificate or the token (if it says so) ends: what a later 401 most likely means.
    """

    configuration: Configuration
    tls: ssl.SSLContext
    expires_at: datetime | None = None

    @property
    def server(self) -> str:
        """The server's address, fit for messages."""
        return str(self.configuration.host)


@dataclass(frozen=True, slots=True)
class Material:
    """PEM that a kubeconfig carries inline."""

    cluster_at: str = ""
    user_at: str = ""
    authorities: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, chosen: Chosen) -> "Material":
        """The material of a context's cluster and user, each part checked as far as it can be alone."""
        certificate_at, key_at = f"{chosen.user_at}.client-certificate-data", f"{chosen.user_at}.client-key-data"
        material = cls(
            chosen.cluster_at,
            chosen.user_at,
            authorities=_decoded(
                f"{chosen.cluster_at}.certificate-authority-data", chosen.cluster.get("certificate-authority-data")
            ),
            certificate=_decoded(certificate_at, chosen.user.get("client-certificate-data")),
            key=_decoded(key_at, chosen.user.get("client-key-data")),
        )
        if material.certificate is not None and material.key is None:
            raise KubeconfigError(key_at, "is missing, and the certificate is of no use without it")
        if material.key is not None and material.certificate is None:
            raise KubeconfigError(certificate_at, "is missing, and the key is of no use without it")
        return material


def access_for(configuration: Configuration, material: Material) -> Access:
    """The access that a configuration gives together with inline material."""
    expires_at = _expiry_of(configuration, material)
    return Access(configuration, _tls_for(configuration, material), expires_at)


def _decoded(at: str, value: Any) -> bytes | None:
    if not value:
        return None
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (AttributeError, binascii.Error, ValueError):
        raise KubeconfigError(at, "is not base64") from None  # the cause may quote the value


def _tls_for(configuration: Configuration, material: Material) -> ssl.SSLContext:
    context = _verifying_context(configuration, material)
    if material.certificate is None or material.key is None:
        return context
    with tempfile.TemporaryDirectory() as folder:  # OpenSSL takes certificates from files only
        chain, key = Path(folder, "client.crt"), Path(folder, "client.key")
        chain.write_bytes(material.certificate)
        key.touch(mode=0o600)
        key.write_bytes(material.key)
        try:
            context.load_cert_chain(chain, key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise KubeconfigError(
                f"{material.user_at}.client-key-data",
                "and client-certificate-data are not a pair of PEM key and certificate",
            ) from error
    return context


def _verifying_context(configuration: Configuration, material: Material) -> ssl.SSLContext:
    try:
        configuration.ca_cert_data = material.authorities.decode("ascii") if material.authorities else None
        context: ssl.SSLContext = RESTClientObject(configuration).ssl_context
    except (ssl.SSLError, ValueError) as error:
        at = f"{material.cluster_at}.certificate-authority-data" if material.authorities else "certificates"
        raise KubeconfigError(at, "cannot be used as PEM certificates") from error
    except OSError as error:
        raise KubeconfigError("certificates", f"cannot be read: {error.strerror or error}") from error
    return context


def _no_password() -> str:
    raise ValueError("an encrypted key cannot be used")  # otherwise OpenSSL asks on the terminal


def _expiry_of(configuration: Configuration, material: Material) -> datetime | None:
    known = (_certificate_expiry(material), _token_expiry(configuration.api_key.get("BearerToken", "")))
    return min((instant for instant in known if instant is not None), default=None)


def _certificate_expiry(material: Material) -> datetime | None:
    if material.certificate is None:
        return None
    try:
        return x509.load_pem_x509_certificate(material.certificate).not_valid_after_utc
    except ValueError as error:
        raise KubeconfigError(f"{material.user_at}.client-certificate-data", "is not a PEM certificate") from error


def _token_expiry(token: str) -> datetime | None:
    """The `exp` of a JWT, unverified; None for any other token."""
    try:
        _, claims, _ = token.rpartition(" ")[2].split(".")
        return datetime.fromtimestamp(json.loads(base64.urlsafe_b64decode(claims + "=="))["exp"], UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
