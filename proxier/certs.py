"""TLS of the serving side: our certificate from files, the clients' authority from the computing cluster or a file, both renewed without dropping anybody.

A connection keeps the context of its handshake, so a new one is simply used from the next connection on.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path


class CertificateError(Exception):
    """Certificate, key or authority cannot be used; the text names the file and never quotes it."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a context is made of: files of certificate (with its chain) and key, and PEM of the authorities of clients."""

    certificate: Path
    key: Path
    authorities: str


class ServingTls:
    """The context for new connections. There is none until certificate and authority are known: then nothing is served."""

    def __init__(self, certificate: Path, key: Path, authority_file: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self._authority_file = authority_file
        self._authorities_of_cluster = ""
        self._made_from: tuple[bytes, bytes, str] | None = None
        self.context: ssl.SSLContext | None = None

    def trust(self, authorities: str) -> None:
        """Take over the authorities that the computing cluster publishes; empty when it publishes none any more."""
        self._authorities_of_cluster = authorities

    def refresh(self) -> bool:
        """Look at everything again; whether new connections get another context than before.

        Raises:
            CertificateError: Something cannot be used; what was in force stays in force.

        """
        authorities = self._authorities()
        if not authorities.strip():
            raise CertificateError("no authority of clients is known")
        try:
            found = (self._certificate.read_bytes(), self._key.read_bytes(), authorities)
        except OSError as error:
            raise CertificateError(f"{error.filename}: {error.strerror}") from error
        if found == self._made_from:
            return False
        self.context = context_for(Material(self._certificate, self._key, authorities))
        self._made_from = found
        return True

    def _authorities(self) -> str:
        from_file = ""
        if self._authority_file is not None:
            try:
                from_file = self._authority_file.read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise CertificateError(f"{self._authority_file}: cannot be read") from error
        return f"{from_file}\n{self._authorities_of_cluster}"


def context_for(material: Material) -> ssl.SSLContext:
    """A context that asks for client certificates and takes only those of the given authorities.

    Not `create_default_context`: from Python 3.13 on that refuses authorities that clusters really have. Whoever shows no certificate may still show a token.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(material.certificate, material.key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CertificateError(f"{material.certificate} and {material.key} are no pair of PEM files") from error
    try:
        context.load_verify_locations(cadata=material.authorities)
    except (ssl.SSLError, ValueError) as error:
        raise CertificateError("the authority of clients is not PEM") from error
    return context


def _no_password() -> str:
    raise ValueError("an encrypted key cannot be used")  # otherwise OpenSSL asks on the terminal
