"""The source that the settings ask for."""

from pathlib import Path

from proxier.serving import csr, own, secret
from proxier.serving.csr import Requester, Serving
from proxier.serving.own import Issuer
from proxier.serving.secret import SecretReader
from proxier.serving.source import Files, Kept, Source
from proxier.settings import CSR, OWN_CA, SECRET, Settings
from reconciler.clock import Clock
from reconciler.kube.client import Client


def source_for(settings: Settings, client: Client, clock: Clock, lease: str) -> Source:
    """Where this proxier's certificate comes from; `lease` is the name under which it announces itself."""
    serving = Serving(lease, settings.advertise_address, settings.serving_certificate_seconds)
    source = settings.serving_certificate
    if source == SECRET:
        return Kept(SecretReader(client, settings.tls_secret), secret.EVERY_SECONDS)
    if source == CSR:
        return Kept(Requester(client, clock, serving), csr.EVERY_SECONDS)
    if source == OWN_CA:
        return Kept(Issuer(client, clock, serving), own.EVERY_SECONDS)
    return Files(Path(settings.tls_cert_file), Path(settings.tls_key_file))
