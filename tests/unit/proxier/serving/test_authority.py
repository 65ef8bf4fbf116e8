import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxier.serving import forge
from proxier.serving.authority import (
    LIFETIME,
    OVERLAP,
    SUCCESSOR_BEFORE,
    Authority,
    authorities_in,
    bundle_of,
    data_with,
    needs_successor,
    new_authority,
    signer_of,
)
from proxier.serving.pair import CertificateError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = new_authority(NOW)
TIME_FOR_ANOTHER = NOW + LIFETIME - SUCCESSOR_BEFORE
SECOND = new_authority(TIME_FOR_ANOTHER + DAY)
BOTH = (FIRST, SECOND)


def secret_of(*authorities: Authority) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for each in authorities:
        data |= data_with((), each, NOW)
    return {"data": data}


def test_what_is_written_is_read_again_the_eldest_first() -> None:
    read = authorities_in(secret_of(SECOND, FIRST), "Secret a/b")
    assert [each.name for each in read] == [FIRST.name, SECOND.name]
    assert [each.pem for each in read] == [FIRST.pem, SECOND.pem]
    assert forge.pem_of(read[0].key) == forge.pem_of(FIRST.key)


def test_an_empty_secret_holds_none() -> None:
    assert authorities_in({}, "Secret a/b") == ()
    assert needs_successor((), NOW)


def pem(kind: str, der: bytes) -> bytes:
    lines = base64.encodebytes(der).decode()
    return f"-----BEGIN {kind}-----\n{lines}-----END {kind}-----\n".encode()


@pytest.mark.parametrize("part", [".crt", ".key"])
def test_keys_of_a_kind_that_is_not_supported_are_told_and_not_overwritten(part: str) -> None:
    """As an operator may have made them with OpenSSL, which knows more curves."""
    certificate = FIRST.certificate.public_bytes(Encoding.DER)
    key = FIRST.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    kind, der = {".crt": ("CERTIFICATE", certificate), ".key": ("PRIVATE KEY", key)}[part]
    p256, another = (bytes.fromhex(f"2a8648ce3d0301{last}") for last in ("07", "03"))
    data = secret_of(FIRST)["data"]
    data[FIRST.name + part] = base64.b64encode(pem(kind, der.replace(p256, another))).decode()
    with pytest.raises(CertificateError, match="Secret a/b"):
        authorities_in({"data": data}, "Secret a/b")


@pytest.mark.parametrize("spoiled", ["no key", "another's key", "no PEM", "no base64"])
def test_a_spoiled_secret_is_not_overwritten(spoiled: str) -> None:
    data = secret_of(FIRST)["data"]
    key = f"{FIRST.name}.key"
    if spoiled == "no key":
        del data[key]
    else:
        foreign = base64.b64encode(forge.pem_of(SECOND.key)).decode()
        data[key] = {"another's key": foreign, "no PEM": "eA==", "no base64": "%"}[spoiled]
    with pytest.raises(CertificateError, match="Secret a/b"):
        authorities_in({"data": data}, "Secret a/b")


def test_another_is_made_two_years_before_the_end() -> None:
    assert not needs_successor((FIRST,), TIME_FOR_ANOTHER - DAY)
    assert needs_successor((FIRST,), TIME_FOR_ANOTHER + DAY)
    assert not needs_successor(BOTH, TIME_FOR_ANOTHER + DAY)


def test_the_first_signs_at_once() -> None:
    assert signer_of((FIRST,), NOW) is FIRST


def test_a_successor_signs_only_when_it_has_been_known_for_a_year() -> None:
    published_at = TIME_FOR_ANOTHER + DAY
    assert signer_of(BOTH, published_at) is FIRST
    assert signer_of(BOTH, published_at + OVERLAP - DAY) is FIRST
    assert signer_of(BOTH, published_at + OVERLAP) is SECOND


def test_both_are_published_while_both_hold() -> None:
    assert bundle_of(BOTH, TIME_FOR_ANOTHER + DAY) == (FIRST.pem + SECOND.pem).decode()
    assert bundle_of(BOTH, NOW + LIFETIME - DAY) == (FIRST.pem + SECOND.pem).decode()
    assert bundle_of(BOTH, NOW + LIFETIME + DAY) == SECOND.pem.decode()


def test_a_successor_signs_well_before_the_other_ends() -> None:
    assert timedelta(days=180) < SUCCESSOR_BEFORE - OVERLAP


def test_whoever_ended_is_forgotten_with_the_next() -> None:
    change = data_with(BOTH, new_authority(NOW + LIFETIME + DAY), NOW + LIFETIME + DAY)
    gone = {key for key, value in change.items() if value is None}
    assert gone == {f"{FIRST.name}.crt", f"{FIRST.name}.key"}


def test_a_certificate_is_valid_under_its_authority_and_no_other() -> None:
    request = x509.load_pem_x509_csr(forge.request_for(forge.new_key(), "system:node:kubeocean-proxier-a", "10.0.0.7"))
    term = forge.Term(NOW, NOW + DAY)
    made = x509.load_pem_x509_certificate(forge.certificate_for(request, FIRST.certificate, FIRST.key, term))
    made.verify_directly_issued_by(FIRST.certificate)
    with pytest.raises(ValueError, match="does not match"):
        made.verify_directly_issued_by(SECOND.certificate)
    assert (made.not_valid_before_utc, made.not_valid_after_utc) == (NOW, NOW + DAY)
    constraints = FIRST.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
