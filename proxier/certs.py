"""TLS of the serving side: our certificate from its source, the clients' authority from the computing cluster or a file, both renewed without dropping anybody.

A connection keeps the context of its handshake, so a new one is simply used from the next connection on.
"""

import ssl
from datetime import datetime
from pathlib import Path

from proxier.serving.pair import CertificateError, Pair, in_memory_file
from proxier.serving.source import Source

__all__ = ["CertificateError", "ServingTls", "context_for"]


class ServingTls:
    """The context for new connections. There is none until certificate and authority are known: then nothing is served."""

    def __init__(self, source: Source, authority_file: Path | None) -> None:
        self._source = source
        self._authority_file = authority_file
        self._authorities_of_cluster = ""
        self._made_from: tuple[Pair, str] | None = None
        self.context: ssl.SSLContext | None = None
        self.expires_at: datetime | None = None  # None while there is no certificate

    def trust(self, authorities: str) -> None:
        """Take over the authorities that the computing cluster publishes; empty when it publishes none any more."""
        self._authorities_of_cluster = authorities

    def is_valid(self, now: datetime) -> bool:
        """Whether there is a certificate that API servers would still take."""
        return self.context is not None and self.expires_at is not None and now < self.expires_at

    def refresh(self) -> bool:
        """Look at everything again; whether new connections get another context than before.

        Raises:
            CertificateError: Something cannot be used; what was in force stays in force.

        """
        authorities = self._authorities()
        if not authorities.strip():
            raise CertificateError("no authority of clients is known")
        found = (self._source.current(), authorities)
        if found == self._made_from:
            return False
        pair, _ = found
        self.context, self.expires_at = context_for(pair, authorities), pair.expires_at
        self._made_from = found
        return True

    def _authorities(self) -> str:
        from_file = ""
        if self._authority_file is not None:
            try:
                from_file = self._authority_file.read_text(encoding="utf-8", errors="replace")
            except OSError as error:
                raise CertificateError(f"{self._authority_file}: cannot be read") from error
        return f"{from_file}\n{self._authorities_of_cluster}"


def context_for(pair: Pair, authorities: str) -> ssl.SSLContext:
    """A context that asks for client certificates and takes only those of the given authorities.

    Not `create_default_context`: from Python 3.13 on that refuses authorities that clusters really have. Whoever shows no certificate may still show a token.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        with in_memory_file(pair.certificate) as certificate, in_memory_file(pair.key) as key:
            context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CertificateError(f"{pair.origin}: no pair of certificate and key in PEM") from error
    try:
        ascii_only = authorities.encode("ascii", "replace").decode("ascii")  # remarks may hold anything
        context.load_verify_locations(cadata=ascii_only)
    except (ssl.SSLError, ValueError) as error:
        raise CertificateError("the authority of clients is not PEM") from error
    return context


def _no_password() -> str:
    raise ValueError("an encrypted key cannot be used")  # otherwise OpenSSL asks on the terminal
