"""An authority for the tests that need a signature."""

from datetime import UTC, datetime, timedelta

from cryptography import x509

from proxier.serving import forge
from proxier.serving.forge import Term

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
KEY = forge.new_key()
AUTHORITY = forge.authority_for(KEY, "test", Term(EPOCH, EPOCH + timedelta(days=36500)))


def signed(request: bytes, ends_at: datetime) -> bytes:
    """What a signer makes of the PEM of a request."""
    return forge.certificate_for(x509.load_pem_x509_csr(request), AUTHORITY, KEY, Term(EPOCH, ends_at))
