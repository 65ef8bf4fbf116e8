"""A certificate and its key, in memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
"""All that reading a certificate or a key of somebody else's raises."""


class CertificateError(Exception):
    """Certificate, key or authority cannot be used or had; the text says which and never quotes it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM of a certificate with its chain, and of the private key. `origin` names both for messages."""

    origin: str
    certificate: bytes
    key: bytes = field(repr=False)

    @property
    def expires_at(self) -> datetime:
        """When the certificate ends."""
        try:
            return x509.load_pem_x509_certificate(self.certificate).not_valid_after_utc
        except UNREADABLE as error:
            raise CertificateError(f"{self.origin}: the certificate is not PEM") from error


@contextmanager
def in_memory_file(content: bytes) -> Iterator[str]:
    """The path of a file that is on no disk: OpenSSL takes certificates and keys from files only."""
    descriptor = os.memfd_create("pem")
    try:
        with open(descriptor, "wb", closefd=False) as stream:
            stream.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
