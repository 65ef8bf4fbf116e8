import base64
import ipaddress
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxier.serving import forge
from reconciler.approval.view import Wish
from reconciler.approval.wishes import wish_of

NAME = "system:node:kubeocean-proxier-a"
KEY = ec.generate_private_key(ec.SECP256R1())
GOOD = forge.request_for(KEY, NAME, "10.0.0.7")
SUBJECT = [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, NAME)]
ADDRESS = x509.IPAddress(ipaddress.ip_address("10.0.0.7"))


def request(
    subject: Sequence[tuple[x509.ObjectIdentifier, str]] = SUBJECT,
    alternatives: Sequence[x509.GeneralName] = (ADDRESS,),
    *more: x509.ExtensionType,
) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(oid, text) for oid, text in subject])
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


def encoded(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def test_a_proxier_s_own_request_is_read() -> None:
    assert wish_of(encoded(GOOD)) == Wish(NAME, ("system:nodes",), ("10.0.0.7",))


EXTRAS = {
    "DNS": (request(alternatives=(ADDRESS, x509.DNSName("n1"))), "DNSName"),
    "e-mail": (request(alternatives=(ADDRESS, x509.RFC822Name("a@example.com"))), "RFC822Name"),
    "URI": (request(alternatives=(ADDRESS, x509.UniformResourceIdentifier("https://a"))), "UniformResourceIdentifier"),
    "a unit": (request(subject=[*SUBJECT, (NameOID.ORGANIZATIONAL_UNIT_NAME, "x")]), "2.5.4.11"),
    "to sign": (request(SUBJECT, (ADDRESS,), x509.BasicConstraints(ca=True, path_length=None)), "2.5.29.19"),
    "to be a client": (
        request(SUBJECT, (ADDRESS,), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])),
        "2.5.29.37",
    ),
}


@pytest.mark.parametrize(("pem", "extra"), EXTRAS.values(), ids=EXTRAS)
def test_everything_more_is_named(pem: bytes, extra: str) -> None:
    wish = wish_of(encoded(pem))
    assert wish is not None
    assert wish.extras == (extra,)


def test_every_address_is_read() -> None:
    more = x509.IPAddress(ipaddress.ip_address("fd00::1"))
    wish = wish_of(encoded(request(alternatives=(ADDRESS, more))))
    assert wish is not None
    assert wish.addresses == ("10.0.0.7", "fd00::1")


def with_a_second_list() -> bytes:
    """A request that asks for an address in its first list of extensions and for a name in its second one; readers differ in which they take."""
    good = x509.load_pem_x509_csr(GOOD).tbs_certrequest_bytes
    evil = x509.load_pem_x509_csr(request(alternatives=[x509.DNSName("kubernetes.default.svc")])).tbs_certrequest_bytes
    marker = bytes.fromhex("06092a864886f70d01090e")
    first, second = (each[each.index(marker) - 2 :] for each in (good, evil))
    unsigned = good[3 : good.index(first) - 2] if good[1] == 0x81 else good[2 : good.index(first) - 2]
    info = _der(0x30, unsigned + _der(0xA0, first + second))
    algorithm = _der(0x30, bytes.fromhex("06082a8648ce3d040302"))
    signature = KEY.sign(info, ec.ECDSA(hashes.SHA256()))
    whole = _der(0x30, info + algorithm + _der(0x03, b"\0" + signature))
    parsed = x509.load_der_x509_csr(whole)
    assert parsed.is_signature_valid
    return parsed.public_bytes(Encoding.PEM)


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def rsa_request() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.load_pem_x509_csr(GOOD).subject)
    builder = builder.add_extension(x509.SubjectAlternativeName([ADDRESS]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def with_an_odd_name() -> bytes:
    """A request for an address and for an X.400 name, which no reader of ours knows."""
    names = bytes.fromhex("300a") + bytes.fromhex("87040a000007") + bytes.fromhex("a302a000")
    odd = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, names)
    return request(SUBJECT, (), odd)


def of_another_version() -> bytes:
    pem = x509.load_pem_x509_csr(GOOD).public_bytes(Encoding.DER).replace(b"\x02\x01\x00", b"\x02\x01\x01", 1)
    lines = base64.encodebytes(pem).replace(b"\n", b"")
    body = b"\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return b"-----BEGIN CERTIFICATE REQUEST-----\n" + body + b"\n-----END CERTIFICATE REQUEST-----\n"


DOUBTFUL = {
    "not base64": "%%%",
    "no PEM": encoded(b"hello"),
    "something before it": encoded(b"hello\n" + GOOD),
    "something behind it": encoded(GOOD + b"hello\n"),
    "two requests": encoded(GOOD + GOOD),
    "other line breaks": encoded(GOOD.replace(b"\n", b"\r\n")),
    "another label": encoded(GOOD.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST")),
    "two names": encoded(request(subject=[*SUBJECT, (NameOID.COMMON_NAME, "kubernetes-admin")])),
    "no name": encoded(request(subject=SUBJECT[:1])),
    "no extensions": encoded(request(alternatives=())),
    "another key": encoded(rsa_request()),
    "a second list of extensions": encoded(with_a_second_list()),
    "a name of a kind that nobody reads": encoded(with_an_odd_name()),
    "another version": encoded(of_another_version()),
}


@pytest.mark.parametrize("text", DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_is_not_beyond_doubt_is_not_read(text: str) -> None:
    assert wish_of(text) is None


def test_a_request_that_its_key_did_not_sign_is_not_read() -> None:
    der = bytearray(x509.load_pem_x509_csr(GOOD).public_bytes(Encoding.DER))
    der[der.index(b"kubeocean-proxier-a") + 18] = ord("b")
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)
    assert wish_of(encoded(forged)) is None
